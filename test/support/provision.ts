import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A program outside npm that some tests need. */
interface Tool {
  /** Debian's package that holds it. */
  readonly package: string;
  /**
   * Where it may be beside PATH. Looked at first: Debian's `rabbitmq-server` on PATH changes the user, the one below
   * does not.
   */
  readonly folders: readonly string[];
  /** The image that has it, where a container can take its place. */
  readonly image: string | null;
  /** The setting that makes it unnecessary. */
  readonly instead: string | null;
}

const TOOLS = {
  'redis-server': { package: 'redis-server', folders: [], image: 'redis:7.2', instead: 'MQ_TEST_REDIS_URL' },
  'redis-cli': { package: 'redis-tools', folders: [], image: null, instead: null },
  'rabbitmq-server': {
    package: 'rabbitmq-server',
    folders: ['/usr/lib/rabbitmq/bin'],
    image: 'rabbitmq:3.13-management',
    instead: 'MQ_TEST_RABBITMQ_URL and MQ_TEST_RABBITMQ_MANAGEMENT_URL',
  },
  'amqp-publish': { package: 'amqp-tools', folders: [], image: null, instead: null },
  zsh: { package: 'zsh', folders: [], image: null, instead: null },
  fish: { package: 'fish', folders: [], image: null, instead: null },
  openssl: { package: 'openssl', folders: [], image: null, instead: null },
  python3: { package: 'python3-venv', folders: [], image: null, instead: null },
  javac: { package: 'default-jdk-headless', folders: [], image: null, instead: null },
  mvn: { package: 'maven', folders: [], image: null, instead: null },
  debootstrap: { package: 'debootstrap', folders: [], image: null, instead: null },
} as const satisfies Readonly<Record<string, Tool>>;

export type ToolName = keyof typeof TOOLS;

/**
 * How to start a tool: a program on this machine, one in a newer system below a folder, or a container that takes its
 * place.
 */
export type Program =
  | { readonly place: 'here'; readonly path: string }
  | { readonly place: 'chroot'; readonly root: string; readonly path: string }
  | { readonly place: 'container'; readonly image: string; readonly command: string };

const found = new Map<ToolName, Promise<Program>>();

/**
 * Finds a tool, or installs it with apt when that is possible without asking, or falls back to a container.
 * Rejects with one message that lists every way to provide it.
 */
export function provision(name: ToolName): Promise<Program> {
  const known = found.get(name);
  if (known !== undefined) return known;
  const search = provisionOnce(name);
  found.set(name, search);
  return search;
}

/** The path of a tool that must be on this machine itself. */
export async function provisionHere(name: ToolName): Promise<string> {
  const program = await provision(name);
  if (program.place === 'here') return program.path;
  throw new Error(howToProvide(name, 'a container cannot take its place here'));
}

async function provisionOnce(name: ToolName): Promise<Program> {
  const tool: Tool = TOOLS[name];
  const before = locate(name);
  if (before !== null) return { place: 'here', path: before };
  if (!canInstall()) {
    if (tool.image !== null && (await dockerAnswers())) return { place: 'container', image: tool.image, command: name };
    throw new Error(howToProvide(name, null));
  }
  process.stderr.write(`tests: installing ${tool.package} with apt\n`);
  try {
    await installWithApt(tool.package);
  } catch (error) {
    throw new Error(howToProvide(name, `apt failed: ${lastLines(error)}`));
  }
  const after = locate(name);
  if (after === null) throw new Error(howToProvide(name, `apt installed ${tool.package}, but it is not there`));
  return { place: 'here', path: after };
}

function locate(name: ToolName): string | null {
  const path = process.env.PATH ?? '';
  const folders = [...TOOLS[name].folders, ...path.split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const folder of folders) {
    if (folder === '') continue;
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not here: the next folder.
    }
  }
  return null;
}

/** Root on Debian or Ubuntu: a throw-away machine or a container, where tests may install packages. */
export function canInstall(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/**
 * The packages of servers start them at once, on all addresses. `policy-rc.d` is Debian's way to forbid that; an
 * existing one is the owner's and stays. The lock keeps two test runs from undoing each other's.
 */
const INSTALL = `
set -eu
exec 9>/var/lock/mq-test-provision
flock 9
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -q -o DPkg::Lock::Timeout=300 update
apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
`;

/** For what is part of a program that is there already. */
export async function installWithApt(...packages: readonly string[]): Promise<void> {
  const timeoutMs = 10 * 60_000;
  await run('sh', ['-c', INSTALL, 'install', ...packages], { timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 });
}

export async function dockerAnswers(): Promise<boolean> {
  try {
    await run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

function howToProvide(name: ToolName, problem: string | null): string {
  const tool: Tool = TOOLS[name];
  const ways = [
    `install it (Debian: apt-get install ${tool.package}) so that it is on PATH`,
    ...(tool.instead === null ? [] : [`set ${tool.instead} to a server that the tests may fill and empty`]),
    ...(tool.image === null ? [] : ["start Docker's engine, so that a container can take its place"]),
    'run the tests as root on Debian or Ubuntu, where they install it themselves',
  ];
  return `These tests need ${name}${problem === null ? '' : ` (${problem})`}. Any one of:\n${ways.map((way) => `  - ${way}\n`).join('')}`;
}

/** The end of what a failed program said. */
export function lastLines(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error && typeof error.stderr === 'string' ? error.stderr : '';
  const text = stderr.trim() === '' ? String(error) : stderr;
  return text.trim().split('\n').slice(-3).join(' | ');
}
