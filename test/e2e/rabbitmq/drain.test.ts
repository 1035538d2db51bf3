import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runMq } from '../../support/mq.ts';
import { EVERY_HEADER, everyProperty } from '../../support/rabbitmq/every-type.ts';
import { RawAmqp, rawHeader, rawLong, rawProperties, wireLines } from '../../support/rabbitmq/raw-amqp.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

let vhost: RabbitmqVhost;
let target: readonly string[];
let folder: string;

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  target = ['--url', vhost.mqUrl];
  folder = await mkdtemp(join(tmpdir(), 'mq-drain-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await vhost.remove();
});

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

const SENT: readonly { readonly properties: Buffer; readonly body: Buffer }[] = [
  { properties: everyProperty(EVERY_HEADER), body: EVERY_BYTE },
  { properties: rawProperties(0, []), body: Buffer.alloc(0) },
  { properties: rawProperties(0x2000, [rawLong('')]), body: Buffer.from('"json"\n{"a": 1.0}') },
  { properties: rawProperties(0x1000, [Buffer.from([1])]), body: Buffer.from('ü \u0000 \ufeff\r\n') },
  {
    properties: everyProperty([rawHeader('large', 'S', rawLong(Buffer.alloc(90_000, 0x61)))]),
    body: Buffer.concat(Array.from({ length: 1200 }, () => EVERY_BYTE)),
  },
];

describe.each(['classic', 'quorum'])('%s', (kind) => {
  test('what is drained to a file and enqueued from it is the same, byte for byte', async () => {
    const queue = `drained ${kind}`;
    const file = join(folder, `${kind}.ndjson`);
    expect(await runMq([...target, 'create', queue, '--kind', kind])).toMatchObject({ code: 0 });
    await using raw = await RawAmqp.open(vhost.url);
    await raw.publishAll(queue, SENT);

    const drained = await runMq([...target, 'drain', queue, '--to', file]);
    expect(drained).toMatchObject({ code: 0 });
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(SENT.length);
    expect(await raw.get(queue)).toBeNull();

    const enqueued = await runMq([...target, 'enqueue', queue, '--ndjson', '--file', file]);
    expect(enqueued).toMatchObject({ code: 0 });
    for (const { properties, body } of SENT) {
      const back = await raw.get(queue);
      expect(wireLines(back?.properties)).toEqual(wireLines(properties));
      expect(back?.body.equals(body)).toBe(true);
      expect(back?.redelivered).toBe(false);
    }
    expect(await raw.get(queue)).toBeNull();
  });
});
