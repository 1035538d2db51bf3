import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redriveOf } from '../../../../src/conformance/redrive.ts';
import type { JsonValue, Message } from '../../../../src/contract/message.ts';
import type { Queue } from '../../../../src/contract/queue.ts';
import { peekMessages } from '../../../../src/core/peek.ts';
import { planRedrive } from '../../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../../src/core/selection.ts';
import { bodies, never, outgoing, sendAll, takeAll } from '../../../support/sqs/harness.ts';
import { placesBeside, SqsPlace } from '../../../support/sqs/places.ts';

const run = { dryRun: false, onProgress: () => {}, signal: never };
const BODY = '{"id":12345678901234567890}';

/** As the sources of these frameworks write them on SQS; `QUEUE` is the queue that lost the message. */
const LETTERS: readonly (readonly [
  framework: string,
  headers: Record<string, JsonValue>,
  body: string,
  /** What the application's consumer then gets. */
  back: { readonly headers?: Record<string, JsonValue>; readonly body?: string },
])[] = [
  [
    'MassTransit',
    {
      own: 'x',
      'MT-Reason': 'fault',
      'MT-Fault-Message': 'Card expired',
      'MT-Fault-InputAddress': 'amazonsqs://eu-west-1/QUEUE?durable=true',
      'MT-Host-MachineName': 'web-1',
    },
    BODY,
    {},
  ],
  [
    'NServiceBus with its headers in the body',
    { own: 'x' },
    '{"Headers":{"NServiceBus.FailedQ":"QUEUE","a":"1","NServiceBus.ExceptionInfo.Message":"Card expired"},"Body":"e30="}',
    { body: '{"Headers":{"a":"1"},"Body":"e30="}' },
  ],
  [
    'NServiceBus with its headers in an attribute',
    {
      'NServiceBus.AmazonSQS.Headers':
        '{"NServiceBus.FailedQ":"QUEUE","NServiceBus.ExceptionInfo.Message":"Card expired","a":"1"}',
    },
    BODY,
    { headers: { 'NServiceBus.AmazonSQS.Headers': '{"a":"1"}' } },
  ],
  [
    'Rebus',
    { own: 'x' },
    '{"headers":{"rbs2-source-queue":"QUEUE","rbs2-error-details":"Card expired","a":"1"},"body":"e30="}',
    { body: '{"headers":{"a":"1"},"body":"e30="}' },
  ],
  [
    'Symfony Messenger',
    {
      own: 'x',
      'X-Symfony-Messenger': JSON.stringify({
        'X-Message-Stamp-Symfony\\Component\\Messenger\\Stamp\\SentToFailureTransportStamp':
          '[{"originalReceiverName":"QUEUE"}]',
        'X-Message-Stamp-Symfony\\Component\\Messenger\\Stamp\\ErrorDetailsStamp':
          '[{"exceptionMessage":"Card expired"}]',
      }),
    },
    BODY,
    { headers: { own: 'x', 'X-Symfony-Messenger': '{}' } },
  ],
  [
    'Wolverine',
    {
      own: 'x',
      'exception-type': 'E',
      'exception-message': 'Card expired',
      'failed-at': '1795773600000',
      'original-destination': 'sqs://QUEUE',
    },
    BODY,
    {},
  ],
  [
    'Amazon EventBridge',
    {
      own: 'x',
      RULE_ARN: 'arn:aws:events:eu-west-1:1:rule/r',
      TARGET_ARN: 'arn:aws:sqs:eu-west-1:1:QUEUE',
      ERROR_MESSAGE: 'Card expired',
    },
    BODY,
    {},
  ],
];

describe.each(await placesBeside('localSqs'))('dead letters of applications ($title)', (where) => {
  let place: SqsPlace;
  beforeAll(async () => {
    place = await SqsPlace.open(where);
  });
  afterAll(() => place.close(), where.caseTimeoutMs);
  const test = (name: string, body: () => Promise<void>) => it(name, { timeout: where.caseTimeoutMs }, body);

  async function put(queue: Queue, headers: Record<string, JsonValue>, body: string): Promise<void> {
    expect(await sendAll(queue, [outgoing(body, { headers })])).toMatchObject([{ status: 'sent' }]);
  }

  async function dead(queue: Queue): Promise<Message[]> {
    const request = {
      broker: place.broker,
      queue,
      state: 'dead',
      limit: null,
      force: false,
      notice: () => {},
    } as const;
    const messages: Message[] = [];
    for await (const message of peekMessages({ ...EVERYTHING, ...request, signal: never })) messages.push(message);
    return messages;
  }

  test('name the queue that lost them and its error, and go back there without the marks', async () => {
    const orders = await place.create(place.name('orders'));
    const parked = await place.create(place.name('parked'));
    const named = (text: string) => text.replaceAll('QUEUE', orders.name);
    const given = LETTERS.map(([framework, headers, body]) => {
      const entries = Object.entries(headers).map(([name, value]) => [
        name,
        typeof value === 'string' ? named(value) : value,
      ]);
      return outgoing(named(body), { headers: { ...Object.fromEntries(entries), case: framework } });
    });
    expect(new Set((await sendAll(parked, given)).map(({ status }) => status))).toEqual(new Set(['sent']));
    const shown = await dead(parked);
    expect(shown.map(({ headers }) => headers.case).sort()).toEqual(LETTERS.map(([framework]) => framework).sort());
    for (const message of shown) {
      expect(message.dead, String(message.headers.case)).toMatchObject({ from: orders.name });
      expect(message.dead?.error, String(message.headers.case)).toContain('Card expired');
    }
    const report = await (await planRedrive(redriveOf(place.broker, parked, { signal: never }))).run(run);
    expect(report).toMatchObject({ moved: LETTERS.length, failed: 0, to: [orders.name] });
    const taken = new Map((await takeAll(orders)).map((message) => [message.headers.case, message]));
    for (const [framework, , , back] of LETTERS) {
      const message = taken.get(framework);
      expect(message?.headers, framework).toEqual({ ...(back.headers ?? { own: 'x' }), case: framework });
      expect(Buffer.from(message?.body ?? '').toString(), framework).toBe(back.body ?? BODY);
      expect(message?.dead, framework).toBeNull();
    }
    expect(await takeAll(parked)).toEqual([]);
  });

  test('that name no queue stay until one is said, and then lose their marks too; what bears no mark is left out', async () => {
    const target = await place.create(place.name('target'));
    const parked = await place.create(place.name('parked'));
    await put(parked, { own: 'x', RequestID: 'r', ErrorCode: '200', ErrorMessage: 'Task timed out' }, BODY);
    await put(parked, { own: 'y' }, 'bare');
    expect((await dead(parked)).map((message) => message.dead?.error)).toEqual(['Task timed out']);
    const notices: string[] = [];
    const request = { signal: never, notice: (text: string) => void notices.push(text) };
    const report = await (await planRedrive(redriveOf(place.broker, parked, request))).run(run);
    expect(report).toMatchObject({ moved: 0, failed: 1, left: 1 });
    expect(report.failures[0]?.reason).toContain('--to QUEUE');
    expect(notices.join()).toContain('1 message bears no known mark of a death');
    await expect.poll(() => parked.stats(never), { timeout: where.patienceMs }).toMatchObject({ ready: 2 });
    const all = await (await planRedrive(redriveOf(place.broker, parked, { signal: never, to: target }))).run(run);
    expect(all).toMatchObject({ moved: 2, failed: 0 });
    const taken = await takeAll(target);
    expect(bodies(taken).sort()).toEqual(['bare', BODY].sort());
    expect(taken.map(({ headers }) => headers)).toEqual(expect.arrayContaining([{ own: 'x' }, { own: 'y' }]));
  });
});
