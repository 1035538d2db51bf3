import { expect, it } from 'vitest';
import type { QueueStats } from '../../../src/contract/stats.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { pythonWith } from '../../support/python.ts';
import { client, moveRequest, notice, open, peek, queue, signal, url } from '../../support/redis/lab.ts';

/** As on RabbitMQ: the packages are the same, so that one environment serves both. */
const python = await pythonWith('dramatiq[rabbitmq]==2.2.1', 'celery==5.7.0', 'redis==5.2.1');

/**
 * One actor that fails, once and at its only retry, or that works; ends when it has been called so often and its
 * message is settled.
 */
const DRAMATIQ = `
import sys, dramatiq, time
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries
url, mode = sys.argv[1], sys.argv[2]
broker = RedisBroker(url=url, namespace='shop', middleware=[Retries(min_backoff=10, max_backoff=20)])
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
while (len(calls) < (2 if mode == 'fail' else 1) or broker.client.hlen('shop:default.msgs') > 0) and time.time() < deadline: time.sleep(.05)
worker.stop()
print(calls)
`;

it('Dramatiq: its dead messages are those of their queue, with their error, and go back with all their retries', async () => {
  await client.flushdb();
  await python.run(DRAMATIQ, url, 'fail');
  expect(await client.zcard('shop:default.XQ')).toBe(1);

  // Nothing is ready, so that the list itself has no key.
  const handle = await queue('shop:default');
  expect(await handle.stats(signal)).toMatchObject({ ready: 0, dead: 1 });
  const rows: QueueStats[] = [];
  for await (const row of (await open()).queues(queuePattern(['shop:*']), { notice, signal })) rows.push(row);
  expect(rows).toMatchObject([{ queue: 'shop:default', kind: 'list', ready: 0, dead: 1 }]);
  const [dead] = await peek(handle, { state: 'dead' });
  expect(dead?.dead).toMatchObject({ from: 'shop:default', reason: 'failed', error: 'ValueError: card expired' });
  expect(dead?.dead?.at).toBeGreaterThan(Date.now() - 60_000);
  expect(handle.capabilities.abilities.redrive.supported).toBe(false);

  const allowed = await queue('shop:default', '?as=dramatiq');
  const move = await allowed.nativeMove?.(moveRequest({ state: 'dead', to: 'origin' }));
  expect(await move?.next({ upTo: 10 })).toMatchObject({ moved: 1, skipped: [], failed: [], exhausted: true });
  expect(await client.zcard('shop:default.XQ')).toBe(0);
  expect(await client.hlen('shop:default.XQ.msgs')).toBe(0);
  const [id = ''] = await client.lrange('shop:default', 0, -1);
  const message = await client.hget('shop:default.msgs', id);
  expect(message).toContain('12345678901234567890');
  expect(message).not.toMatch(/retries"|traceback/);

  expect(await python.run(DRAMATIQ, url, 'work')).toBe("[{'order': 12345678901234567890}]\n");
});
