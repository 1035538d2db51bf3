import { expect, it } from 'vitest';
import { CommandLine } from '../support/command-line.ts';

it('tells the whole story: enqueued, failed, dead, grouped, redriven, drained', async () => {
  const mq = await CommandLine.open();
  try {
    const { stdout, stderr } = await mq.ok(['demo']);
    expect(stderr).toBe('');
    expect(stdout).toContain('$ mq enqueue orders --ndjson');
    expect(stdout).toContain('drained 16 messages from orders with worker.sh (16 failed deliveries, ');
    expect(stdout).toMatch(/ +5 +orders +\S+ .*timeout after <n> s: tax service/);
    expect(stdout).toMatch(/ +3 +orders +\S+ .*card of order o-<n> has expired/);
    expect(stdout).toContain('would redrive 5 messages');
    expect(stdout).toContain('redrove 5 messages');
    expect(stdout).toContain('drained 3 messages from orders to refused.ndjson');
    expect(stdout).not.toContain('mq-demo-');
  } finally {
    await mq.close();
  }
});
