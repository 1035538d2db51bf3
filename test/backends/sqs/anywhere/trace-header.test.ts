import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Finished, runMq } from '../../../support/mq.ts';
import { redis } from '../../../support/servers.ts';
import { never } from '../../../support/sqs/harness.ts';
import { placesBeside, SqsPlace } from '../../../support/sqs/places.ts';

const TRACE = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1';

/** fauxqs drops the header at the send. What is written and read here with the SDK is what other clients of SQS see. */
describe.each(await placesBeside('localSqs'))(
  'the trace header of AWS X-Ray ($title)',
  {
    timeout: 120_000,
  },
  (where) => {
    const { url, env } = where;
    let redisUrl: string;
    let place: SqsPlace;
    let folder: string;
    let source: string;
    let target: string;
    beforeAll(async () => {
      place = await SqsPlace.open(where);
      redisUrl = (await redis()).url;
      folder = await mkdtemp(join(tmpdir(), 'mq-trace-'));
    });
    afterAll(async () => {
      await place.close();
      await rm(folder, { recursive: true, force: true });
    }, where.caseTimeoutMs);
    beforeEach(async () => {
      source = (await place.create(place.name('traced'))).name;
      target = (await place.create(place.name('trace-target'))).name;
      await place.client.send(
        new SendMessageCommand({
          QueueUrl: await urlOfQueue(source),
          MessageBody: 'order',
          MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: TRACE } },
        }),
      );
    });

    async function urlOfQueue(name: string): Promise<string> {
      return String((await (await place.broker.queue(name, never)).describe(never)).details.url);
    }

    const mq = (args: readonly string[], input?: string): Promise<Finished> =>
      runMq(['--url', url, ...args], { env, ...(input === undefined ? {} : { input }) });

    /** The trace headers of all that is in the queue, which is then empty. */
    async function takenFrom(name: string): Promise<readonly (string | null)[]> {
      const QueueUrl = await urlOfQueue(name);
      const { Messages: messages = [] } = await place.client.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, AttributeNames: ['All'], WaitTimeSeconds: 2 }),
      );
      for (const { ReceiptHandle } of messages)
        await place.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      return messages.map(({ Attributes }) => Attributes?.AWSTraceHeader ?? null);
    }

    it('is shown by peek', async () => {
      const { code, stdout } = await mq(['peek', source, '-o', 'ndjson']);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ native: { sqs: { traceHeader: TRACE } } });
    });

    it.each([
      ['a move', ['move', 'SOURCE', 'TARGET', '--yes']],
      ['a copy', ['copy', 'SOURCE', 'TARGET']],
      ['a redrive by hand', ['redrive', 'SOURCE', '--to', 'TARGET', '--max', '5', '--yes']],
    ])('is kept by %s', async (_, args) => {
      const dead = args[0] === 'redrive';
      // A queue whose dead letters are in the source.
      const queue = dead ? await place.create(place.name('traced-main'), { deadLetterQueue: source }) : null;
      const named = args.map((arg) => arg.replace('SOURCE', queue?.name ?? source).replace('TARGET', target));
      expect(await mq(named)).toMatchObject({ code: 0 });
      expect(await takenFrom(target)).toEqual([TRACE]);
    });

    it('is kept by a drain into a file that is enqueued again', async () => {
      const drained = await mq(['drain', source]);
      expect(drained.code).toBe(0);
      expect(await takenFrom(source)).toEqual([]);
      expect(await mq(['enqueue', target, '--ndjson'], drained.stdout)).toMatchObject({ code: 0 });
      expect(await takenFrom(target)).toEqual([TRACE]);
    });

    it('is kept by a queue of SQLite, and comes back from there', async () => {
      const file = `sqlite:${join(folder, `${randomUUID()}.db`)}`;
      expect(await runMq(['--url', file, 'create', 'between'])).toMatchObject({ code: 0 });
      expect(await mq(['move', source, 'between', '--to-url', file, '--yes'])).toMatchObject({ code: 0 });
      const back = ['--url', file, 'move', 'between', target, '--to-url', url, '--yes'];
      expect(await runMq(back, { env })).toMatchObject({ code: 0 });
      expect(await takenFrom(target)).toEqual([TRACE]);
    });

    it('is more than a stream of Redis holds: refused, and with --lossy named', async () => {
      const name = place.name('trace-stream');
      const there = ['--to-url', `${redisUrl}?kind=stream`, '--yes'];
      expect(await runMq(['--url', `${redisUrl}?kind=stream`, 'create', name])).toMatchObject({ code: 0 });
      const refused = await mq(['move', source, name, ...there]);
      expect(refused).toMatchObject({ code: 3, stderr: expect.stringMatching(/the AWS X-Ray trace header/) });
      const lossy = await mq(['move', source, name, ...there, '--lossy']);
      expect(lossy).toMatchObject({ code: 0, stderr: expect.stringMatching(/the AWS X-Ray trace header.*left out/) });
      expect(await takenFrom(source)).toEqual([]);
      await runMq(['--url', `${redisUrl}?kind=stream`, 'delete', name, '--yes', '--confirm', name]);
    });
  },
);
