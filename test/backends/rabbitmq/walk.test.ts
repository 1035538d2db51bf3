import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import { MqError } from '../../../src/contract/errors.ts';
import type { Filter } from '../../../src/core/filter.ts';
import { planMove } from '../../../src/core/move.ts';
import type { Plan } from '../../../src/core/plan.ts';
import { planPurge } from '../../../src/core/purge.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { Model, type Step, type Verb } from '../../support/model.ts';
import { NO_HOST } from '../../support/no-host.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/*
 * Random verbs on queues whose dead-letter links are shared, chained, leading back, given by a policy and taken away,
 * and whose limits are known, unknown (no management API) and a moment old: after each step every message is where the
 * model says, and nobody's but the named ones moved.
 */

/** `MQ_TEST_STEPS` more of them; `MQ_TEST_SEED` the same again. */
const STEPS = Number(process.env.MQ_TEST_STEPS ?? 200);
const SEED = Number(process.env.MQ_TEST_SEED ?? 11);

const QUEUES = ['one', 'two', 'quorum', 'small', 'late', 'dead', 'archive'] as const;
const UNLIMITED = ['one', 'two', 'quorum', 'dead', 'archive'] as const;
const BY_POLICY: readonly string[] = ['two', 'archive'];
const SMALL = 5;

type Walk = { readonly step: Step; readonly blind: boolean };
const queue = fc.constantFrom(...QUEUES);
const count = fc.integer({ min: 1, max: 3 });
const selecting = {
  filtered: fc.boolean(),
  max: fc.option(fc.integer({ min: 1, max: 4 })),
  dryRun: fc.constantFrom(true, false, false),
};
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ deed: fc.constant('enqueue' as const), queue, count }) },
  { weight: 6, arbitrary: fc.record({ deed: fc.constant('die' as const), queue, count }) },
  {
    weight: 3,
    arbitrary: fc.record({
      deed: fc.constant('link' as const),
      queue,
      to: fc.option(fc.constantFrom(...UNLIMITED, 'dead', 'dead', 'archive'), { freq: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('limit' as const), queue: fc.constant('late'), most: count }) },
  { weight: 6, arbitrary: fc.record({ verb: fc.constant('redrive' as const), queue, ...selecting }) },
  {
    weight: 5,
    arbitrary: fc.record({ verb: fc.constantFrom('move' as const, 'copy' as const), queue, to: queue, ...selecting }),
  },
  {
    weight: 2,
    // A purge takes all that is named.
    arbitrary: fc
      .record({ verb: fc.constant('purge' as const), queue, dead: fc.constantFrom(true, true, false), ...selecting })
      .map((purge) => ({ ...purge, max: null })),
  },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('peek' as const), queue, dead: fc.constant(false) }) },
);
const walk: fc.Arbitrary<Walk> = fc.record({ step, blind: fc.constantFrom(false, false, false, true) });

const CHOSEN: Filter = {
  text: 'chosen',
  matches: ({ body }) => Buffer.from(body).toString().endsWith('chosen'),
};

const signal = new AbortController().signal;
/** What `mq` has said of the step at hand. */
let said: string[] = [];
const notice = (text: string): void => void said.push(text);
const options = { connectTimeoutMs: 30_000, notice, signal };
let vhost: RabbitmqVhost;
let told: Broker;
let blind: Broker;
let connection: ChannelModel;
let channel: ConfirmChannel;

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  told = await backend.open(vhost.mqUrl, options);
  blind = await backend.open(`${vhost.url}?management=http://${NO_HOST}:15672`, options);
  connection = await connect(vhost.url);
  channel = await connection.createConfirmChannel();
  for (const name of QUEUES) {
    // What is bound there changes at once; policies lag a little.
    await channel.assertExchange(`dlx ${name}`, 'fanout');
    const own = BY_POLICY.includes(name) ? {} : { 'x-dead-letter-exchange': `dlx ${name}` };
    const kind = name === 'quorum' ? { 'x-queue-type': 'quorum', 'x-delivery-limit': 100_000 } : {};
    const limit = name === 'small' ? { 'x-max-length': SMALL } : {};
    if (BY_POLICY.includes(name)) {
      await vhost.request('PUT', `/api/policies/${vhost.encodedName}/${name}`, {
        pattern: `^${name}$`,
        definition: { 'dead-letter-exchange': `dlx ${name}` },
        'apply-to': 'queues',
      });
    }
    await channel.assertQueue(name, { durable: true, arguments: { ...own, ...kind, ...limit } });
  }
});

afterAll(async () => {
  await connection.close();
  await told.close();
  await blind.close();
  await vhost.remove();
});

async function onChannel<Result>(work: (own: Channel) => Promise<Result>): Promise<Result> {
  const own = await connection.createChannel();
  try {
    return await work(own);
  } finally {
    await own.close();
  }
}

/** A quorum queue is only counted: each look there would use a delivery and change the order. */
async function contents(name: string): Promise<readonly string[] | number> {
  if (name === 'quorum') return (await channel.checkQueue(name)).messageCount;
  return await onChannel(async (own) => {
    const ids: string[] = [];
    for (let got = await own.get(name); got !== false; got = await own.get(name)) ids.push(idOf(got.content));
    own.nackAll(true);
    // Answered behind it.
    await own.checkQueue(name);
    return ids.sort();
  });
}

/** For the message of a failure: what the model holds, and what marks the messages of one queue bear. */
async function asItIs(model: Model, name: string): Promise<string> {
  const marked = await onChannel(async (own) => {
    const lines: string[] = [];
    for (let got = await own.get(name); got !== false; got = await own.get(name))
      lines.push(`${got.content} ${JSON.stringify(got.properties.headers)}`);
    own.nackAll(true);
    await own.checkQueue(name);
    return lines;
  });
  const held = QUEUES.map((queue) => JSON.stringify([queue, model.linkOf(queue), model.in(queue)]));
  return [...held, `in ${name}:`, ...marked].join('\n');
}

const idOf = (body: Uint8Array): string => Buffer.from(body).toString().split(' ')[0] ?? '';

async function compare(model: Model, after: string): Promise<void> {
  for (const name of QUEUES) {
    const ids = model
      .in(name)
      .map(({ id }) => id)
      .sort();
    const wanted = name === 'quorum' ? ids.length : ids;
    await expect.poll(() => contents(name), { message: `${name} after ${after}`, interval: 5 }).toEqual(wanted);
  }
}

/** What is done behind the back of `mq`. False: it makes no sense now. */
async function does(model: Model, deed: Exclude<Step, Verb>): Promise<boolean> {
  const { queue: name } = deed;
  if (deed.deed === 'enqueue') {
    const sent = model.enqueue(name, Math.min(deed.count, model.roomIn(name)));
    for (const { id, chosen } of sent)
      channel.sendToQueue(name, Buffer.from(`${id} ${chosen ? 'chosen' : 'other'}`), { persistent: true });
    await channel.waitForConfirms();
  } else if (deed.deed === 'die') {
    const count = Math.min(deed.count, model.in(name).length);
    await onChannel(async (own) => {
      const ids: string[] = [];
      for (let i = 0; i < count; i++) {
        const got = await own.get(name);
        if (got === false) throw new Error(`nothing in ${name} to reject`);
        ids.push(idOf(got.content));
        own.reject(got, false);
      }
      model.die(name, name === UNORDERED ? ids : count);
    });
  } else if (deed.deed === 'link') {
    const before = model.linkOf(name);
    if (deed.to === name) return false;
    if (before !== null) await channel.unbindQueue(before, `dlx ${name}`, '');
    if (deed.to !== null) await channel.bindQueue(deed.to, `dlx ${name}`, '');
    model.link(name, deed.to);
  } else {
    if (model.limitOf(name) !== null || deed.most === null) return false;
    const most = model.in(name).length + deed.most;
    await vhost.request('PUT', `/api/operator-policies/${vhost.encodedName}/${name}`, {
      pattern: `^${name}$`,
      definition: { 'max-length': most },
      'apply-to': 'queues',
    });
    model.limit(name, most);
  }
  return true;
}

async function plan(verb: Exclude<Verb, { verb: 'peek' }>, broker: Broker): Promise<Plan> {
  const source = await broker.queue(verb.queue, signal);
  const { max } = verb;
  const common = {
    ...EVERYTHING,
    filter: verb.filtered ? CHOSEN : null,
    max,
    ratePerSec: null,
    setHeaders: {},
    lossy: false,
    notice,
    signal,
  };
  if (verb.verb === 'redrive')
    return await planRedrive({ ...common, broker, queue: source, to: null, keepDeathHeaders: false });
  if (verb.verb === 'purge')
    return await planPurge({ ...common, broker, queue: source, state: verb.dead ? 'dead' : 'ready', backup: null });
  const target = await broker.queue(verb.to, signal);
  return await planMove({ ...common, operation: verb.verb, source, target, state: 'ready', only: null });
}

/**
 * A quorum queue delivers what was returned to it before all else, in the order of the returns: which ones are the
 * first so many is its own affair after a look that gave something back.
 */
const UNORDERED = 'quorum';

function withoutOrder(model: Model, verb: Verb): Verb {
  if (!('max' in verb) || verb.max === null) return verb;
  const holder = verb.verb === 'redrive' ? (model.linkOf(verb.queue) ?? verb.queue) : verb.queue;
  return holder === UNORDERED ? { ...verb, max: null } : verb;
}

/** Whether it was carried out. What was refused has changed nothing, which the comparison shows. */
async function acts(model: Model, verb: Verb, isBlind: boolean): Promise<boolean> {
  const broker = isBlind ? blind : told;
  said = [];
  try {
    if (verb.verb === 'peek') {
      const peek = await (await broker.queue(verb.queue, signal)).peek?.({
        state: 'ready',
        limit: 3,
        force: false,
        notice,
        signal,
      });
      for await (const _ of peek ?? []);
      return true;
    }
    const expected = model.expect(verb);
    const ready = await plan(verb, broker);
    const report = await ready.run({ dryRun: verb.dryRun, onProgress: () => undefined, signal });
    // A dry run does not count what there is room for; of everything, it asks for the depth and looks at nothing.
    const { taken, misfit, astray } = expected;
    const named = taken + misfit + astray;
    const moved = verb.dryRun ? (verb.filtered ? taken + misfit : named) : taken;
    if (report.moved !== moved)
      expect.fail(
        `${moved} wanted of ${JSON.stringify(verb)}: ${JSON.stringify(report)} ${said.join('; ')}\n${await asItIs(model, report.from)}`,
      );
    model.apply(verb);
    return true;
  } catch (error) {
    if (!(error instanceof MqError)) throw error;
    if (!isBlind) {
      const { taken, misfit } = model.expect(verb);
      // A queue that is full and drops its oldest is not looked at.
      const mayBeRefused = verb.verb === 'peek' || misfit > 0 || taken === 0 || model.limitOf(verb.queue) !== null;
      expect(mayBeRefused, `${JSON.stringify(verb)} was refused: ${error.message}`).toBe(true);
    }
    return false;
  }
}

test(`each message is where the model says, over ${STEPS} random steps`, {
  timeout: 120_000 + STEPS * 2_000,
}, async () => {
  // From 4.0 on, only the marks that the broker itself has put on a message count.
  const model = new Model(QUEUES, { forgetsWhatWasSent: Number.parseInt(vhost.version, 10) >= 4 });
  model.limit('small', SMALL);
  const steps = fc.sample(walk, { numRuns: STEPS, seed: SEED });
  const done: Record<string, number> = {};
  const passed: string[] = [];
  for (const [index, { step, blind: isBlind }] of steps.entries()) {
    if ('to' in step && step.to === step.queue) continue;
    const carriedOut = 'verb' in step ? await acts(model, withoutOrder(model, step), isBlind) : await does(model, step);
    const kind = 'verb' in step ? step.verb : step.deed;
    done[kind] = (done[kind] ?? 0) + (carriedOut ? 1 : 0);
    passed.push(`${index}${isBlind ? ' (blind)' : ''}${carriedOut ? '' : ' (refused)'} ${JSON.stringify(step)}`);
    await compare(model, passed.slice(-12).join('\n'));
  }
  // A walk in which everything is refused would show nothing.
  for (const verb of ['redrive', 'move', 'copy', 'purge'])
    expect(done[verb], JSON.stringify(done)).toBeGreaterThan(STEPS / 100);
  const [ids, wanted] = [await idsOfQuorum(), model.in('quorum').map(({ id }) => id)];
  expect(ids).toEqual(wanted.sort());
});

async function idsOfQuorum(): Promise<readonly string[]> {
  const ids: string[] = [];
  for (
    let got = await channel.get('quorum', { noAck: true });
    got !== false;
    got = await channel.get('quorum', { noAck: true })
  )
    ids.push(idOf(got.content));
  return ids.sort();
}
