// What a single command costs, from its start to its end: against an empty Node program on the same machine, and, where
// each round trip takes 20 ms, against the usual tool.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delayingRelay } from '../../support/delaying-relay.ts';
import { provision, provisionHere } from '../../support/provision.ts';
import { pythonWith } from '../../support/python.ts';
import { startRedis } from '../../support/redis/server.ts';
import { startSqsEmulators } from '../../support/sqs/emulators.ts';
import { type Command, EMPTY, mq, run } from '../measure.ts';
import type { Line } from './line.ts';

const ROUNDS = 15;
/** Of what takes half a second, or waits most of its time. */
const FEW_ROUNDS = 7;
const ROUND_TRIP_MS = 20;
const LOGIN = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x', AWS_DEFAULT_REGION: 'us-east-1' };
const QUEUE = 'bench';

type Row = readonly [work: string, command: Command, atMost: number];

export default async function* (): AsyncGenerator<Line> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));
  const redis = await startRedis(await provision('redis-server'));
  const sqs = await startSqsEmulators();
  try {
    const { fauxqs } = sqs;
    const cli = await awsCli();
    const sqlite = ['--url', `sqlite:${join(folder, 'bench.db')}`];
    const list = ['--url', redis.url];
    const amazon = ['--url', urlAt(fauxqs)];
    const send = (url: string): Command => mq('mq enqueue', ['--url', url, 'enqueue', QUEUE, 'hello'], LOGIN);
    await run(mq('mq create', [...amazon, 'create', QUEUE], LOGIN));
    for (const url of [sqlite[1] ?? '', `${redis.url}?kind=list`]) await run(send(url));

    yield* floor([
      ['mq --version', mq('mq --version', ['--version']), 1.2],
      ['mq --help', mq('mq --help', ['--help']), 1.4],
      ['enqueue, SQLite', mq('mq enqueue', [...sqlite, 'enqueue', QUEUE, 'hello']), 1.7],
      ['stats, SQLite', mq('mq stats', [...sqlite, 'stats', QUEUE]), 1.7],
      ['peek, SQLite', mq('mq peek', [...sqlite, 'peek', QUEUE]), 1.7],
      ['enqueue, Redis list', mq('mq enqueue', [...list, 'enqueue', QUEUE, 'hello']), 2.2],
      ['stats, Redis list', mq('mq stats', [...list, 'stats', QUEUE]), 2.2],
      ['enqueue, SQS', send(urlAt(fauxqs)), 3.2],
    ]);
    yield* pair('enqueue, SQS', send(urlAt(fauxqs)), cli(fauxqs), 0.2, 'AWS CLI 1.45');

    await using slowRedis = await delayingRelay(redis.url, ROUND_TRIP_MS);
    const redisCli: Command = {
      name: 'redis-cli',
      program: await provisionHere('redis-cli'),
      args: ['-p', new URL(slowRedis.url).port, 'LPUSH', QUEUE, 'hello'],
    };
    yield* pair(`enqueue, Redis list, ${ROUND_TRIP_MS} ms a round trip`, send(slowRedis.url), redisCli, 2);

    await using slowSqs = await delayingRelay(fauxqs, ROUND_TRIP_MS);
    const slow = slowSqs.url.replace(/\/$/, '');
    yield* pair(`enqueue, SQS, ${ROUND_TRIP_MS} ms a round trip`, send(urlAt(slow)), cli(slow), 0.3, 'AWS CLI 1.45');
  } finally {
    await Promise.all([redis.stop(), sqs.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

function urlAt(endpoint: string): string {
  return `sqs://us-east-1?endpoint=${encodeURIComponent(endpoint)}`;
}

/** The usual tool for SQS, which sends one message. It needs the URL of the queue, so it looks nothing up. */
async function awsCli(): Promise<(endpoint: string) => Command> {
  const python = await pythonWith('awscli==1.45.10');
  return (endpoint) => ({
    name: 'aws sqs send-message',
    program: python.path,
    args: [
      '-m',
      'awscli',
      '--endpoint-url',
      endpoint,
      ...'sqs send-message --message-body hello --queue-url'.split(' '),
      `${endpoint}/000000000000/${QUEUE}`,
    ],
    env: LOGIN,
  });
}

/** All of them in turn with the empty program, after one uncounted round. */
async function* floor(rows: readonly Row[]): AsyncGenerator<Line> {
  const ours = rows.map((): number[] => []);
  const theirs: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const base = await run(EMPTY);
    if (round >= 0) theirs.push(base.wallMs);
    for (const [index, [, command]] of rows.entries()) {
      const { wallMs } = await run(command);
      if (round >= 0) ours[index]?.push(wallMs);
    }
  }
  for (const [index, [work, , atMost]] of rows.entries())
    yield { work, against: EMPTY.name, goal: { atMost }, ours: ours[index] ?? [], theirs, unit: 'ms' };
}

async function* pair(work: string, own: Command, peer: Command, atMost: number, note?: string): AsyncGenerator<Line> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = -1; round < FEW_ROUNDS; round++) {
    const [first, second] = [await run(own), await run(peer)];
    if (round < 0) continue;
    ours.push(first.wallMs);
    theirs.push(second.wallMs);
  }
  const told = note === undefined ? {} : { note };
  yield { work, against: peer.name, goal: { atMost }, ours, theirs, unit: 'ms', ...told };
}
