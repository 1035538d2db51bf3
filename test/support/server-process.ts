import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Program } from './provision.ts';

const GUARD = fileURLToPath(new URL('./guard.sh', import.meta.url));

export interface ServerProcess {
  /** Resolves when the server has ended, for whatever reason. */
  readonly ended: Promise<void>;
  readonly running: boolean;
  /** What it printed last, for a message about its failure. */
  lastWords(): string;
  /**
   * Ends it at once (SIGKILL), with all that it started. Its folder is removed, or kept to start it again there.
   * Idempotent.
   */
  stop(options?: { readonly keepFolder: boolean }): Promise<void>;
}

/** Characters of a server's output that are kept, for a message. */
const REMEMBERED = 2000;

/** An own folder for one server, removed with it. */
export function serverFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `mq-test-${name}-`));
}

/** Starts a server whose files are all in `folder`. It ends with this process at the latest, see `guard.sh`. */
export function startProcess(
  program: Program,
  args: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>> = {},
): ServerProcess {
  const container = program.place === 'container' ? basename(folder) : '';
  const child = spawn(GUARD, [folder, container, ...commandLine(program, args, folder, env)], {
    // A session of its own: Ctrl-C in the terminal reaches the test runner only.
    detached: true,
    // Whatever it writes beside what it was told to (a crash dump) goes with the folder.
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', ...env },
  });
  let running = true;
  let output = '';
  const remember = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-REMEMBERED);
  };
  child.stdout.on('data', remember);
  child.stderr.on('data', remember);
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      running = false;
      resolve();
    });
    child.once('error', (error) => {
      remember(Buffer.from(error.message));
      running = false;
      resolve();
    });
  });
  // Writing to a server that has just ended by itself is no failure of the test.
  child.stdin.on('error', () => {});
  return {
    ended,
    get running() {
      return running;
    },
    lastWords: () => output.trim(),
    stop: async (options) => {
      child.stdin.end(options?.keepFolder === true ? 'keep\n' : '');
      await ended;
    },
  };
}

/** In a mount namespace of its own, so that the mounts vanish with the server. */
const CHROOT = `
root=$1 shared=$2
shift 2
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount --rbind /sys "$root/sys" &&
  mkdir -p "$root$shared" && mount --bind "$shared" "$root$shared" && exec chroot "$root" "$@"
`;

function commandLine(
  program: Program,
  args: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>>,
): readonly string[] {
  switch (program.place) {
    case 'here':
      return [program.path, ...args];
    case 'chroot':
      return ['unshare', '--mount', 'sh', '-c', CHROOT, 'chroot', program.root, tmpdir(), program.path, ...args];
    case 'container': {
      const settings = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
      const places = ['--network', 'host', '--volume', `${folder}:${folder}`, '--name', basename(folder)];
      return ['docker', 'run', '--rm', ...places, ...settings, program.image, program.command, ...args];
    }
  }
}

/**
 * Waits until `ready` answers true, looking every 50 ms; rejects when the server ends first or `timeoutMs` have passed.
 */
export async function untilReady(
  what: string,
  server: ServerProcess,
  timeoutMs: number,
  ready: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await ready())) {
    if (!server.running) throw new Error(`${what} ended before it was ready:\n${server.lastWords()}`);
    if (Date.now() > deadline) throw new Error(`${what} was not ready after ${timeoutMs} ms:\n${server.lastWords()}`);
    await Promise.race([delay(50), server.ended]);
  }
}

/** Whether something accepts connections there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
