import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT, type ExitCode } from '../../core/exit-codes.ts';
import { urlOfFile } from '../brokers.ts';
import { outsideOf, showLive } from '../demo/live.ts';
import type { Host, Output } from '../host/host.ts';
import type { Session } from '../session/session.ts';
import { defineVerb } from '../verb.ts';

export const demo = defineVerb<object, object>({
  effect:
    'Works in a temporary folder that is removed at the end; touches no broker of yours. The live view on a terminal, a tour otherwise.',
  examples: ['mq demo', 'mq demo | less'],
  declare() {},
  parse() {
    return {};
  },
  async run(_options, session) {
    const folder = await mkdtemp(join(tmpdir(), 'mq-demo-'));
    const { stdin, stdout, env } = session.host;
    const isLive = stdin.isTerminal && stdout.isTerminal && env.TERM !== 'dumb';
    try {
      if (!isLive) return await new Tour(session, folder).run();
      const code = await showLive(session, folder);
      session.messages.note('that was a temporary queue; yours: mq --help. The same as a story: mq demo | less');
      return code;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

const ORDERS = 24;

/**
 * Fails the orders that a real consumer would fail: a refused card stays refused; the tax service is down only until it
 * is repaired.
 */
function worker(taxServiceIsUp: boolean): string {
  return `#!/bin/sh
read -r order
case "$order" in
  *'"card":"expired"'*) echo "payment refused: card of order $MQ_ID has expired" >&2; exit 3 ;;
  *'"country":"NO"'*) ${taxServiceIsUp ? ':' : 'echo "timeout after 30.$MQ_RECEIVE_COUNT s: tax service" >&2; exit 75'} ;;
esac
`;
}

/** The transcript: real command lines, run by the program itself on an embedded queue. */
class Tour {
  readonly #session: Session;
  readonly #folder: string;
  readonly #output: Output;

  constructor(session: Session, folder: string) {
    this.#session = session;
    this.#folder = folder;
    this.#output = session.host.stdout;
  }

  async run(): Promise<ExitCode> {
    const path = (name: string): string => join(this.#folder, name);
    await writeFile(path('worker.sh'), worker(false), { mode: 0o700 });
    await writeFile(path('worker-fixed.sh'), worker(true), { mode: 0o700 });

    await this.#say('A queue whose messages are dead after two failed deliveries, and some orders in it.');
    await this.#mq(['create', 'orders', '--max-receives', '2']);
    await this.#mq(['enqueue', 'orders', '--ndjson', '-o', 'text'], {
      input: orders(),
      from: 'orders.ndjson',
      show: 3,
    });
    await this.#mq(['ls']);

    await this.#say('A consumer takes them: some cards have expired, and the tax service does not answer.');
    await this.#mq(['drain', 'orders', '--exec', './worker.sh', '-j', '4', '--idle', '1s'], {
      show: 4,
      expect: EXIT.partly,
    });
    await this.#mq(['stats', 'orders']);

    await this.#say('What did they die of?');
    await this.#mq(['stats', 'orders', '--dead']);
    await this.#mq(['peek', 'orders', '--dead', '-n', '2']);

    await this.#say('The tax service is repaired. Only its orders go back, and are worked off.');
    await this.#mq(['redrive', 'orders', '--filter', 'dead.error.contains("tax service")', '--dry-run']);
    await this.#mq(['redrive', 'orders', '--filter', 'dead.error.contains("tax service")', '--yes']);
    await this.#mq(['drain', 'orders', '--exec', './worker-fixed.sh', '-j', '4', '--idle', '1s']);

    await this.#say(
      'The rest is not going to work. It leaves the queue for a file, line by line, and nothing is lost.',
    );
    await this.#mq(['drain', 'orders', '--dead', '--to', 'refused.ndjson']);
    await this.#mq(['stats', 'orders']);
    await this.#say('That was a temporary queue. Yours: mq --help');
    return this.#session.signal.aborted ? EXIT.interrupted : EXIT.done;
  }

  async #say(text: string): Promise<void> {
    await this.#output.write(`\n${this.#session.paint(this.#output, 'cyan', `# ${text}`)}\n\n`);
  }

  /** Prints the command line as a person would type it, runs it in the folder of the tour, and prints its output. */
  async #mq(args: readonly string[], options: StepOptions = {}): Promise<void> {
    if (this.#session.signal.aborted) return;
    const { input, from, show, expect = EXIT.done } = options;
    const typed = ['mq', ...args.map(quoted), ...(from === undefined ? [] : ['<', from])].join(' ');
    await this.#output.write(`${this.#session.paint(this.#output, 'bold', `$ ${typed}`)}\n`);
    const printed = new Excerpt(this.#output, show ?? Number.POSITIVE_INFINITY);
    const host = this.#hostOf(printed, input);
    // The folder of the tour replaces the working directory, because a process has only one.
    const placed = args.map((arg) =>
      arg.replace(/^\.\//, `${this.#folder}/`).replace(/^refused/, `${this.#folder}/refused`),
    );
    const code = await this.#session.runCommandLine(
      ['--url', urlOfFile(join(this.#folder, 'demo.db')), ...placed],
      host,
    );
    await printed.end(this.#folder);
    if (code !== expect && !this.#session.signal.aborted)
      throw new Error(`the demo's own command ended with ${code}: ${typed}`);
  }

  #hostOf(printed: Excerpt, input: Iterable<Uint8Array> | undefined): Host {
    const { host } = this.#session;
    const { globals } = this.#session;
    const hasColor = globals.color === 'always' || (globals.color === 'auto' && host.stdout.hasColor);
    const output: Output = {
      isTerminal: false,
      hasColor,
      columns: host.stdout.columns,
      write: async (chunk) => printed.add(chunk),
      writeThrough: async (chunk) => printed.add(chunk),
    };
    const chunks = (async function* () {
      yield* input ?? [];
    })();
    return {
      ...host,
      env: outsideOf(host.env, this.#folder),
      cwd: this.#folder,
      stdout: output,
      stderr: output,
      stdin: { isTerminal: false, chunks, ask: async () => null },
    };
  }
}

interface StepOptions {
  readonly input?: Iterable<Uint8Array>;
  /** The name of the input in the transcript. */
  readonly from?: string;
  /** Show only this many lines. */
  readonly show?: number;
  readonly expect?: ExitCode;
}

/** Collects the output of a command and shows its first and last lines. */
class Excerpt {
  readonly #output: Output;
  readonly #most: number;
  #text = '';

  constructor(output: Output, most: number) {
    this.#output = output;
    this.#most = most;
  }

  add(chunk: string | Uint8Array): void {
    this.#text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
  }

  async end(folder: string): Promise<void> {
    const lines = this.#text.replaceAll(`${folder}/`, '').split('\n').slice(0, -1);
    const shown =
      lines.length <= this.#most + 1
        ? lines
        : [...lines.slice(0, this.#most), `  (${lines.length - this.#most - 1} lines more)`, lines.at(-1) ?? ''];
    await this.#output.write(shown.map((line) => `${line}\n`).join(''));
  }
}

function* orders(): Generator<Uint8Array> {
  const countries = ['DE', 'FR', 'NO', 'IT'];
  for (let number = 1; number <= ORDERS; number++) {
    const body = JSON.stringify({
      order: 1000 + number,
      country: countries[number % countries.length],
      card: number % 7 === 0 ? 'expired' : 'valid',
    });
    yield Buffer.from(`${JSON.stringify({ id: `o-${1000 + number}`, body, headers: { type: 'order.created' } })}\n`);
  }
}

function quoted(arg: string): string {
  return /^[\w./:=@%+-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
