// Makes the queues that top.ts watches, says "ready", and then sends to some of them until it is ended. A process of
// its own, so that what it does is not measured as a late answer of the view.
import { connect } from 'amqplib';
import { SqliteLoad } from '../support/top/sqlite-load.ts';

const [url = '', count = ''] = process.argv.slice(2);
const QUEUES = Number(count);
const CHANGES_PER_SEC = 50;
/** So many queues get messages; a tenth of all has some from the beginning. */
const BUSY = 20;

const nameOf = (index: number): string => `service-${String(index).padStart(4, '0')}.events`;

async function sqliteSender(): Promise<(index: number) => void> {
  const load = await SqliteLoad.open(url);
  for (let index = 0; index < QUEUES; index++) {
    const queue = await load.create(nameOf(index));
    if (index % 10 === 0) await load.send(queue, ['x']);
  }
  const never = new AbortController().signal;
  const queues = new Map<number, Awaited<ReturnType<typeof load.create>>>();
  for (const index of busy) queues.set(index, await load.broker.queue(nameOf(index), never));
  return (index) => {
    const queue = queues.get(index);
    if (queue !== undefined) void load.send(queue, ['x']);
  };
}

async function rabbitmqSender(): Promise<(index: number) => void> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  // Every tenth sends its dead letters to the one before it, so that the view has links to follow.
  const links = (index: number): object =>
    index % 10 === 5 ? { deadLetterExchange: '', deadLetterRoutingKey: nameOf(index - 1) } : {};
  const names = Array.from({ length: QUEUES }, (_, index) => index);
  await Promise.all(names.map((index) => channel.assertQueue(nameOf(index), { durable: true, ...links(index) })));
  for (let index = 0; index < QUEUES; index += 10) channel.sendToQueue(nameOf(index), Buffer.from('x'));
  await channel.waitForConfirms();
  return (index) => void channel.sendToQueue(nameOf(index), Buffer.from('x'));
}

const busy = Array.from({ length: BUSY }, (_, index) => Math.floor((index * QUEUES) / BUSY));
const send = url.startsWith('sqlite:') ? await sqliteSender() : await rabbitmqSender();
setInterval(() => send(busy[Math.floor(Math.random() * BUSY)] ?? 0), 1_000 / CHANGES_PER_SEC);
process.stdout.write('ready\n');
