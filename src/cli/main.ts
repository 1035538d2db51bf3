import type { ReadStream, WriteStream } from 'node:tty';
import type { Host, Input, StopCause } from './host.ts';
import { VERSION } from './version.ts';

/**
 * The program. The only file that touches `process`: it builds the host, turns signals into one abort, and sets the exit code.
 * It never calls `process.exit` after output was written, since a slow reader would lose what is still in the pipe; only a second
 * signal ends the program at once.
 */
export async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.length === 1 && args[0] === '--version') {
    // Scripts ask this often, and it needs nothing of the rest.
    process.stdout.write(`${VERSION}\n`);
    return;
  }
  const [{ isTerminal, nodeInput, nodeOutput }, { runCommandLine }] = await Promise.all([
    import('./node-streams.ts'),
    import('./run.ts'),
  ]);
  const stop = new AbortController();
  const interruption = new AbortController();
  let cause: StopCause | null = null;
  const stopBy = (by: StopCause): void => {
    // A signal after the reader has gone counts as the cause: somebody wants it to end now.
    if (cause === null || cause === 'stdout-closed') cause = by;
    if (by !== 'stdout-closed') interruption.abort();
    stop.abort();
  };

  const lastActs = new Set<() => void>();
  for (const [name, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(name, () => {
      if (interruption.signal.aborted) {
        for (const act of lastActs) act();
        process.exit(code);
      }
      stopBy(name);
    });
  }

  const stdin = lazyInput(
    () => isTerminal(0),
    () => nodeInput(process.stdin, process.stderr as WriteStream, stop.signal),
  );
  const host: Host = {
    stdin,
    stdout: nodeOutput(process.stdout as WriteStream, () => stopBy('stdout-closed')),
    stderr: nodeOutput(process.stderr as WriteStream, () => {}),
    terminal() {
      if (!isTerminal(0) || !isTerminal(1)) return null;
      return { stdin: stdin.raw(), stdout: process.stdout as WriteStream };
    },
    env: process.env,
    now: Date.now,
    signal: stop.signal,
    interruption: interruption.signal,
    stopCause: () => cause,
    onSecondSignal(act) {
      lastActs.add(act);
      return () => lastActs.delete(act);
    },
    killGroup(leader) {
      try {
        process.kill(-leader, 'SIGTERM');
      } catch {
        // It has ended by itself.
      }
    },
    async openBroker(url, options) {
      const { backendFor } = await import('../backends/registry.ts');
      const backend = await backendFor(url);
      return backend.open(url, options);
    },
    async listKinds() {
      const { allBackends } = await import('../backends/registry.ts');
      return (await allBackends()).flatMap((backend) => backend.kinds);
    },
  };
  process.exitCode = await runCommandLine(args, host);
  stdin.release();
}

interface LazyInput extends Input {
  raw(): ReadStream;
  /** An input that was not read to its end must not keep the process alive. */
  release(): void;
}

/** Touching `process.stdin` starts a handle; only commands that read it should. */
function lazyInput(isTerminal: () => boolean, open: () => Omit<Input, 'isTerminal'>): LazyInput {
  let opened: Omit<Input, 'isTerminal'> | null = null;
  let isRaw = false;
  const input = (): Omit<Input, 'isTerminal'> => {
    opened ??= open();
    return opened;
  };
  return {
    get isTerminal() {
      return isTerminal();
    },
    get chunks() {
      return input().chunks;
    },
    ask: (question) => input().ask(question),
    raw() {
      isRaw = true;
      return process.stdin;
    },
    release() {
      if (opened !== null || isRaw) process.stdin.destroy();
    },
  };
}
