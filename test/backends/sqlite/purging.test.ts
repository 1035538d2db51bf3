import { expect, test } from 'vitest';
import { brokenQueue } from '../../../src/conformance/broken-queue.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { reportSentence } from '../../../src/core/plan-words.ts';
import { planPurge } from '../../../src/core/purge.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { createQueue, newPath, notice, openBroker, sendBodies, signal } from '../../support/sqlite/lab.ts';

test('a message whose deletion got no answer is called neither stored nor in two places', async () => {
  const broker = await openBroker(newPath());
  const queue = await createQueue(broker, 'q');
  await sendBodies(queue, 5);
  const plan = await planPurge({
    ...EVERYTHING,
    broker,
    queue: brokenQueue(queue, 'ack-refused'),
    state: 'ready',
    backup: null,
    filter: await compileFilter('true'),
    notice,
    signal,
  });
  const report = await plan.run({ dryRun: false, onProgress: () => {}, signal });
  expect(report).toMatchObject({ unknown: 1, complete: false });
  expect(report.failures).toEqual([{ id: expect.any(String), reason: 'its removal is not certain: no answer' }]);
  const sentence = reportSentence(report);
  expect(sentence).toContain('1 uncertain: each may still be there, not finished; running it again is safe');
});
