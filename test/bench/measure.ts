import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Command {
  readonly name: string;
  readonly args: readonly string[];
  /** Absent: the Node that runs the benchmark. */
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The built program, run by the Node that runs the benchmark. */
export const MQ = new URL('../../bin/mq.js', import.meta.url).pathname;

export const mq = (name: string, args: readonly string[], env?: Readonly<Record<string, string>>): Command => ({
  name,
  args: [MQ, ...args],
  ...(env === undefined ? {} : { env }),
});

/** An empty program: what any command of any tool on Node costs. */
export const EMPTY: Command = { name: 'node -e 0', args: ['-e', '0'] };

export interface Run {
  readonly wallMs: number;
  /** The largest resident set that was seen, MiB. */
  readonly peakMiB: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command as a whole process. Rejects with its stderr when it does not end with 0. */
export async function run(command: Command, options: { readonly watchMemory?: boolean } = {}): Promise<Run> {
  const start = performance.now();
  const child = spawn(command.program ?? process.execPath, command.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...command.env },
  });
  let stdout = '';
  let stderr = '';
  let peakKiB = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.length < 100_000 ? chunk.toString() : '';
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  // VmHWM is the kernel's own high-water mark: sampling it cannot miss a peak except in the last instant before the
  // end.
  const watch =
    options.watchMemory === true ? setInterval(() => (peakKiB = highWater(child.pid, peakKiB)), 20) : undefined;
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(watch);
  if (code !== 0) throw new Error(`${command.name} ended with ${code}: ${stderr}`);
  return { wallMs: performance.now() - start, peakMiB: peakKiB / 1024, stdout, stderr };
}

function highWater(pid: number | undefined, before: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? before);
  } catch {
    return before;
  }
}

/** The largest resident set of a process so far, MiB; 0 if it has ended. */
export function highWaterOf(pid: number | undefined): number {
  return highWater(pid, 0) / 1024;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The times of each command in milliseconds, run in turn, A B A B …, after one uncounted round. */
export async function inTurn(commands: readonly Command[], rounds: number): Promise<readonly (readonly number[])[]> {
  const times = commands.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [at, command] of commands.entries()) {
      const { wallMs } = await run(command);
      if (round >= 0) times[at]?.push(wallMs);
    }
  }
  return times;
}

/**
 * Runs the commands in turn, A B C A B C …, after one uncounted round, and prints the median of each and its ratio to
 * the first, pair by pair: a machine that is slow for a while slows a whole round.
 */
export async function compare(commands: readonly Command[], rounds: number): Promise<ReadonlyMap<string, number>> {
  const times = new Map<string, number[]>(commands.map((command) => [command.name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const command of commands) {
      const { wallMs } = await run(command);
      if (round >= 0) times.get(command.name)?.push(wallMs);
    }
  }
  const base = times.get(commands[0]?.name ?? '') ?? [];
  const ratios = new Map<string, number>();
  for (const [name, values] of times) {
    const ratio = median(values.map((value, round) => value / (base[round] ?? value)));
    ratios.set(name, ratio);
    process.stdout.write(
      `${name.padEnd(34)} ${median(values).toFixed(1).padStart(9)} ms   ratio ${ratio.toFixed(2)}\n`,
    );
  }
  return ratios;
}
