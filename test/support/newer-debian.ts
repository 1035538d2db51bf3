import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { canInstall, dockerAnswers, lastLines, type Program, provisionHere } from './provision.ts';

const run = promisify(execFile);

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mq-test');
/** Where the newer Debian is kept between runs, about 500 MB. */
const ROOT = join(CACHE, 'debian-trixie');
/** The coming Debian, for benchmarks alone: its RabbitMQ is 4.3. */
const COMING = join(CACHE, 'debian-forky');

const PROGRAMS = {
  'redis-server': { path: '/usr/bin/redis-server', image: 'redis:8' },
  'valkey-server': { path: '/usr/bin/valkey-server', image: 'valkey/valkey:8' },
  'rabbitmq-server': { path: '/usr/lib/rabbitmq/bin/rabbitmq-server', image: 'rabbitmq:4-management' },
} as const;
export type NewerName = keyof typeof PROGRAMS;

/**
 * Debian 13: RabbitMQ 4.0, Redis 8.0, Valkey 8.1. The mounts are in a namespace of their own and end with it. A
 * `debootstrap` does not know suites that are younger than itself: they are made as `sid` is. The index of a suite that
 * is not released expires, and a mirror may be behind.
 */
const BUILD = `
set -eu
root=$1 debootstrap=$2 suite=$3
shift 3
mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9
[ -e "$root" ] && exit 0
rm -rf "$root.new"
mkdir "$root.new"
if [ "$suite" = trixie ]; then
  "$debootstrap" --variant=minbase trixie "$root.new"
else
  mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | head -n 1)
  "$debootstrap" --variant=minbase "$suite" "$root.new" "$mirror" /usr/share/debootstrap/scripts/sid
fi
printf '#!/bin/sh\\nexit 101\\n' >"$root.new/usr/sbin/policy-rc.d"
chmod 755 "$root.new/usr/sbin/policy-rc.d"
security=$(apt-get indextargets --format '$(REPO_URI)' | grep -m 1 security || true)
[ -z "$security" ] || [ "$suite" != trixie ] || echo "deb $security trixie-security main" >>"$root.new/etc/apt/sources.list"
unshare --mount sh -euc '
  root=$1
  shift
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --rbind /sys "$root/sys"
  export DEBIAN_FRONTEND=noninteractive
  chroot "$root" apt-get -q -o Acquire::Check-Valid-Until=false update
  chroot "$root" apt-get -q -y install --no-install-recommends "$@"
  chroot "$root" apt-get clean
' sh "$root.new" "$@"
mv "$root.new" "$root"
`;

/**
 * Null when the newer releases can be tested here; else why not, in a few words. `build`: may take a minute to get
 * them.
 */
export async function newerReleases(build: boolean): Promise<string | null> {
  if (!canInstall()) return (await dockerAnswers()) ? null : 'they need root on Debian or Ubuntu, or Docker';
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
  } catch {
    return 'this system allows no mount namespaces';
  }
  if (existsSync(ROOT)) return null;
  if (!build) return 'they are fetched when all tests are run';
  try {
    await fetchInto(ROOT, 'trixie', Object.keys(PROGRAMS));
    return null;
  } catch (error) {
    return `fetching them failed: ${lastLines(error)}`;
  }
}

async function fetchInto(root: string, suite: string, packages: readonly string[]): Promise<void> {
  const debootstrap = await provisionHere('debootstrap');
  process.stderr.write(`tests: fetching a newer Debian into ${root}\n`);
  const limits = { timeout: 10 * 60_000, maxBuffer: 64 * 1024 * 1024 };
  await run('sh', ['-c', BUILD, 'build', root, debootstrap, suite, ...packages], limits);
}

/** A RabbitMQ of 4.2 or newer, whose shovel can work without a connection. Rejects if none can be had here. */
export async function comingRabbitmq(): Promise<Program> {
  const { path, image } = PROGRAMS['rabbitmq-server'];
  if (!canInstall()) return { place: 'container', image, command: 'rabbitmq-server' };
  if (!existsSync(COMING)) await fetchInto(COMING, 'forky', ['rabbitmq-server']);
  return { place: 'chroot', root: COMING, path };
}

/** A program of the newer release, once `newerReleases` has said null. */
export function newerProgram(name: NewerName): Program {
  const { path, image } = PROGRAMS[name];
  if (existsSync(ROOT)) return { place: 'chroot', root: ROOT, path };
  return { place: 'container', image, command: name };
}
