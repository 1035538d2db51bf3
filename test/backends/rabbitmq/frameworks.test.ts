import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { javaProgram } from '../../support/java.ts';
import { pythonWith } from '../../support/python.ts';
import { onChannel, readyOn } from '../../support/rabbitmq/channel.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/** Dead letters made by the frameworks themselves: their own worker fails, and in the end handles what came back. */
const spring = await javaProgram(
  join(import.meta.dirname, '../../fixtures/SpringWorker.java'),
  'org.springframework.amqp:spring-rabbit:3.2.12',
);
const python = await pythonWith('dramatiq[rabbitmq]==2.2.1', 'celery==5.7.0', 'redis==5.2.1');

let vhost: RabbitmqVhost;
let mq: CommandLine;
let target: readonly string[];
beforeAll(async () => {
  vhost = await rabbitmqVhost();
  mq = await CommandLine.open();
  target = ['--url', vhost.mqUrl, '--timeout', '30s'];
});
afterAll(async () => {
  await mq.close();
  await vhost.remove();
});

const json = async (...args: readonly string[]) => JSON.parse((await mq.ok([...target, ...args, '-o', 'json'])).stdout);

test('Spring AMQP: what its recoverer has republished goes back to the queue that its listener failed on', async () => {
  await onChannel(vhost.url, async (channel) => {
    await channel.assertQueue('spring');
    await channel.assertQueue('spring.parked');
    await channel.assertExchange('spring.in', 'topic');
    await channel.bindQueue('spring', 'spring.in', 'order.*');
    channel.publish('spring.in', 'order.new', Buffer.from('{"o":1}'), { headers: { own: 'x' } });
  });
  await spring.run('fail', vhost.url, 'spring', 'spring.parked');
  await expect.poll(() => readyOn(vhost.url, 'spring.parked')).toBe(1);

  const died = { from: 'spring', reason: 'failed', error: 'card expired' };
  expect(await json('stats', 'spring.parked', '--dead')).toMatchObject([{ ...died, count: 1 }]);
  const [peeked] = await json('peek', 'spring.parked', '--dead');
  expect(peeked).toMatchObject({ dead: died });
  expect(await json('redrive', 'spring.parked', '--yes')).toMatchObject({ moved: 1, failed: 0, to: ['spring'] });
  expect(await spring.run('work', vhost.url, 'spring')).toBe('{"o":1}\nown=x\n');
});

/** One actor that fails until `MEND` is set, and tells what it got; ends when it has been called so often. */
const DRAMATIQ = `
import sys, dramatiq, threading, time
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.middleware import Retries
url, mode = sys.argv[1], sys.argv[2]
broker = RabbitmqBroker(url=url, middleware=[Retries(min_backoff=10, max_backoff=20)])
dramatiq.set_broker(broker)
calls = []
@dramatiq.actor(max_retries=1)
def pay(order):
    calls.append(order)
    if mode == 'fail': raise ValueError('card expired')
if mode == 'fail': pay.send({'order': 12345678901234567890})
worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=1)
worker.start()
deadline = time.time() + 40
while len(calls) < (2 if mode == 'fail' else 1) and time.time() < deadline: time.sleep(.05)
worker.stop()
print(calls)
`;

test('Dramatiq: the error is read from the message, and its retries begin anew', async () => {
  await python.run(DRAMATIQ, vhost.url, 'fail');
  await expect.poll(() => readyOn(vhost.url, 'default.XQ')).toBe(1);
  const died = { from: 'default', reason: 'rejected', error: 'ValueError: card expired' };
  expect(await json('stats', 'default.XQ', '--dead')).toMatchObject([{ ...died, count: 1 }]);
  expect(await json('redrive', 'default.XQ', '--yes')).toMatchObject({ moved: 1, failed: 0 });
  const [back] = await json('peek', 'default');
  expect(back.dead).toBeNull();
  expect(back.body).toContain('12345678901234567890');
  expect(back.body).not.toMatch(/retries|traceback/);
  expect(await python.run(DRAMATIQ, vhost.url, 'work')).toBe("[{'order': 12345678901234567890}]\n");
});

/**
 * A task that Celery rejects; the queue's dead-letter exchange leads it to a queue, from which an application has
 * parked it. The caller ends the worker.
 */
const CELERY = `
import sys
from celery import Celery
from celery.exceptions import Reject
from kombu import Queue
url, mode = sys.argv[1], sys.argv[2]
app = Celery('shop', broker=url.replace('amqp://', 'pyamqp://'))
dead = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'celery.dead'}
app.conf.task_queues = [Queue('celery.work', queue_arguments=dead)]
app.conf.task_default_queue = 'celery.work'
app.conf.worker_enable_remote_control = False
@app.task(name='pay', acks_late=True)
def pay(order):
    if mode == 'fail': raise Reject('card expired', requeue=False)
    sys.__stdout__.write(f'paid {order}.')
    sys.__stdout__.flush()
if mode == 'fail': pay.delay(12345678901234567890)
app.Worker(pool='solo', loglevel='ERROR', without_heartbeat=True, without_mingle=True, without_gossip=True).start()
`;

async function celery<T>(mode: 'fail' | 'work', work: (printed: () => string) => Promise<T>): Promise<T> {
  const worker = python.start(['-c', CELERY, vhost.url, mode]);
  let printed = '';
  worker.process.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  try {
    return await work(() => printed);
  } finally {
    worker.process.kill('SIGKILL');
    await worker.finished;
  }
}

test('Celery: what it rejects says so by x-death, also where an application has parked it', async () => {
  await onChannel(vhost.url, async (channel) => {
    await channel.assertQueue('celery.dead');
    await channel.assertQueue('celery.parked');
  });
  await celery('fail', () => expect.poll(() => readyOn(vhost.url, 'celery.dead'), { timeout: 30_000 }).toBe(1));
  await onChannel(vhost.url, async (channel) => {
    const message = await channel.get('celery.dead', { noAck: true });
    if (message === false) throw new Error('nothing is dead');
    channel.sendToQueue('celery.parked', message.content, message.properties);
  });
  await expect.poll(() => readyOn(vhost.url, 'celery.parked')).toBe(1);
  expect(await json('stats', 'celery.parked', '--dead')).toMatchObject([
    { from: 'celery.work', reason: 'rejected', count: 1 },
  ]);
  expect(await json('redrive', 'celery.parked', '--yes')).toMatchObject({ moved: 1, failed: 0, to: ['celery.work'] });
  await celery('work', (printed) => expect.poll(printed, { timeout: 30_000 }).toContain('paid 12345678901234567890.'));
});
