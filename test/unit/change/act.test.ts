import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Act, act } from '../../../src/change/act.ts';
import { Guard } from '../../../src/change/guard.ts';
import { History, historyFile } from '../../../src/change/history.ts';
import { ChangeRecord } from '../../../src/change/record.ts';
import { placesOf } from '../../../src/config/places.ts';
import { Secrets } from '../../../src/config/redact.ts';
import { type ErrorCode, MqError } from '../../../src/contract/errors.ts';
import { EXIT, type ExitCode } from '../../../src/core/exit-codes.ts';

let folder: string;
let said: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-act-'));
  said = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const places = () => placesOf({ HOME: folder, XDG_STATE_HOME: join(folder, 'state') });

/** A purge of `q` in which nothing is asked and nothing is done but what is given. */
function purge(special: Partial<Act<ExitCode>> = {}, reached = true): Act<ExitCode> {
  const record = new ChangeRecord({ verb: 'purge', context: 'prod', queues: ['q'], to: [], flags: { max: 3 } });
  if (reached) record.learnBroker('memory', 'here');
  const secrets = new Secrets([]);
  secrets.learn('hunter2');
  return {
    guard: new Guard('purge'),
    record,
    history: new History(places(), secrets),
    confirm: async () => {},
    run: async () => EXIT.done,
    exitOf: (exit) => exit,
    finalOf: (exit) => exit,
    note: (text) => said.push(text),
    now: () => 1_000,
    ...special,
  };
}

async function remembered(): Promise<readonly Record<string, unknown>[]> {
  const text = await readFile(historyFile(places()), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
}

const failing = (code: ErrorCode) => async (): Promise<never> => {
  throw new MqError(code, 'no');
};

test('asks, works and remembers, in this order; the guard is sealed before the question', async () => {
  const order: string[] = [];
  const guard = new Guard('purge');
  const policy = { name: 'prod', file: 'f', isReadonly: false, isProtected: false, rules: [RULE] };
  const change = purge({
    guard,
    async confirm() {
      order.push('asked');
      expect(() => guard.require('q', policy)).toThrow(/has to be confirmed by name/);
    },
    async run() {
      order.push(`worked with ${(await remembered()).length} lines`);
      return EXIT.partly;
    },
    finalOf: () => EXIT.interrupted,
  });
  expect(await act(change)).toBe(EXIT.partly);
  expect(order).toEqual(['asked', 'worked with 0 lines']);
  expect(await remembered()).toMatchObject([
    { verb: 'purge', context: 'prod', selection: { max: 3 }, exitCode: EXIT.interrupted, error: null },
  ]);
});

const RULE = { pattern: '*', verbs: { purge: 'confirm' } } as const;

test('a no ends it before the work, and leaves no line', async () => {
  let worked = false;
  const run = async (): Promise<ExitCode> => {
    worked = true;
    return EXIT.done;
  };
  await expect(act(purge({ confirm: failing('CANCELLED'), run }))).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(worked).toBe(false);
  expect(await remembered()).toEqual([]);
});

test('work that failed is remembered with its code, and a bug as one', async () => {
  await expect(act(purge({ run: failing('UNAVAILABLE') }))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const bug = async (): Promise<never> => {
    throw new TypeError('oops');
  };
  await expect(act(purge({ run: bug }))).rejects.toThrow(TypeError);
  expect(await remembered()).toMatchObject([
    { exitCode: EXIT.unavailable, error: 'UNAVAILABLE' },
    { exitCode: EXIT.internal, error: 'INTERNAL' },
  ]);
});

test.each<[string, Act<ExitCode>['run'], boolean]>([
  ['declined on the way', failing('CANCELLED'), true],
  ['asked wrongly', failing('USAGE'), true],
  ['ended with the code of a wrong question', async () => EXIT.usage, true],
  ['over before a broker was reached', failing('UNAVAILABLE'), false],
])('nothing is remembered of what was %s', async (_name, run, reached) => {
  await act(purge({ run }, reached)).catch(() => {});
  expect(await remembered()).toEqual([]);
});

test('what must not be kept is forgotten, and secrets are replaced', async () => {
  const change = purge();
  const forgetting = async (): Promise<ExitCode> => {
    change.record.forget();
    return EXIT.done;
  };
  await act({ ...change, run: forgetting });
  expect(await remembered()).toEqual([]);
  const record = new ChangeRecord({ verb: 'move', context: null, queues: ['hunter2'], to: [], flags: {} });
  record.learnBroker('memory', 'here');
  await act({ ...purge(), record });
  expect(JSON.stringify(await remembered())).not.toContain('hunter2');
});

test('a history that cannot be written is told, and changes nothing of what was done', async () => {
  await writeFile(join(folder, 'state'), 'a file where the folder should be');
  expect(await act(purge())).toBe(EXIT.done);
  expect(said).toEqual([expect.stringMatching(/^the history could not be written: .*history\.ndjson: E[A-Z]+$/)]);
});
