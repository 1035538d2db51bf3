import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { frameworkDeath } from '../../../src/backends/common/conventions/framework-death.ts';
import { restoreMessage } from '../../../src/backends/rabbitmq/deaths/restore.ts';
import { toMessage } from '../../../src/backends/rabbitmq/message-in.ts';
import { toOutgoing } from '../../../src/backends/rabbitmq/message-out.ts';
import { JOB_FIELDS, type JobHash, jobMessage } from '../../../src/backends/redis/bullmq/message.ts';
import { elementMessage } from '../../../src/backends/redis/list/message.ts';
import { entryMessage } from '../../../src/backends/redis/stream/message.ts';
import { readMessage } from '../../../src/backends/sqs/message-in.ts';
import { redactUrl } from '../../../src/config/redact.ts';
import { MqError } from '../../../src/contract/errors.ts';
import { formatInstant, readInstant } from '../../../src/contract/instant.ts';
import { parseJson } from '../../../src/contract/json.ts';
import type { Headers, Message } from '../../../src/contract/message.ts';
import { fromEnvelope, toEnvelope } from '../../../src/core/envelope.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { toOutgoing as outgoingOf } from '../../../src/core/outgoing.ts';
import { safe, safeJson } from '../../../src/core/safe-text.ts';
import { anyCodePoint } from '../../support/any-text.ts';

/*
 * Whatever is written into a queue is read: a message that cannot be understood is shown as far as it can, or refused
 * with one of our errors. Nothing that it holds reaches a prototype, a terminal, or the end of the program.
 * `MQ_TEST_FUZZ` runs of each; `MQ_TEST_SEED` the same again.
 */
const numRuns = Number(process.env.MQ_TEST_FUZZ ?? 300);
const seed = process.env.MQ_TEST_SEED === undefined ? {} : { seed: Number(process.env.MQ_TEST_SEED) };
const timeout = 20_000 + numRuns * 10;

const NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '', 'then', 'toJSON'],
  ...['x-death', 'x-first-death-queue', 'x-last-death-queue', 'x-first-death-reason', 'x-delivery-count', 'CC', 'BCC'],
  ...[
    'queue',
    'reason',
    'time',
    'count',
    'x-exception-message',
    'x-original-queue',
    'MT-Fault-Message',
    'rbs2-error-details',
  ],
  ...[
    'NServiceBus.FailedQ',
    'NServiceBus.TimeOfFailure',
    'Message',
    'headers',
    'properties',
    'body',
    'id',
    'jid',
    'opts',
    'error',
    'retry',
  ],
];
const hostileText = fc.oneof(
  fc.constantFrom(
    ...NAMES,
    '\u001b[2J',
    '\u0007',
    '\u202e',
    '1e400',
    '-0',
    '9007199254740993',
    'NaN',
    '2026-13-99T99:99:99Z',
    '8640000000000001',
  ),
  fc.array(anyCodePoint, { maxLength: 12 }).map((points) => points.join('')),
  fc.string({ maxLength: 20 }),
);
const hostileJson = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      hostileText,
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(hostileText, tie('value')), { maxLength: 5 }).map((members) => ownObject(members)),
  ),
})).value as fc.Arbitrary<never>;
const hostileHeaders = fc
  .array(fc.tuple(hostileText, hostileJson), { maxLength: 6 })
  .map((members) => ownObject(members) as Headers);
const hostileBytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  hostileJson.map((value) => Buffer.from(JSON.stringify(value) ?? '')),
  hostileText.map((text) => Buffer.from(text)),
  hostileJson.map((value) => Buffer.from(Buffer.from(JSON.stringify(value) ?? '').toString('base64'))),
);

/** Every name as a member of its own, `__proto__` too. */
function ownObject(members: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of members)
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  return object;
}

/** One of our errors, or what the readers of JSON and of bytes throw, is an answer. */
function answers(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (error instanceof MqError || error instanceof SyntaxError || error instanceof RangeError) return;
    throw error;
  }
}

/** What is read of a message is fit for every reader: it can be shown, written as JSON, filtered, and sent. */
function isFit(message: Message): void {
  const line = JSON.stringify(toEnvelope(message));
  expect(safeJson(line)).not.toMatch(CONTROL);
  expect(safe(`${message.id} ${message.dead?.from} ${message.dead?.error}`)).not.toMatch(CONTROL);
  for (const at of [message.enqueuedAt, message.deliverAt, message.dead?.at ?? null]) formatInstant(at);
  answers(() => fromEnvelope(JSON.parse(line)));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what may not come through
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

afterEach(() => {
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(OF_OBJECT);
  expect(Object.getOwnPropertyNames(Array.prototype).sort()).toEqual(OF_ARRAY);
});
const OF_OBJECT = Object.getOwnPropertyNames(Object.prototype).sort();
const OF_ARRAY = Object.getOwnPropertyNames(Array.prototype).sort();

const check = (property: fc.IProperty<never> | fc.IRawProperty<unknown>): void =>
  void fc.assert(property as never, { numRuns, ...seed });

test('RabbitMQ: any property list and any body', { timeout }, () => {
  const rules = { queue: 'q', login: 'guest', isStream: false, frameMax: 131_072, maxPriority: null };
  const place = { method: 60, tag: 1, exchange: '', routingKey: 'q', reason: null };
  check(
    fc.property(hostileBytes, hostileBytes, fc.boolean(), (properties, body, redelivered) => {
      const message = toMessage({ ...place, redelivered, properties, body }, 'q', true, 'consumed');
      isFit(message);
      answers(() =>
        toOutgoing(
          outgoingOf(restoreMessage(message, { keepDeathHeaders: false, to: 'q' }), {
            setHeaders: {},
            countReplay: true,
          }),
          rules as never,
        ),
      );
    }) as never,
  );
});

test('RabbitMQ: any header table that a client can write', { timeout }, () => {
  check(
    fc.property(hostileHeaders, hostileBytes, (headers, body) => {
      const letter = { queue: 'q', headers, body };
      const death = frameworkDeath(letter);
      if (death !== null) answers(() => death.restore());
      answers(() => restoreMessage({ ...bare(body), headers }, { keepDeathHeaders: false, to: 'q' }));
    }) as never,
  );
});

test('Redis: any hash of a job, any element of a list, any entry of a stream', { timeout }, () => {
  const bull = { prefix: 'bull', name: 'q', base: 'bull:q:' };
  check(
    fc.property(
      fc.array(fc.option(hostileBytes), { minLength: JOB_FIELDS.length, maxLength: JOB_FIELDS.length }),
      hostileText,
      (values, id) => {
        const hash = Object.fromEntries(
          JOB_FIELDS.map((field, at) => [field, values[at] ?? null]),
        ) as unknown as JobHash;
        for (const state of ['ready', 'dead', 'delayed'] as const)
          isFit(jobMessage(bull as never, id, hash, state, 1e20));
      },
    ) as never,
  );
  check(
    fc.property(hostileBytes, (body) => {
      for (const framework of [null, 'celery', 'rq', 'sidekiq', 'laravel', 'dramatiq'] as const)
        isFit(elementMessage('q', body, framework));
    }) as never,
  );
  check(
    fc.property(fc.array(fc.tuple(hostileBytes, hostileBytes), { maxLength: 5 }), hostileText, (fields, id) => {
      isFit(entryMessage('q', { id, fields } as never, { state: 'ready', receiveCount: 1, dead: null } as never));
    }) as never,
  );
});

test('SQS: any attribute and any body', { timeout }, () => {
  const attribute = fc.record({
    DataType: fc.constantFrom('String', 'Number', 'Binary', 'Number.x', 'String.é', ''),
    StringValue: hostileText,
  });
  const system = fc.dictionary(
    fc.constantFrom('SentTimestamp', 'ApproximateReceiveCount', 'DeadLetterQueueSourceArn', 'MessageGroupId'),
    hostileText,
  );
  check(
    fc.property(
      fc.array(fc.tuple(hostileText, attribute), { maxLength: 5 }),
      system,
      hostileText,
      (attributes, given, text) => {
        const message = { MessageId: 'm', Body: text, Attributes: given, MessageAttributes: ownObject(attributes) };
        isFit(readMessage(message as never, { queue: 'q', foreign: false, retentionMs: 60_000 }));
      },
    ) as never,
  );
});

test('lines of enqueue --ndjson, dates, globs, URLs', { timeout }, () => {
  check(
    fc.property(hostileJson, hostileText, (value, text) => {
      answers(() => fromEnvelope(value));
      answers(() => parseJson(text));
      answers(() => parseJson(JSON.stringify(value)));
      for (const unit of ['seconds', 'milliseconds'] as const) formatInstant(readInstant(value, unit).at);
      answers(() => queuePattern([text]));
      expect(redactUrl(`redis://user:pass1234word@host/${text}`, [])).not.toContain('pass1234word');
    }) as never,
  );
});

test('any filter that compiles, on any message', { timeout }, async () => {
  const term = fc.constantFrom(
    'body',
    'body.a',
    'headers',
    'id',
    'size',
    'headers["x"]',
    'body.a.b',
    'receiveCount',
    '1',
    '1.5',
    '"x"',
    'null',
    '[1, "a"]',
    '9007199254740993',
    '18446744073709551615',
    'dead.reason',
  );
  const operator = fc.constantFrom('==', '!=', '<', '<=', '>', '>=', 'in', '+', '-', '*', '/', '%', '&&', '||');
  const expression = fc
    .array(fc.tuple(operator, term), { maxLength: 3 })
    .chain((rest) => term.map((first) => [first, ...rest.flat()].join(' ')));
  await fc.assert(
    fc.asyncProperty(fc.oneof(expression, hostileText), hostileHeaders, hostileBytes, async (text, headers, body) => {
      const filter = await compileFilter(text).catch((error: unknown) => {
        if (error instanceof MqError) return null;
        throw error;
      });
      if (filter === null) return;
      const problems: string[] = [];
      const matches = filter.matches({ ...bare(body), headers }, (reason) => void problems.push(reason));
      expect(typeof matches).toBe('boolean');
      // What could not be decided is no match.
      if (problems.length > 0) expect(matches).toBe(false);
    }),
    { numRuns, ...seed },
  );
});

function bare(body: Buffer): Message {
  return {
    ...{ queue: 'q', id: null, state: 'ready', body, headers: {}, contentType: null, priority: null, groupId: null },
    ...{ deduplicationId: null, ttlMs: null, name: null, enqueuedAt: null, deliverAt: null, receiveCount: null },
    ...{ dead: { from: 'q', reason: 'rejected', error: null, at: null, count: 1, replays: 0 }, native: {} },
  };
}
