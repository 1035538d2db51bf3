import type { WriteStream } from 'node:tty';
import type { Host, Output, StopCause } from './host/host.ts';
import { keepMemoryFlat } from './host/memory.ts';
import { silenceLibraries } from './host/silent-libraries.ts';
import { VERSION } from './version.ts';

/**
 * The program. The only file that touches `process`: it builds the host, turns signals into one abort, and sets the
 * exit code. It never calls `process.exit` after output was written, since a slow reader would lose what is still in
 * the pipe; only a second signal ends the program at once.
 */
export async function main(umask: number = process.umask()): Promise<void> {
  const args = process.argv.slice(2);
  if (args.length === 1 && args[0] === '--version') {
    // Scripts ask this often, and it needs nothing of the rest.
    process.stdout.write(`${VERSION}\n`);
    return;
  }
  // Silence is no success: until the work has ended, the code is that of a bug.
  process.exitCode = BUG;
  process.once('beforeExit', sayUnfinished);
  const env = { ...process.env };
  silenceLibraries(process.env, console);
  if (args[0] === '__complete') return completeAndExit(args.slice(1), env);
  const {
    isTerminal,
    jobControlOf,
    lazyInput,
    lazyOutput,
    nodeInput,
    nodeOutput,
    plainOutput,
    reportBug,
    runCommandLine,
    Secrets,
    MANIFESTS,
    EXIT,
    verbNamed,
  } = await import('./start/running.ts');
  const live = args.some((arg) => verbNamed(arg)?.isLive === true);
  keepMemoryFlat(live ? 'live' : 'bulk');
  const stop = new AbortController();
  const interruption = new AbortController();
  let cause: StopCause | null = null;
  const stopBy = (by: StopCause): void => {
    // A signal after the reader has gone counts as the cause: somebody wants it to end now.
    if (cause === null || !isSignal(cause)) cause = by;
    if (isSignal(by)) interruption.abort();
    stop.abort();
  };

  // Asked now: of a terminal that was closed nobody can tell any more.
  const hadTerminal = [0, 1, 2].some(isTerminal);
  const lastActs = new Set<() => void>();
  for (const [name, code] of [
    ['SIGINT', EXIT.interrupted],
    ['SIGTERM', EXIT.terminated],
    ['SIGHUP', EXIT.hungUp],
  ] as const) {
    process.on(name, () => {
      // What has no terminal does not end with one: `nohup mq drain` has to go on. Node takes back what `nohup` has
      // set, so without a listener it would die here, in the middle of its work.
      if (name === 'SIGHUP' && !hadTerminal) return;
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
    () => process.stdin,
    (stream) => nodeInput(stream, process.stderr as WriteStream, stop.signal),
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
      // Asked of the output, which is opened by that and notices when it is lost.
      if (!isTerminal(0) || !host.stdout.isTerminal) return null;
      return { stdin: stdin.raw(), stdout: process.stdout as WriteStream, jobControl: jobControlOf(process) };
    },
    env,
    startForCaller(start) {
      const own = process.umask(umask);
      try {
        return start();
      } finally {
        process.umask(own);
      }
    },
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
      const { allBackends } = await import('./start/running.ts');
      return (await allBackends()).flatMap((backend) => backend.kinds);
    },
  };
  const secrets = new Secrets(MANIFESTS);
  process.on('uncaughtException', (error) => {
    // Not through Node's own report, which would show the error object, and client libraries keep passwords in those.
    process.exitCode = EXIT.internal;
    // A full-screen view gives the terminal back at once; what is said before that would go with its screen.
    stop.abort();
    void reportBug(error, host, secrets).finally(() => process.exit());
  });
  const code = await runCommandLine(args, host, secrets);
  process.off('beforeExit', sayUnfinished);
  process.exitCode = code;
  stdin.release();
  setTimeout(endAtLast, LINGER_MS).unref();
}

/**
 * What was given up (a broker that does not let go) is not waited for longer than this: with what was waited before, an
 * interrupted run ends within 2 s.
 */
const LINGER_MS = 200;

/**
 * Runs only when something still keeps the program alive. A reader that is slow is no such thing: it gets all that was
 * written.
 */
function endAtLast(): void {
  if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
  setTimeout(endAtLast, LINGER_MS).unref();
}

/** As `EXIT.internal`, which is loaded with the rest of the program: what may fail, too. */
const BUG = 70;

/**
 * Nothing keeps the program alive any more (no timer, no connection, no input), and yet its work has not ended:
 * something waits for what can never come. Node would end with 0 and without a word.
 */
function sayUnfinished(): void {
  process.stderr.write(
    'mq: error: a bug in mq: it ended in the middle of its work; what it did until then is not known\n',
  );
}

function isSignal(cause: StopCause): boolean {
  return cause === 'SIGINT' || cause === 'SIGTERM' || cause === 'SIGHUP';
}

const openBroker: Host['openBroker'] = async (url, options) => {
  const { backendFor } = await import('./start/running.ts');
  const backend = await backendFor(url);
  return backend.open(url, options);
};

/** What a shell runs for Tab: without streams and signals, whose opening would be a third of its time. */
async function completeAndExit(args: readonly string[], env: Host['env']): Promise<void> {
  const [{ complete }, { writeSync }] = await Promise.all([
    import('./start/complete.ts'),
    import('./host/light-builtins.ts'),
  ]);
  const code = await complete(args, {
    env,
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
