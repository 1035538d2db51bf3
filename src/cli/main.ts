import type { ReadStream, WriteStream } from 'node:tty';
import type { Host, Input, Output, StopCause } from './host/host.ts';
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
  if (args[0] === '__complete') return completeAndExit(args.slice(1));
  const live = args.some((arg) => arg === 'top' || arg === 'demo');
  setTimeout(live ? keepLiveMemoryFlat : keepMemoryFlat, BULK_AFTER_MS).unref();
  const { isTerminal, nodeInput, nodeOutput, plainOutput, reportBug, runCommandLine, Secrets, EXIT } = await import(
    './running.ts'
  );
  const stop = new AbortController();
  const interruption = new AbortController();
  let cause: StopCause | null = null;
  const stopBy = (by: StopCause): void => {
    // A signal after the reader has gone counts as the cause: somebody wants it to end now.
    if (cause === null || !isSignal(cause)) cause = by;
    if (isSignal(by)) interruption.abort();
    stop.abort();
  };

  const lastActs = new Set<() => void>();
  for (const [name, code] of [
    ['SIGINT', EXIT.interrupted],
    ['SIGTERM', EXIT.terminated],
    ['SIGHUP', EXIT.hungUp],
  ] as const) {
    // Only the live view ends with its terminal: `nohup mq drain` has to go on, and a listener would take that back.
    if (name === 'SIGHUP' && !live) continue;
    process.on(name, () => {
      // The system says that a terminal was closed, and the shell in it may say it again: that is nobody's second wish.
      if (interruption.signal.aborted && name !== 'SIGHUP') {
        for (const act of lastActs) act();
        process.exit(code);
      }
      stopBy(name);
    });
  }

  const stdin = lazyInput(
    () => isTerminal(0),
    () => nodeInput(process.stdin, process.stderr as WriteStream, stop.signal),
    () => stopBy('SIGHUP'),
  );
  const output = (descriptor: number, open: () => WriteStream, onLost: (code: string) => void): Output =>
    isTerminal(descriptor)
      ? lazyOutput(() => nodeOutput(open(), onLost))
      : plainOutput(descriptor, { isColorForced: process.env.FORCE_COLOR !== undefined, open, onLost });
  const host: Host = {
    stdin,
    stdout: output(
      1,
      () => process.stdout as WriteStream,
      (code) => stopBy(code === 'EPIPE' ? 'stdout-closed' : 'stdout-failed'),
    ),
    stderr: output(
      2,
      () => process.stderr as WriteStream,
      () => {},
    ),
    terminal() {
      if (!isTerminal(0) || !isTerminal(1)) return null;
      return { stdin: stdin.raw(), stdout: process.stdout as WriteStream };
    },
    env: process.env,
    cwd: process.cwd(),
    platform: `${process.version} on ${process.platform} ${process.arch}`,
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
    openBroker,
    async listKinds() {
      const { allBackends } = await import('./running.ts');
      return (await allBackends()).flatMap((backend) => backend.kinds);
    },
  };
  const secrets = new Secrets();
  process.on('uncaughtException', (error) => {
    // Not through Node's own report, which would show the error object, and client libraries keep passwords in those.
    process.exitCode = EXIT.internal;
    // A full-screen view gives the terminal back at once; what is said before that would go with its screen.
    stop.abort();
    void reportBug(error, host, secrets).finally(() => process.exit());
  });
  process.exitCode = await runCommandLine(args, host, secrets);
  stdin.release();
}

function isSignal(cause: StopCause): boolean {
  return cause === 'SIGINT' || cause === 'SIGTERM' || cause === 'SIGHUP';
}

/** Who works longer than this does bulk work; most commands are done before, and need not pay for it. */
const BULK_AFTER_MS = 100;

/**
 * Streaming a million messages fills V8's young generation with garbage: at its default size that alone is 100 MB; at this one the whole
 * program stays under 200 and is no slower (measured: `npm run bench -- memory`). So small a generation is collected faster than threads can be
 * woken to help, above all on a machine that is busy (measured: `npm run bench -- redis`).
 */
const STREAMING_YOUNG_MIB = 4;
function keepMemoryFlat(): void {
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString(`--max-semi-space-size=${STREAMING_YOUNG_MIB}`);
  v8.setFlagsFromString('--no-parallel-scavenge');
  v8.setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * The live view makes everything anew every second, and V8 would let its young generation grow to 128 MiB for that, and the old one to thrice what
 * is alive. With 2,000 queues at 1 Hz, resident after a minute: left alone 285 MiB at 8.7 % of a core, both held 162 MiB at 9.4 %; a young generation of
 * half that size 143 MiB at 9.8 %. A program that runs can only stop its growth: the largest size is not read any more (Node 24).
 */
const LIVE_YOUNG_MIB = 32;
const LIVE_OLD_GROWTH_PERCENT = 80;
/** How soon the growth is noticed. */
const YOUNG_LOOK_MS = 100;

function keepLiveMemoryFlat(): void {
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString('--no-parallel-scavenge');
  v8.setFlagsFromString(`--heap-growing-percent=${LIVE_OLD_GROWTH_PERCENT}`);
  let mayGrow = true;
  setInterval(() => {
    const young = v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    // V8 makes it smaller too when there is little to do, so that it has to grow again.
    const isSmall = (young?.space_size ?? 0) < LIVE_YOUNG_MIB * 1024 * 1024;
    if (isSmall === mayGrow) return;
    mayGrow = isSmall;
    v8.setFlagsFromString(`--semi-space-growth-factor=${isSmall ? 2 : 1}`);
  }, YOUNG_LOOK_MS).unref();
}

const openBroker: Host['openBroker'] = async (url, options) => {
  const { backendFor } = await import('./running.ts');
  const backend = await backendFor(url);
  return backend.open(url, options);
};

/** What a shell runs for Tab: without streams and signals, whose opening would be a third of its time. */
async function completeAndExit(args: readonly string[]): Promise<void> {
  const [{ complete }, { writeSync }] = await Promise.all([
    import('./completion/complete.ts'),
    import('./host/light-builtins.ts'),
  ]);
  const code = await complete(args, {
    env: process.env,
    cwd: process.cwd(),
    now: Date.now,
    openBroker,
    print(text) {
      writeSync(1, Buffer.from(text));
    },
  });
  // A broker that does not let go must not keep a person waiting.
  process.exit(code);
}

interface LazyInput extends Input {
  raw(): ReadStream;
  /** An input that was not read to its end must not keep the process alive. */
  release(): void;
}

/** Opening a standard stream costs 2 ms, and most commands have nothing to say on stderr. */
function lazyOutput(open: () => Output): Output {
  let opened: Output | null = null;
  const output = (): Output => {
    opened ??= open();
    return opened;
  };
  return {
    get isTerminal() {
      return output().isTerminal;
    },
    get hasColor() {
      return output().hasColor;
    },
    get columns() {
      return output().columns;
    },
    write: (chunk) => output().write(chunk),
    writeThrough: (chunk) => output().writeThrough(chunk),
  };
}

/** Touching `process.stdin` starts a handle; only commands that read it should. */
function lazyInput(
  isTerminal: () => boolean,
  open: () => Omit<Input, 'isTerminal'>,
  onTerminalLost: () => void,
): LazyInput {
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
      // Reading from a terminal that was closed fails, before or after the signal that says so.
      if (!isRaw) process.stdin.on('error', onTerminalLost);
      isRaw = true;
      return process.stdin;
    },
    release() {
      if (opened !== null || isRaw) process.stdin.destroy();
    },
  };
}
