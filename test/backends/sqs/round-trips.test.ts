import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { type RoundTrips, roundTrips, type Spoken } from '../../support/round-trips.ts';
import { sqs } from '../../support/servers.ts';
import { createQueue, openAt, provideTestCredentials, uniqueName, urlOf } from '../../support/sqs/harness.ts';

provideTestCredentials();
const plain = uniqueName('plain');
let command: CommandLine;
let network: RoundTrips;

beforeAll(async () => {
  const { fauxqs } = await sqs();
  command = await CommandLine.open();
  network = await roundTrips({ sqs: fauxqs });
  const broker = await openAt(fauxqs);
  await createQueue(broker, plain);
  await broker.close();
});

afterAll(async () => {
  await network.close();
  await command.close();
});

const said = (...args: readonly string[]): Promise<Spoken> =>
  network.during(() => command.ok(['--url', urlOf(network.urls.sqs ?? ''), ...args]));

const calls = ({ written }: Spoken): readonly string[] =>
  [...(written.sqs ?? '').matchAll(/^x-amz-target: AmazonSQS\.(\w+)/gim)].map(([, name = '']) => name);

describe('one socket, which opening takes a round trip too, and each call once', () => {
  test.each<readonly [string, readonly string[], readonly string[]]>([
    ['stats', ['stats', plain], ['GetQueueUrl', 'GetQueueAttributes']],
    ['enqueue', ['enqueue', plain, 'x'], ['GetQueueUrl', 'GetQueueAttributes', 'SendMessageBatch']],
    ['purge', ['purge', plain, '--yes'], ['GetQueueUrl', 'GetQueueAttributes', 'GetQueueAttributes', 'PurgeQueue']],
  ])('%s', async (_, args, expected) => {
    const spoken = await said(...args);
    expect(calls(spoken)).toEqual(expected);
    expect(spoken.turns).toEqual({ sqs: [expected.length] });
    expect(spoken.inARow).toBe(1 + expected.length);
  });
});
