import { mkdir, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backendFor, MANIFESTS } from '../../src/backends/registry.ts';
import { History } from '../../src/change/history.ts';
import { KNOWN } from '../../src/cli/start/known.ts';
import { loadSettings, type Settings } from '../../src/config/load.ts';
import { Secrets } from '../../src/config/redact.ts';
import { findContext } from '../../src/config/target.ts';
import type { Broker } from '../../src/contract/broker.ts';
import { isMqError, MqError } from '../../src/contract/errors.ts';
import { exitCodeOf } from '../../src/core/exit-codes.ts';
import type { ActionRequest } from '../../src/top/state/action.ts';
import { commandLine } from '../../src/top/state/command-line.ts';
import type { TopState } from '../../src/top/state/state.ts';
import { Store } from '../../src/top/store.ts';
import { type ChangeVerb, contextsOf, type WatchedBroker } from '../../src/top/watched.ts';
import { Conductor } from '../../src/top/work/conductor.ts';
import { Connections } from '../../src/top/work/connections.ts';
import { planAction } from '../../src/top/work/plan-action.ts';
import { CommandLine, type Ran } from '../support/command-line.ts';
import { PATIENT } from '../support/patience.ts';
import { keys, reading, stateWith } from '../support/top/readings.ts';

/**
 * The command line and the live view refuse the same for the same reason: with one code, one exit, the same words, and
 * nothing changed.
 */

const PERSON = { stdin: true, stdout: true, stderr: true };
const never = new AbortController().signal;

let mq: CommandLine;
let broker: Broker;
beforeEach(async () => {
  mq = await CommandLine.open();
  await mq.ok(['enqueue', 'orders', 'one', 'two', 'three']);
  for (let delivery = 0; delivery < 3; delivery++) await mq.run(['drain', 'orders', '-n', '1', '--exec', 'exit 1']);
  await mq.ok(['create', 'archive']);
  broker = await (await backendFor(mq.url)).open(mq.url, {
    connectTimeoutMs: 5_000,
    timeoutMs: 5_000,
    notice: () => {},
    signal: never,
  });
});
afterEach(async () => {
  await broker.close();
  await mq.close();
});

/** The contexts `here` and `there`, on one file, with these settings; `there` is where a move goes. */
async function configured(here: string, there = ''): Promise<Settings> {
  const url = JSON.stringify(mq.url);
  const text = `contexts:\n  here: {url: ${url}${here}}\n  there: {url: ${url}${there}}\n`;
  await mkdir(mq.path('.config/mq'), { recursive: true });
  await writeFile(mq.path('.config/mq/config.yaml'), text, { mode: 0o600 });
  return loadSettings({ HOME: mq.folder, ...PATIENT }, mq.folder, KNOWN, never);
}

function watchedIn(settings: Settings, opened: Broker): readonly WatchedBroker[] {
  return ['here', 'there'].map((context) => ({
    context,
    selector: ['-c', context],
    policy: findContext(settings, context),
    shown: (message) => message,
    connect: async () => opened,
  }));
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

function request(verb: ChangeVerb, special: Partial<ActionRequest> = {}): ActionRequest {
  const to = verb === 'move' ? 'archive@there' : null;
  return { verb, key: { context: 'here', queue: 'orders' }, group: null, max: null, state: 'ready', to, ...special };
}

/** What the command line that the view would copy answers to a person who gives these answers. */
async function byCommandLine(
  asked: ActionRequest,
  answers: readonly string[] = [],
  opened?: Broker,
): Promise<{ readonly ran: Ran; readonly refusal: Refusal; readonly question: readonly string[] }> {
  const line = commandLine(asked, ['-c', 'here']);
  const args = [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '').slice(1);
  const env = { MQ_URL: '' };
  const open = opened === undefined ? {} : { broker: opened };
  const ran = await mq.run([...args, '-o', 'json'], { terminals: PERSON, answers, env, ...open });
  const said = ran.stderr.trimEnd().split('\n');
  return { ran, refusal: JSON.parse(said.at(-1) ?? '').error, question: said.slice(0, -1) };
}

/** The live view with a person who presses these keys; gives what it says last. */
class View {
  readonly store: Store;
  readonly #conductor: Conductor;
  readonly #connections: Connections;
  readonly history: History;

  constructor(watched: readonly WatchedBroker[], settings: Settings) {
    this.#connections = new Connections(watched);
    this.history = new History(settings.places, new Secrets(MANIFESTS));
    const state = stateWith([], { contexts: contextsOf(watched) });
    this.store = new Store(state);
    const { dispatch } = this.store;
    this.#conductor = new Conductor({
      ...{ connections: this.#connections, dispatch, history: this.history, now: Date.now },
      ...{ timeoutMs: 5_000, refresh: () => {}, redact: (text: string) => text },
    });
    this.store.subscribe(() => this.#conductor.follow(this.store.state()));
    this.store.dispatch({
      type: 'snapshot',
      snapshot: { ...SNAPSHOT, queues: [reading('orders', { ready: 2, dead: 1 })] },
    });
  }

  /** Up to the first that is refused: what follows it would be keys of the list. */
  press(...typed: readonly string[]): void {
    for (const event of keys(...typed)) {
      this.store.dispatch(event);
      if (this.store.state().flash !== null) return;
    }
  }

  async until<T>(found: (state: TopState) => T | null): Promise<T> {
    for (;;) {
      const value = found(this.store.state());
      if (value !== null) return value;
      await new Promise<void>((resolve) => {
        const end = this.store.subscribe(() => {
          end();
          resolve();
        });
      });
    }
  }

  /** The sentence with which an action ended, at the foot or in its dialog. */
  said(): Promise<string> {
    return this.until(({ action, flash }) => (action?.step === 'done' ? (action.lines[0] ?? '') : flash));
  }

  stop(): Promise<void> {
    return this.#conductor.stop();
  }
}

const SNAPSHOT = {
  context: 'here',
  broker: 'sqlite',
  address: 'a file',
  at: Date.now(),
  tookMs: 1,
  condition: { state: 'fresh' },
  notices: [],
} as const;

/** The keys that ask for it, up to its question. */
const KEYS: Readonly<Record<ChangeVerb, readonly string[]>> = {
  pause: ['p'],
  resume: ['u'],
  redrive: ['R', 'enter'],
  purge: ['P'],
  move: ['m', 'archive@there', 'enter'],
};
const VERBS = Object.keys(KEYS) as ChangeVerb[];

async function figures(): Promise<unknown> {
  return mq.json(['stats', 'orders', 'archive']);
}

/** Neither queue is changed, and the history has nothing to say of it. */
async function untouched(work: () => Promise<void>): Promise<void> {
  await unchanged(work);
  expect((await mq.ok(['history', '-n', '0', '-o', 'ndjson'])).stdout).not.toContain('"context":"here"');
}

async function unchanged(work: () => Promise<void>): Promise<void> {
  const of = async (): Promise<unknown> =>
    ((await figures()) as readonly Record<string, unknown>[]).map(({ queue, ready, dead, state }) => {
      return { queue, ready, dead, state };
    });
  const before = await of();
  await work();
  expect(await of()).toEqual(before);
}

/** The same refusal in three places: the line, the planning of the view, and what the view says. */
async function refusedAlike(settings: Settings, asked: ActionRequest, opened?: Broker): Promise<Refusal> {
  const { ran, refusal } = await byCommandLine(asked, [], opened);
  const watched = watchedIn(settings, opened ?? broker);
  const tools = { connections: new Connections(watched), now: Date.now, history: historyOf(settings) };
  const error: unknown = await planAction(asked, tools, never).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isMqError(error)) throw new Error(`the view refused nothing: ${String(error)}`);
  expect({ code: error.code, message: error.message, hint: error.hint }).toEqual({
    code: refusal.code,
    message: refusal.message,
    hint: refusal.hint,
  });
  expect(exitCodeOf(error.code)).toBe(ran.code);
  return refusal;
}

function historyOf(settings: Settings): History {
  return new History(settings.places, new Secrets(MANIFESTS));
}

const oneLine = ({ message, hint }: Refusal): string => (hint === null ? message : `${message} (${hint})`);

/** A name, the settings of the two contexts, and what is expected. */
type Guarded = readonly [string, string, string, string];

const onlyMove = (verb: ChangeVerb, rows: readonly Guarded[]): readonly Guarded[] => (verb === 'move' ? rows : []);

describe.each(VERBS)('%s', (verb) => {
  it.each<Guarded>([
    ['a readonly context', ', readonly: true', '', 'the context here is readonly'],
    ['a rule that denies', ", rules: {'ord*': {'*': deny}}", '', 'has a rule against this: ord*'],
    ...onlyMove(verb, [
      ['a readonly target', '', ', readonly: true', 'the context there is readonly'],
      ['a rule on the target', '', ', rules: {archive: {move: deny}}', 'has a rule against this: archive'],
    ]),
  ])('is refused by %s alike: usage, before any broker is asked', async (_name, here, there, words) => {
    const settings = await configured(here, there);
    await untouched(async () => {
      const refusal = await refusedAlike(settings, request(verb));
      expect(refusal).toMatchObject({ code: 'USAGE', message: expect.stringContaining(words) });
      const view = new View(watchedIn(settings, broker), settings);
      view.press(...KEYS[verb]);
      expect(await view.said()).toBe(oneLine(refusal));
      await view.stop();
    });
  });

  it.each<Guarded>([
    ['a protected context', ', protected: true', '', 'orders'],
    ['a rule that asks', ", rules: {orders: {'*': confirm}}", '', 'orders'],
    ...onlyMove(verb, [
      ['a protected target', '', ', protected: true', 'archive'],
      ['a rule on the target that asks', '', ', rules: {archive: {move: confirm}}', 'archive'],
    ]),
  ])('asks for the name by %s alike, and another name declines it', async (_name, here, there, typed) => {
    const settings = await configured(here, there);
    await untouched(async () => {
      for (const wrong of ['y', 'order', '']) {
        const { ran, refusal, question } = await byCommandLine(request(verb), [wrong]);
        expect(refusal).toMatchObject({ code: 'CANCELLED' });
        expect(ran).toMatchObject({ code: exitCodeOf('CANCELLED') });
        expect(ran.questions).toEqual([`Type the queue's name (${typed}) to go on: `]);
        const view = new View(watchedIn(settings, broker), settings);
        view.press(...KEYS[verb]);
        const asked = await view.until(({ action }) => (action?.step === 'confirm' ? action.question : null));
        expect(asked.typed).toBe(typed);
        // The verbs ask for a pause only here, and before they have a broker to speak of.
        if (verb !== 'pause' && verb !== 'resume') expect(question).toEqual(asked.lines);
        else expect(question.at(-1)).toBe(asked.lines.at(-1));
        view.press(...(wrong === '' ? [] : [wrong]), 'enter');
        expect(await view.said()).toBe(oneLine(refusal));
        await view.stop();
      }
    });
  });
});

it('n declines alike what asks for a yes', async () => {
  const settings = await configured('');
  await untouched(async () => {
    const { refusal, ran, question } = await byCommandLine(request('redrive'), ['n']);
    expect(ran.code).toBe(exitCodeOf('CANCELLED'));
    const view = new View(watchedIn(settings, broker), settings);
    view.press(...KEYS.redrive);
    const asked = await view.until(({ action }) => (action?.step === 'confirm' ? action.question : null));
    expect(question).toEqual(asked.lines);
    view.press('n');
    expect(await view.said()).toBe(oneLine(refusal));
    await view.stop();
  });
});

it('a look that would take the last deliveries of dead letters is refused alike', async () => {
  const settings = await configured('');
  const harmful = new Proxy(broker, {
    get(real, key) {
      if (key === 'close') return async () => {};
      if (key !== 'queue') return bound(real, key);
      return async (name: string, signal: AbortSignal) =>
        new Proxy(await real.queue(name, signal), {
          get: (queue, member) => (member === 'priceOfLook' ? refuseLook : bound(queue, member)),
        });
    },
  });
  await unchanged(async () => {
    const asked = request('redrive', { group: 'exit code 1' });
    const refusal = await refusedAlike(settings, asked, harmful);
    expect(refusal).toMatchObject({ code: 'PRECONDITION_FAILED', hint: 'look with --force' });
  });
});

async function refuseLook(): Promise<never> {
  throw new MqError('PRECONDITION_FAILED', 'one more look would drop them', { hint: 'look with --force' });
}

function bound(of: object, key: string | symbol): unknown {
  const member: unknown = Reflect.get(of, key, of);
  return typeof member === 'function' ? member.bind(of) : member;
}

it('the work itself refuses an answer that is not the name, whatever the view did', async () => {
  const settings = await configured(', protected: true');
  await untouched(async () => {
    const tools = { connections: new Connections(watchedIn(settings, broker)), now: Date.now };
    const planned = await planAction(request('purge'), { ...tools, history: historyOf(settings) }, never);
    await expect(planned.run('y', () => {}, never)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
