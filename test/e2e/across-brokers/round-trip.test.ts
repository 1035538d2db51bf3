import { createHash, randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, jsonOf, runMq } from '../../support/mq.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';
import { redis, sqs } from '../../support/servers.ts';
import { AT_ONCE, provideTestCredentials } from '../../support/sqs/harness.ts';

provideTestCredentials();
const KEYS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
/** JSON, since a job holds nothing else; written so that anything that parses and prints it again would change it. */
const JSON_BODIES = [
  '{"n":1}',
  '{ "spaced" : [ 1 , 2.50 ], "spaced": "twice" }\r\n',
  '{"big":12345678901234567890,"exact":1.10,"exp":1E+2}',
  '"\\u00fc ü 日本語 😀 \\/ \\ud83d\\ude00"',
  '\t[null, true, -0]\n',
  '{"control":"\\u0000\\u001b[31m","separator":"\u2028\u2029\u0085"}',
  '7',
  `{"large":"${'äöü€ '.repeat(20_000)}"}`,
];
const TEXT_BODY = 'not JSON: ü😀\r\n<tag attr="1"/>';

let vhost: RabbitmqVhost;
let client: SQSClient;
let store: Redis;
const prefix = `mq-round-trip-${randomUUID()}`;
let urls: Readonly<Record<'sqs' | 'rabbitmq' | 'bullmq', string>>;
beforeAll(async () => {
  vhost = await rabbitmqVhost();
  // The emulator that takes every character that SQS takes.
  const endpoint = (await sqs()).localSqs;
  client = new SQSClient({ endpoint, region: 'us-east-1' });
  const redisUrl = (await redis()).url;
  store = new Redis(redisUrl);
  urls = {
    sqs: `sqs://us-east-1?endpoint=${encodeURIComponent(endpoint)}${AT_ONCE}`,
    rabbitmq: `${vhost.url}?management=${encodeURIComponent(vhost.managementUrl)}`,
    bullmq: `${redisUrl}?kind=bullmq&prefix=${prefix}`,
  };
});
afterAll(async () => {
  client.destroy();
  const keys = await store.keys(`${prefix}:*`);
  if (keys.length > 0) await store.del(...keys);
  store.disconnect();
  await vhost.remove();
});

type Place = readonly [kind: keyof typeof urls, queue: string];

function move([from, source]: Place, [to, target]: Place, ...flags: readonly string[]): Promise<Finished> {
  const args = ['--url', urls[from], 'move', source, target, '--to-url', urls[to], '--yes', '-o', 'json', ...flags];
  return runMq(args, { env: KEYS });
}

/** Ready and in flight. */
/** Not the depth: what is in flight RabbitMQ's management API knows only some seconds after the queue was made. */
async function readyIn([kind, queue]: Place): Promise<number | null> {
  const args = ['--url', urls[kind], 'stats', queue, '-o', 'json'];
  const [stats] = await jsonOf<readonly { readonly ready: number | null }[]>(args, { env: KEYS });
  return stats?.ready ?? null;
}

async function create([kind, queue]: Place, ...flags: readonly string[]): Promise<void> {
  expect(await runMq(['--url', urls[kind], 'create', queue, ...flags], { env: KEYS })).toMatchObject({ code: 0 });
}

/** Behind the back of `mq`: what is read and written here is what other clients of SQS see. */
async function makeQueue(name: string): Promise<string> {
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: name }));
  if (QueueUrl === undefined) throw new Error('the emulator gave no URL');
  return QueueUrl;
}

async function send(url: string, bodies: readonly string[], rest: Readonly<Record<string, unknown>> = {}) {
  const Entries = bodies.map((MessageBody, at) => ({ Id: String(at), MessageBody, ...rest }));
  const { Successful = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
  expect(Successful).toHaveLength(bodies.length);
}

interface Received {
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttributeValue>>;
}

async function takeAll(url: string): Promise<readonly Received[]> {
  const received: Received[] = [];
  for (;;) {
    const { Messages: messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    if (messages.length === 0) return received;
    for (const { Body: body = '', MessageAttributes: attributes = {} } of messages) received.push({ body, attributes });
    const Entries = messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
    await client.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }));
  }
}

/** Short, so that a difference can be read. */
const prints = (bodies: readonly string[]) =>
  bodies.map((body) => `${createHash('sha256').update(body).digest('hex')} ${body.slice(0, 30)}`).sort();

describe('SQS (emulator local-aws-sqs) → RabbitMQ → BullMQ → SQS', () => {
  // Seventeen programs, most of them one after the other.
  it('keeps every body byte for byte, and says what does not fit before anything is sent', {
    timeout: 180_000,
  }, async () => {
    const id = randomUUID().slice(0, 8);
    const first: Place = ['sqs', `first-${id}`];
    const rabbit: Place = ['rabbitmq', `second-${id}`];
    const bull: Place = ['bullmq', `third-${id}`];
    const last: Place = ['sqs', `last-${id}`];
    const source = await makeQueue(first[1]);
    const target = await makeQueue(last[1]);
    await create(rabbit, '--kind', 'quorum');
    await create(bull);
    const count = JSON_BODIES.length;
    const MessageAttributes = {
      type: { DataType: 'String', StringValue: 'order.created' },
      price: { DataType: 'Number.price', StringValue: '12.50' },
      blob: { DataType: 'Binary', BinaryValue: Buffer.from([0, 255, 1]) },
    };
    await send(source, JSON_BODIES, { MessageAttributes, MessageGroupId: 'tenant-1' });

    // A group is more than a queue of RabbitMQ holds.
    const refused = await move(first, rabbit);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/kind quorum cannot hold groupId/);
    expect(refused.stderr).toMatch(/message \S+: .*does not fit.*group/);
    expect(JSON.parse(refused.stdout)).toMatchObject({ matched: count, moved: 0, failed: count });
    expect(await Promise.all([readyIn(first), readyIn(rabbit)])).toEqual([count, 0]);
    const lost = await move(first, rabbit, '--lossy');
    expect(lost.stderr).toMatch(/does not fit into second-\w+: a group.*left out/);
    expect(lost.stderr).toMatch(new RegExp(`sent without what does not fit: ${count} messages`));
    expect(lost).toMatchObject({ code: 0 });
    expect(JSON.parse(lost.stdout)).toMatchObject({ matched: count, moved: count, failed: 0, complete: true });

    // Headers are more than a job holds.
    const again = await move(rabbit, bull);
    expect(again.code).toBe(3);
    expect(again.stderr).toMatch(/kind bullmq cannot hold headers/);
    expect(JSON.parse(again.stdout)).toMatchObject({ matched: count, moved: 0, failed: count });
    expect(await Promise.all([readyIn(rabbit), readyIn(bull)])).toEqual([count, 0]);
    const bare = await move(rabbit, bull, '--lossy');
    expect(bare.stderr).toMatch(/does not fit into third-\w+: headers.*left out/);
    expect(bare).toMatchObject({ code: 0 });

    // A job has a name. Looking at jobs is free, so all are looked at first, and nothing is taken.
    const named = await move(bull, last);
    expect(named).toMatchObject({ code: 7, stdout: '' });
    expect(named.stderr).toMatch(new RegExp(`does not fit into last-\\w+: .*a name \\(${count} messages\\)`));
    expect(await Promise.all([readyIn(bull), readyIn(last)])).toEqual([count, 0]);
    expect(await move(bull, last, '--lossy')).toMatchObject({ code: 0 });

    const arrived = await takeAll(target);
    expect(prints(arrived.map(({ body }) => body))).toEqual(prints(JSON_BODIES));
    expect(await Promise.all([first, rabbit, bull].map(readyIn))).toEqual([0, 0, 0]);
  });

  it('the type that an application gave to an attribute is not dropped in silence, on whatever way it goes', async () => {
    const id = randomUUID().slice(0, 8);
    const source: Place = ['sqs', `typed-${id}`];
    const url = await makeQueue(source[1]);
    const rabbit: Place = ['rabbitmq', `untyped-${id}`];
    await create(rabbit);
    const typed = {
      price: { DataType: 'Number.price', StringValue: '12.50' },
      html: { DataType: 'String.html', StringValue: '<b>' },
      // What mq itself writes where SQS has no type: the value says it all.
      flag: { DataType: 'String.json', StringValue: 'true' },
    };
    await send(url, ['typed'], { MessageAttributes: typed });
    const { flag } = typed;
    await send(url, ['plain'], { MessageAttributes: { flag, n: { DataType: 'Number', StringValue: '1.50' } } });

    const refused = await move(source, rabbit);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(
      /message \S+: .*the type Number\.price of the header "price"; the type String\.html/,
    );
    expect(refused.stderr).not.toMatch(/"flag"|"n"/);
    expect(JSON.parse(refused.stdout)).toMatchObject({ matched: 2, moved: 1, failed: 1 });

    // Through a file it is known too.
    const peeked = await runMq(['--url', urls.sqs, 'peek', source[1], '-o', 'ndjson'], { env: KEYS });
    const enqueued = await runMq(['--url', urls.rabbitmq, 'enqueue', rabbit[1], '--ndjson'], { input: peeked.stdout });
    expect(enqueued.code).not.toBe(0);
    expect(enqueued.stderr).toMatch(/the type Number\.price of the header "price"/);
    expect(await Promise.all([readyIn(source), readyIn(rabbit)])).toEqual([1, 1]);

    const lossy = await move(source, rabbit, '--lossy');
    expect(lossy).toMatchObject({ code: 0 });
    expect(lossy.stderr).toMatch(/does not fit into untyped-\w+: the type Number\.price of the header "price"/);
    expect(lossy.stderr).toMatch(/does not fit into untyped-\w+: the type String\.html of the header "html"/);
    expect(await Promise.all([readyIn(source), readyIn(rabbit)])).toEqual([0, 2]);
  });

  it('a body that a job cannot hold as it is stays where it was, with its reason', async () => {
    const id = randomUUID().slice(0, 8);
    const source = await makeQueue(`text-${id}`);
    const bull: Place = ['bullmq', `jobs-${id}`];
    await create(bull);
    await send(source, [TEXT_BODY, '{"fits":true}']);
    const dry = await move(['sqs', `text-${id}`], bull, '--dry-run');
    expect(dry.stderr).toMatch(/does not fit into jobs-\w+: a body that is not JSON \(1 message\)/);
    const { code, stdout, stderr } = await move(['sqs', `text-${id}`], bull);
    expect(code).toBe(3);
    expect(stderr).toMatch(/a body that is not JSON/);
    expect(JSON.parse(stdout)).toMatchObject({ matched: 2, moved: 1, failed: 1 });
    expect((await takeAll(source)).map(({ body }) => body)).toEqual([TEXT_BODY]);
  });

  it('to RabbitMQ and straight back, bodies and attributes of every type are what they were', async () => {
    const id = randomUUID().slice(0, 8);
    const source = await makeQueue(`there-${id}`);
    const target = await makeQueue(`back-${id}`);
    const rabbit: Place = ['rabbitmq', `between-${id}`];
    await create(rabbit);
    const MessageAttributes = {
      text: { DataType: 'String', StringValue: 'ü\r\n😀' },
      whole: { DataType: 'Number', StringValue: '-42' },
      blob: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255, 1]) },
    };
    // More digits than a header of RabbitMQ can hold as a number: they are kept as text.
    const long = '12345678901234567890123';
    const bodies = [...JSON_BODIES, TEXT_BODY];
    await send(source, bodies, {
      MessageAttributes: { ...MessageAttributes, long: { DataType: 'Number', StringValue: long } },
    });
    expect(await move(['sqs', `there-${id}`], rabbit)).toMatchObject({ code: 0 });
    // Nothing says any more that the id was only the place in a queue of SQS.
    const kept = await move(rabbit, ['sqs', `back-${id}`]);
    expect(kept).toMatchObject({ code: 3, stderr: expect.stringMatching(/kind standard cannot hold id/) });
    expect(await readyIn(rabbit)).toBe(bodies.length);
    const back = await move(rabbit, ['sqs', `back-${id}`], '--lossy');
    expect(back.stderr).toMatch(/does not fit into back-\w+: an id of its own/);
    expect(back.stderr.match(/does not fit into/g)).toHaveLength(1);
    expect(back).toMatchObject({ code: 0 });
    const arrived = await takeAll(target);
    expect(prints(arrived.map(({ body }) => body))).toEqual(prints(bodies));
    for (const { attributes } of arrived) {
      expect(attributes).toEqual({ ...MessageAttributes, long: { DataType: 'String', StringValue: long } });
    }
  });
});
