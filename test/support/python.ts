import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Finished, Running } from './mq.ts';
import { canInstall, installWithApt, provisionHere } from './provision.ts';

const run = promisify(execFile);

/**
 * A Python with other people's clients, for the other side of a queue: the packages exactly as pinned, in a virtual
 * environment of their own below `~/.cache/mq-test`, made once for each list of packages and used again by every run.
 */
export interface Python {
  readonly path: string;
  /** Runs a script to its end. Rejects with what it printed when it fails. */
  run(script: string, ...args: readonly string[]): Promise<string>;
  /** Starts a script or a module (`['-m', 'celery', …]`) that goes on. The caller ends it. */
  start(
    args: readonly string[],
    options?: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string },
  ): Running;
}

const made = new Map<string, Promise<Python>>();

/** `pythonWith('celery==5.5.3', 'redis==5.2.1')`. Ask at the top of the file: the first to ask installs them. */
export function pythonWith(...packages: readonly string[]): Promise<Python> {
  const list = [...packages].sort();
  const key = list.join('\n');
  const known = made.get(key) ?? make(list);
  made.set(key, known);
  return known;
}

async function make(packages: readonly string[]): Promise<Python> {
  const python = await provisionHere('python3');
  // Debian keeps what makes environments in a package of its own.
  const canMake = await run(python, ['-c', 'import venv, ensurepip']).then(
    () => true,
    () => false,
  );
  if (!canMake && canInstall()) await installWithApt('python3-venv');
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mq-test');
  const name = createHash('sha256').update(packages.join('\n')).digest('hex').slice(0, 12);
  const folder = join(cache, `python-${name}`);
  if (!existsSync(join(folder, 'packages.txt'))) {
    mkdirSync(cache, { recursive: true });
    // Two runs may make it at once: each in a folder of its own, and the first to be done gives it its name.
    const building = join(cache, `python-${name}.${process.pid}.${Date.now()}`);
    try {
      await run(python, ['-m', 'venv', building], { timeout: 120_000 });
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', ...packages];
      await run(join(building, 'bin', 'python3'), pip, { timeout: 200_000, maxBuffer: 16 * 1024 * 1024 });
      writeFileSync(join(building, 'packages.txt'), `${packages.join('\n')}\n`);
      renameSync(building, folder);
    } catch (error) {
      rmSync(building, { recursive: true, force: true });
      if (!existsSync(join(folder, 'packages.txt'))) {
        throw new Error(`cannot install ${packages.join(', ')} for Python: ${String(error).slice(-600)}`);
      }
    }
  }
  const path = join(folder, 'bin', 'python3');
  return {
    path,
    async run(script, ...args) {
      const { stdout } = await run(path, ['-c', script, ...args], { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 });
      return stdout;
    },
    start(args, { env = {}, cwd } = {}) {
      const child = spawn(path, [...args], {
        env: { ...process.env, PYTHONUNBUFFERED: '1', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(cwd === undefined ? {} : { cwd }),
      });
      const pieces = { stdout: '', stderr: '' };
      child.stdout.on('data', (chunk: Buffer) => {
        pieces.stdout += chunk.toString();
      });
      child.stderr.on('data', (chunk: Buffer) => {
        pieces.stderr += chunk.toString();
      });
      const finished = new Promise<Finished>((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code, signal) => resolve({ code, signal, ...pieces }));
      });
      return { process: child, finished };
    },
  };
}
