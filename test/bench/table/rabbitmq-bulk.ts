// Much at once on RabbitMQ, against what does it without us: amqp-publish, which waits for no confirmation, and the
// shovel in its safe mode (on-confirm). On 4.2 and newer also against the shovel that needs no connection (`local`).
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import amqp from 'amqplib';
import { comingRabbitmq } from '../../support/newer-debian.ts';
import { provision, provisionHere } from '../../support/provision.ts';
import { managementRequest } from '../../support/rabbitmq/management.ts';
import { type RabbitmqServer, startRabbitmq } from '../../support/rabbitmq/server.ts';
import { type Command, mq, run } from '../measure.ts';
import type { Line } from './line.ts';

const ROUNDS = 5;
const LINES = 200_000;
const DEAD = 50_000;
/** Of the uncounted round. */
const FEW = 5_000;
const MOST_MIB = 150;
type Kind = 'classic' | 'quorum';

export default async function* (): AsyncGenerator<Line> {
  yield* onTheFloor();
  yield* onTheNewest();
}

async function* onTheFloor(): AsyncGenerator<Line> {
  const amqpPublish = await provisionHere('amqp-publish');
  const folder = await mkdtemp(join(tmpdir(), 'mq-bench-bulk-'));
  const broker = await startRabbitmq(await provision('rabbitmq-server'), { usualFigures: true });
  try {
    await using bench = await Bench.open(broker);
    for (const kind of ['classic', 'quorum'] as const) yield* enqueue(bench, kind, amqpPublish, folder);
    for (const kind of ['classic', 'quorum'] as const) yield* redrive(bench, kind, 'amqp091');
  } finally {
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function* onTheNewest(): AsyncGenerator<Line> {
  const broker = await startRabbitmq(await comingRabbitmq(), { usualFigures: true });
  try {
    await using bench = await Bench.open(broker);
    yield* redrive(bench, 'quorum', 'local');
  } finally {
    await broker.stop();
  }
}

async function* enqueue(bench: Bench, kind: Kind, amqpPublish: string, folder: string): AsyncGenerator<Line> {
  const queue = `lines-${kind}`;
  await bench.make(queue, kind);
  const [ours, theirs, memory]: [number[], number[], number[]] = [[], [], []];
  for (let round = -1; round < ROUNDS; round++) {
    const count = round < 0 ? FEW : LINES;
    const file = join(folder, `${count}`);
    const lines = Array.from({ length: count }, (_, i) => `{"order":${i},"customer":"c-${i % 977}"}\n`);
    writeFileSync(file, lines.join(''));
    const publish = ['-c', 'exec "$0" -u "$1" -r "$2" -l <"$3"', amqpPublish, bench.url, queue, file];
    const peer = await bench.filled(queue, { name: 'amqp-publish', program: '/bin/sh', args: publish });
    const args = [...bench.target, 'enqueue', queue, '--lines', '--file', file, '-q'];
    const own = await bench.filled(queue, mq('mq enqueue', args));
    if (own.stored !== count) throw new Error(`${own.stored} of ${count} lines are in ${queue}`);
    if (round < 0) continue;
    theirs.push((count / peer.wallMs) * 1000);
    ours.push((count / own.wallMs) * 1000);
    memory.push(own.peakMiB);
  }
  const work = `enqueue ${LINES.toLocaleString('en')} lines, RabbitMQ ${kind}, confirmed`;
  const goal = { atLeast: kind === 'classic' ? 0.5 : 1 };
  // The last of a quorum queue may be lost with its channel: of 100,000, up to 89 were missing.
  const note = `${bench.version}; amqp-publish writes transient messages, waits for none and may lose the last`;
  yield { work, against: 'amqp-publish -l, unconfirmed', goal, ours, theirs, unit: '/s', note };
  yield memoryOf(work, memory);
}

async function* redrive(bench: Bench, kind: Kind, protocol: 'amqp091' | 'local'): AsyncGenerator<Line> {
  const [queue, holder] = [`work-${kind}`, `work-${kind}-dlq`];
  const arguments_ = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': holder };
  await bench.make(queue, kind, arguments_);
  await bench.make(holder, kind);
  const [ours, theirs, memory]: [number[], number[], number[]] = [[], [], []];
  for (let round = -1; round < ROUNDS; round++) {
    const count = round < 0 ? FEW : DEAD;
    await bench.fillDead(queue, holder, count);
    const command = mq('mq redrive', [...bench.target, 'redrive', queue, '--yes', '-o', 'json']);
    const { stdout, peakMiB } = await run(command, { watchMemory: true });
    const report: { moved: number; durationMs: number } = JSON.parse(stdout);
    if (report.moved !== count || (await bench.depth(queue)) !== count) throw new Error(`moved ${stdout}`);
    await bench.fillDead(queue, holder, count);
    const shovelMs = await bench.shovel(holder, queue, count, protocol);
    if (round < 0) continue;
    ours.push((count / report.durationMs) * 1000);
    theirs.push((count / shovelMs) * 1000);
    memory.push(peakMiB);
  }
  const isLocal = protocol === 'local';
  const work = `${isLocal ? 'unfiltered ' : ''}redrive ${DEAD.toLocaleString('en')} × 1 KiB, RabbitMQ ${kind}`;
  const goal = { atLeast: isLocal ? 0.9 : kind === 'classic' ? 1.2 : 1 };
  const against = isLocal ? 'local shovel' : 'shovel on-confirm';
  const note = isLocal ? `${bench.version}; the shovel does not take off the marks of death` : bench.version;
  yield { work, against, goal, ours, theirs, unit: '/s', note };
  yield memoryOf(`${work}${isLocal ? ' (newest)' : ''}`, memory);
}

function memoryOf(work: string, ours: readonly number[]): Line {
  return { work: `${work}, memory`, against: '', goal: { atMost: MOST_MIB }, ours, theirs: [], unit: 'MiB' };
}

/** A broker, and a connection that fills and counts. */
class Bench {
  readonly url: string;
  readonly version: string;
  readonly target: readonly string[];
  readonly #managementUrl: string;
  readonly #connection: amqp.ChannelModel;
  readonly #channel: amqp.ConfirmChannel;

  private constructor(broker: RabbitmqServer, connection: amqp.ChannelModel, channel: amqp.ConfirmChannel) {
    this.url = broker.url;
    this.version = `RabbitMQ ${broker.version}`;
    this.target = ['--url', `${broker.url}?management=${new URL(broker.managementUrl).origin}`];
    this.#managementUrl = broker.managementUrl;
    this.#connection = connection;
    this.#channel = channel;
  }

  static async open(broker: RabbitmqServer): Promise<Bench> {
    const connection = await amqp.connect(broker.url);
    return new Bench(broker, connection, await connection.createConfirmChannel());
  }

  async make(queue: string, kind: Kind, more: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': kind, ...more } });
  }

  async depth(queue: string): Promise<number> {
    return (await this.#channel.checkQueue(queue)).messageCount;
  }

  /** Empties the queue, and runs what fills it, until nothing more is on its way. */
  async filled(queue: string, command: Command) {
    await this.#channel.purgeQueue(queue);
    const done = await run(command, { watchMemory: true });
    for (let before = -1; before !== (await this.depth(queue)); await wait(300)) before = await this.depth(queue);
    return { ...done, stored: await this.depth(queue) };
  }

  async #reaches(queue: string, count: number): Promise<void> {
    const until = performance.now() + 60_000;
    while ((await this.depth(queue)) < count) {
      if (performance.now() > until) throw new Error(`${queue} has ${await this.depth(queue)} of ${count}`);
      await wait(5);
    }
  }

  /** As dead letters of `queue`; `queue` itself is empty. */
  async fillDead(queue: string, holder: string, count: number): Promise<void> {
    await this.#channel.purgeQueue(queue);
    await this.#channel.purgeQueue(holder);
    const body = Buffer.alloc(1024, 'x');
    const death = [{ queue, reason: 'rejected', count: 1, exchange: '', 'routing-keys': [queue] }];
    for (let i = 0; i < count; i++) {
      const options = { persistent: true, messageId: String(i), headers: { 'x-death': death } };
      if (this.#channel.sendToQueue(holder, body, options)) continue;
      await new Promise((resolve) => this.#channel.once('drain', resolve));
    }
    await this.#channel.waitForConfirms();
  }

  /** How long a shovel takes to move `count`. It ends after that many: right after a fill, the depth is not known. */
  async shovel(from: string, to: string, count: number, protocol: 'amqp091' | 'local'): Promise<number> {
    const value = {
      ...{ 'src-protocol': protocol, 'src-uri': this.url, 'src-queue': from },
      ...{ 'dest-protocol': protocol, 'dest-uri': this.url, 'dest-queue': to },
      ...{ 'src-delete-after': count, 'ack-mode': 'on-confirm' },
      ...(protocol === 'amqp091' ? { 'src-prefetch-count': 1000 } : {}),
    };
    const start = performance.now();
    await managementRequest(this.#managementUrl, 'PUT', '/api/parameters/shovel/%2F/bench', { value });
    await this.#reaches(to, count);
    const took = performance.now() - start;
    while (await this.#hasShovel()) await wait(20);
    return took;
  }

  async #hasShovel(): Promise<boolean> {
    const all = await managementRequest(this.#managementUrl, 'GET', '/api/parameters/shovel');
    return Array.isArray(all) && all.length > 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}
