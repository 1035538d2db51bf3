import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { RawAmqp } from '../../support/rabbitmq/raw-amqp.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq-vhost.ts';

let vhost: RabbitmqVhost;
let mq: CommandLine;
beforeAll(async () => {
  vhost = await rabbitmqVhost();
  mq = await CommandLine.open();
});
afterAll(async () => {
  await mq.close();
  await vhost.remove();
});

/** The bodies in a queue, in order; takes them out. */
async function taken(raw: RawAmqp, queue: string): Promise<string[]> {
  const bodies: string[] = [];
  for (let message = await raw.get(queue); message !== null; message = await raw.get(queue))
    bodies.push(message.body.toString());
  return bodies;
}

describe('drain --exec on a quorum queue, where every command fails', () => {
  // A command that ends at once, and one that takes longer than the queue takes to look empty; one at a time, and more at a time than there are messages.
  test.each([
    ['false', '1'],
    ['sleep 0.2; false', '1'],
    ['false', '4'],
    ['sleep 0.2; false', '4'],
  ])('%s, %s at a time: each message has all of its deliveries, then it is dead', async (command, jobs) => {
    const target = ['--url', vhost.mqUrl];
    await using raw = await RawAmqp.open(vhost.url);
    for (let round = 1; round <= 5; round++) {
      const queue = `failed ${command} ${jobs} ${round}`;
      await mq.ok([...target, 'create', queue, '--kind', 'quorum', '--dlq', `${queue} dlq`, '--max-receives', '3']);
      await mq.ok([...target, 'enqueue', queue, '--lines'], { stdin: 'a\nb\n' });
      const exec = `echo "$(cat) $MQ_RECEIVE_COUNT" >&2; ${command}`;
      const ran = await mq.run([...target, 'drain', queue, '--exec', exec, '--jobs', jobs, '-o', 'json']);

      const attempts = ran.stderr.split('\n').filter((line) => /^[ab] \d$/.test(line));
      expect(attempts.toSorted()).toEqual(['a 1', 'a 2', 'a 3', 'b 1', 'b 2', 'b 3']);
      // Nobody stands between the deliveries of one message.
      if (jobs === '1') expect(attempts).toEqual(attempts.toSorted());
      expect(ran.code).toBe(3);
      // The report counts deliveries.
      expect(JSON.parse(ran.stdout)).toMatchObject({ matched: 6, moved: 0, failed: 6, left: 0, complete: true });
      expect(await taken(raw, queue)).toEqual([]);
      const dead: string[] = [];
      await expect
        .poll(async () => {
          dead.push(...(await taken(raw, `${queue} dlq`)));
          return dead.toSorted();
        })
        .toEqual(['a', 'b']);
    }
  });
});
