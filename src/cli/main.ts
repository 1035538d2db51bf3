import type { Host } from './host/host.ts';
import { isTerminal, writeSync, writeText } from './host/light-builtins.ts';
import { keepMemoryFlat } from './host/memory.ts';
import { silenceLibraries } from './host/silent-libraries.ts';
import { knownAnswer } from './start/at-once.ts';

/**
 * The program. This is the only file that touches `process`: it builds the host, turns signals into one abort, and sets
 * the exit code. It never calls `process.exit` after output was written, because a slow reader would lose what is still
 * in the pipe. Only a second signal ends the program at once.
 */
export async function main(umask: number = process.umask()): Promise<void> {
  const args = process.argv.slice(2);
  const known = await knownAnswer(args, process.env, () => (isTerminal(1) && process.stdout.columns) || 80);
  // If it cannot be written, the program finds out why, and says it.
  if (known !== null && printed(known)) return;
  // A silent end is not a success: until the work has ended, the code is that of a bug.
  process.exitCode = BUG;
  process.once('beforeExit', sayUnfinished);
  const env = { ...process.env };
  silenceLibraries(process.env, console);
  if (args[0] === '__complete') return completeAndExit(args.slice(1), env);

  const program = await import('./start/running.ts');
  const isLive = args.some((arg) => program.verbNamed(arg)?.isLive === true);
  keepMemoryFlat(isLive ? 'live' : 'bulk');
  for (const told of await program.registerNamed(env)) process.stderr.write(`mq: note: ${program.safe(told)}\n`);
  const stopping = new program.Stopping();
  stopping.listen(process);
  const { host, release } = program.processHost(process, { stopping, umask, env, openBroker, listKinds });
  const secrets = new program.Secrets(program.MANIFESTS);
  process.on('uncaughtException', (error) => {
    // Node's own report is not used: it would show the error object, and client libraries keep passwords in those.
    process.exitCode = BUG;
    // A full-screen view gives the terminal back at once. Text that is printed before that would vanish with its
    // screen.
    stopping.end();
    void program.reportBug(error, host, secrets).finally(() => process.exit());
  });

  const code = await program.runCommandLine(args, host, secrets);
  process.off('beforeExit', sayUnfinished);
  process.exitCode = code;
  release();
  setTimeout(endAtLast, LINGER_MS).unref();
}

/** Opening the stream would take longer than all the rest. */
function printed(text: string): boolean {
  const rest = writeText(1, text);
  if (rest !== null && rest.length > 0) process.stdout.write(rest);
  return rest !== null;
}

/**
 * How long to wait for a call that was given up (a broker that does not let go). With the earlier waits, an interrupted
 * run ends within 2 s.
 */
const LINGER_MS = 200;

/**
 * Runs only if something still keeps the program alive. A slow reader does not count: it gets everything that was
 * written.
 */
function endAtLast(): void {
  if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
  setTimeout(endAtLast, LINGER_MS).unref();
}

/** The value of `EXIT.internal`, which is loaded with the rest of the program: that loading may fail, too. */
const BUG = 70;

/**
 * Nothing keeps the program alive (no timer, no connection, no input), but its work has not ended: something waits for
 * an event that cannot come. Node would end with 0 and without a word.
 */
function sayUnfinished(): void {
  process.stderr.write(
    'mq: error: a bug in mq: it ended in the middle of its work; what it did until then is not known\n',
  );
}

const openBroker: Host['openBroker'] = async (url, options) => {
  const { backendFor } = await import('./start/running.ts');
  const backend = await backendFor(url);
  return backend.open(url, options);
};

const listKinds: Host['listKinds'] = async () => {
  const { allBackends } = await import('./start/running.ts');
  return (await allBackends()).flatMap((backend) => backend.kinds);
};

/** A shell runs this for Tab. It opens no streams and signals, because they would take a third of its time. */
async function completeAndExit(args: readonly string[], env: Host['env']): Promise<void> {
  const { complete } = await import('./start/complete.ts');
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
