import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { type Finished, runMq } from '../../support/mq.ts';
import { sqs } from '../../support/servers.ts';
import { FaultProxy, type FaultyAnswer, refusal } from '../../support/sqs/fault-proxy.ts';
import {
  bodies,
  createQueue,
  fill,
  never,
  openAt,
  outgoing,
  takeAll,
  uniqueName,
  urlOf,
} from '../../support/sqs/harness.ts';

const SECRET = 'test-secret-key';
const SESSION = 'test-session-token';
const KEYS = { AWS_ACCESS_KEY_ID: 'TESTKEYID', AWS_SECRET_ACCESS_KEY: SECRET, AWS_SESSION_TOKEN: SESSION };
const NOBODY = { AWS_EC2_METADATA_DISABLED: 'true' };
const TEXTS = ['one', 'two', 'three'];

/** One line, a hint below it at most, and nothing that only a developer or a thief could use. */
function expectOneClearLine({ stderr }: Finished): void {
  const lines = stderr.trimEnd().split('\n');
  expect(lines.filter((line) => line.startsWith('mq: error: '))).toHaveLength(1);
  for (const line of lines) expect(line).toMatch(/^(mq: \S.*\S| {4}hint: .*)$/);
  expect(stderr).not.toMatch(/\bat .*\.js|node_modules|\$metadata/);
  for (const secret of [SECRET, SESSION, 'TESTKEYID', 'AWS4-HMAC']) expect(stderr).not.toContain(secret);
}

describe('SQS: what goes wrong is told in one clear line with the documented code, and nothing is lost (emulator local-aws-sqs)', {
  timeout: 60_000,
}, () => {
  let proxy: FaultProxy;
  let direct: Broker;
  let queue: Queue;
  let dead: Queue;
  let fifo: Queue;
  beforeAll(async () => {
    const endpoint = (await sqs()).localSqs;
    proxy = await FaultProxy.start(endpoint);
    direct = await openAt(endpoint);
    const deadName = uniqueName('bad-dlq');
    queue = await createQueue(direct, uniqueName('bad'), { deadLetterQueue: deadName, maxReceives: 100 });
    dead = await direct.queue(deadName, never);
    fifo = await createQueue(direct, uniqueName('bad', true));
    await fill(
      dead,
      TEXTS.map((text) => outgoing(text)),
    );
    await fill(
      queue,
      TEXTS.map((text) => outgoing(text)),
    );
  });
  beforeEach(() => proxy.reset());
  afterAll(async () => {
    await direct.close();
    await proxy.stop();
  });

  interface Circumstances {
    readonly env?: Readonly<Record<string, string>>;
    readonly input?: string;
    readonly url?: string;
  }

  async function mq(args: readonly string[], { env = KEYS, input, url }: Circumstances = {}): Promise<Finished> {
    const named = args.map((arg) =>
      arg.replace('QUEUE', queue.name).replace('DEAD', dead.name).replace('FIFO', fifo.name),
    );
    return runMq(['--url', url ?? urlOf(proxy.url), ...named], {
      env: { ...NOBODY, ...env },
      ...(input === undefined ? {} : { input }),
    });
  }

  /** Each message once in its queue, and none hidden. */
  async function expectUntouched(): Promise<void> {
    proxy.reset();
    for (const one of [queue, dead]) {
      const found = await takeAll(one);
      expect(bodies(found).sort()).toEqual([...TEXTS].sort());
      await fill(
        one,
        found.map(({ body }) => outgoing(body)),
      );
    }
    expect(await takeAll(fifo)).toEqual([]);
  }

  const EVERY_VERB: readonly (readonly string[])[] = [
    ['ls'],
    ['stats', 'QUEUE'],
    ['inspect', 'QUEUE'],
    ['peek', 'QUEUE'],
    ['enqueue', 'QUEUE', 'x'],
    ['drain', 'QUEUE'],
    ['purge', 'QUEUE', '--yes'],
    ['redrive', 'QUEUE', '--yes'],
    ['move', 'QUEUE', 'DEAD', '--yes'],
    ['create', 'new-queue'],
    ['delete', 'QUEUE', '--yes'],
  ];

  it.each(EVERY_VERB.map((args) => [args.join(' '), args] as const))('no credentials: %s', async (_, args) => {
    const ran = await mq(args, { env: {} });
    expect(ran).toMatchObject({
      code: 6,
      stdout: '',
      stderr: expect.stringContaining('no AWS credentials were found'),
    });
    expectOneClearLine(ran);
  });

  const ACCOUNT: readonly (readonly [string, FaultyAnswer, RegExp])[] = [
    [
      'a key that does not exist',
      refusal('InvalidClientTokenId', 'The security token is invalid', 403),
      /did not accept the credentials/,
    ],
    [
      'a wrong secret',
      refusal('SignatureDoesNotMatch', `AWS4-HMAC-SHA256 ${SECRET}`, 403),
      /did not accept the credentials/,
    ],
    [
      'an expired session',
      refusal('ExpiredToken', 'The security token included in the request is expired', 403),
      /session token has expired/,
    ],
    [
      'a clock that is wrong',
      refusal(
        'InvalidSignatureException',
        'Signature expired: 20261122T020000Z is now earlier than 20261122T021000Z',
        403,
      ),
      /the clock of this machine is wrong/,
    ],
    [
      'a clock that is wrong, in its other words',
      refusal('RequestExpired', 'Request has expired', 400),
      /the clock of this machine is wrong/,
    ],
    [
      'another region’s endpoint',
      refusal('SignatureDoesNotMatch', "Credential should be scoped to a valid region, not 'us-east-1'.", 403),
      /signed for region us-east-1, and the server is in another/,
    ],
  ];
  it.each(ACCOUNT)('%s', async (_, answer, says) => {
    for (const args of EVERY_VERB.filter(([verb]) => verb === 'enqueue' || verb === 'redrive')) {
      proxy.reset();
      for (const action of [
        'ListQueues',
        'GetQueueUrl',
        'GetQueueAttributes',
        'CreateQueue',
        'SendMessageBatch',
        'ReceiveMessage',
      ])
        proxy.spoil(action, async () => answer);
      const ran = await mq(args);
      expect(ran, args.join(' ')).toMatchObject({ code: 6, stdout: '', stderr: expect.stringMatching(says) });
      expectOneClearLine(ran);
    }
    await expectUntouched();
  });

  it.each([
    [200, 1],
    [302, 1],
    [403, 1],
    [404, 1],
    [503, 5],
  ])('a server that is not SQS, and answers %i', async (status, code) => {
    const server = createServer((_, response) => response.writeHead(status).end('<html>\u001b[31mhello</html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const ran = await mq(['peek', 'QUEUE'], {
        url: urlOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
      });
      expect(ran).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(/is not SQS|answered .* with 503/) });
      expect(ran.stderr).not.toContain('html');
      expectOneClearLine(ran);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('a region that does not exist, and a queue of another region or another account', async () => {
    const nowhere = await mq(['ls'], { url: 'sqs://nowhere-north-1' });
    expect(nowhere).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('nowhere-north-1') });
    expectOneClearLine(nowhere);
    for (const name of ['arn:aws:sqs:eu-west-1:000000000000:q', 'https://sqs.eu-west-1.amazonaws.com/000000000000/q']) {
      const other = await mq(['peek', name]);
      expect(other).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(/in region eu-west-1, but the connection is to us-east-1/),
      });
      expectOneClearLine(other);
    }
  });

  it.each(
    EVERY_VERB.filter(([verb]) => verb !== 'ls' && verb !== 'create').map((args) => [args.join(' '), args] as const),
  )('an unknown queue: %s', async (_, args) => {
    const ran = await mq(args.map((arg) => arg.replace('QUEUE', 'not-there')));
    expect(ran).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('not-there') });
    expectOneClearLine(ran);
  });

  const PERMISSIONS: readonly (readonly [action: string, args: readonly string[]])[] = [
    ['ListQueues', ['ls']],
    ['GetQueueUrl', ['stats', 'QUEUE']],
    ['GetQueueAttributes', ['stats', 'QUEUE']],
    ['ReceiveMessage', ['peek', 'QUEUE']],
    ['ReceiveMessage', ['drain', 'QUEUE']],
    ['ReceiveMessage', ['redrive', 'QUEUE', '--max', '2', '--yes']],
    ['ReceiveMessage', ['move', 'QUEUE', 'DEAD', '--yes']],
    ['PurgeQueue', ['purge', 'QUEUE', '--yes']],
    ['SetQueueAttributes', ['pause', 'QUEUE', '--deny-policy']],
    ['CreateQueue', ['create', 'new-queue']],
    ['DeleteQueue', ['delete', 'QUEUE', '--yes']],
  ];
  const denied = async () => refusal('AccessDeniedException', `User: arn:aws:iam::1:user/x ${SECRET}`, 403);
  it.each(PERMISSIONS)('no permission for sqs:%s: %s', async (action, args) => {
    proxy.spoil(action, denied);
    const ran = await mq(args);
    expect(ran).toMatchObject({
      code: 6,
      stdout: '',
      stderr: expect.stringContaining(`no permission for sqs:${action}`),
    });
    expectOneClearLine(ran);
    await expectUntouched();
  });

  it('no permission to send: named, and what was to be sent is where it was', async () => {
    proxy.spoil('SendMessageBatch', denied);
    const sent = await mq(['enqueue', 'QUEUE', 'x']);
    expect(sent).toMatchObject({
      code: 6,
      stdout: '',
      stderr: expect.stringContaining('no permission for sqs:SendMessage'),
    });
    const redriven = await mq(['redrive', 'QUEUE', '--max', '2', '--yes']);
    expect(redriven).toMatchObject({ code: 6, stderr: expect.stringContaining('no permission for sqs:SendMessage') });
    await expectUntouched();
  });

  it('no permission to delete: named, and the messages are not called moved', async () => {
    const target = await createQueue(direct, uniqueName('bad-target'));
    proxy.spoil('DeleteMessageBatch', denied);
    // The right is asked for before the first message is taken: a run without it would leave copies in the target each
    // time.
    const ran = await mq(['redrive', 'QUEUE', '--to', target.name, '--max', '2', '--yes', '-o', 'json']);
    expect(ran).toMatchObject({
      ...{ code: 6, stdout: '', stderr: expect.stringContaining('no permission for sqs:DeleteMessage') },
    });
    const drained = await mq(['drain', 'QUEUE', '-n', '1', '-o', 'body']);
    expect(drained).toMatchObject({ code: 6, stderr: expect.stringContaining('no permission for sqs:DeleteMessage') });
    await expectUntouched();
  });

  const eleven = Array.from({ length: 11 }, (_, at) => ['-H', `h${at}=${at}`]).flat();
  const REFUSED: readonly (readonly [title: string, args: readonly string[], says: RegExp, input: string | null])[] = [
    [
      'FIFO without a group',
      ['enqueue', 'FIFO', 'x'],
      /without a message group, which a FIFO queue requires \(--group\)/,
      null,
    ],
    [
      'a delay over 15 minutes',
      ['enqueue', 'QUEUE', 'x', '--delay', '16m'],
      /a delay of 960 s: SQS takes at most 900 s/,
      null,
    ],
    [
      'a delay on FIFO',
      ['enqueue', 'FIFO', 'x', '--group', 'g', '--delay', '1m'],
      /one delay for all its messages/,
      null,
    ],
    ['more than ten attributes', ['enqueue', 'QUEUE', 'x', ...eleven], /11 headers: SQS takes 10/, null],
    [
      'a body over 1 MiB',
      ['enqueue', 'QUEUE'],
      /1048577 bytes with its headers, and the queue takes 1048576/,
      'x'.repeat(1_048_577),
    ],
    [
      'a body under 1 MiB with attributes over it',
      ['enqueue', 'QUEUE', '-H', 'a=b'],
      /1048580 bytes with its headers/,
      'x'.repeat(1_048_572),
    ],
    ['an empty body', ['enqueue', 'QUEUE', '--allow-empty'], /an empty body/, ''],
    ['a control character', ['enqueue', 'QUEUE'], /control characters/, 'a\u0001b'],
  ];
  it.each(REFUSED)('%s', async (_, args, says, input) => {
    const ran = await mq(args, input === null ? {} : { input });
    expect(ran).toMatchObject({ code: 7, stdout: '', stderr: expect.stringMatching(says) });
    expectOneClearLine(ran);
    expect(proxy.of('SendMessageBatch')).toEqual([]);
    await expectUntouched();
  });

  it('one message too large among others: the others are sent, it is named by its line, exit 3', async () => {
    const target = await createQueue(direct, uniqueName('bad-lines'));
    const ran = await mq(['enqueue', target.name, '--lines', '-q'], {
      input: `first\n${'x'.repeat(1_048_577)}\nlast\n`,
    });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toMatch(/line 2: .*1048577 bytes/);
    expect(bodies(await takeAll(target))).toContain('first');
  });
});
