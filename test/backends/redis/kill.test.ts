import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Queue as BullQueue } from 'bullmq';
import { expect, it } from 'vitest';
import { countingRelay } from '../../support/counting-relay.ts';
import { after, client, connection, fresh, open, peek, queue, signal, text, url } from '../../support/redis/lab.ts';

const MOVER = new URL('../../support/redis/mover.ts', import.meta.url).pathname;

/** Where a queue is belongs to what its messages are known by: all movers meet it at one address. */
let relayPort = 0;

/**
 * Runs the mover, and kills it after so many answers of the server to its work, or lets it end. The answers come
 * through this process, so that it cannot go on when this one stands still.
 */
async function move(from: string, to: string, how: string, killAfterAnswers: number | null): Promise<string> {
  let hasBegun = false;
  let answers = 0;
  const count = (): void => {
    if (!hasBegun) return;
    answers += 1;
    if (answers === killAfterAnswers) child.kill('SIGKILL');
  };
  const relay = await countingRelay(new URL(url), count, relayPort);
  relayPort = Number(new URL(relay.url).port);
  const child = spawn(process.execPath, [MOVER, `${relay.url}${PARAMETERS}`, from, to, how], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    hasBegun = true;
  });
  await once(child, 'close');
  await relay.close();
  if (killAfterAnswers === null && !output.includes('"complete":true')) throw new Error(errors + output);
  return output;
}

/** Answers; each of these movers takes 80 or more to its end. */
const KILLS_AFTER = [1, 10, 30];

const PARAMETERS = '?group=g';

async function make(kind: string, name: string, bodies: readonly string[]): Promise<void> {
  if (kind === 'list') {
    await client.sadd(`_kombu.binding.${name}`, name);
    if (bodies.length > 0) await client.lpush(name, ...bodies);
  } else if (kind === 'stream') {
    await client.xgroup('CREATE', name, 'g', '0', 'MKSTREAM');
    const pipeline = client.pipeline();
    for (const body of bodies) pipeline.xadd(name, '*', 'body', body);
    await pipeline.exec();
  } else {
    const made = new BullQueue(name, { connection });
    after(() => made.close());
    await made.getVersion();
    await made.addBulk(bodies.map((body) => ({ name: 'job', data: JSON.parse(body) })));
  }
}

it.each([
  ['list', 'native', 60_000],
  ['list', 'by hand', 3000],
  ['stream', 'native', 20_000],
  ['stream', 'by hand', 3000],
  ['bullmq', 'by hand', 3000],
] as const)(
  'a mover of a %s (%s) that is killed again and again loses nothing',
  { timeout: 120_000 },
  async (kind, how, count) => {
    const from = fresh('from');
    const to = fresh('to');
    const bodies = Array.from({ length: count }, (_, n) => `{"n":${n}}`);
    await make(kind, from, bodies);
    await make(kind, to, []);
    let wasCutShort = 0;
    for (const killAfterAnswers of KILLS_AFTER) {
      const output = await move(from, to, how, killAfterAnswers);
      if (!output.includes('"complete"')) wasCutShort += 1;
      const here = (await peek(await queue(from, PARAMETERS))).map(text);
      const there = (await peek(await queue(to, PARAMETERS))).map(text);
      expect(new Set([...here, ...there]).size, 'all are somewhere').toBe(count);
      // What was sent and not yet removed when it died: never more than is in the air. Native pages are whole.
      expect(here.length + there.length - count).toBeLessThanOrEqual(how === 'native' ? 0 : 500 * (wasCutShort + 1));
    }
    await move(from, to, how, null);
    const there = (await peek(await (await open(PARAMETERS)).queue(to, signal))).map(text);
    expect(new Set(there).size).toBe(count);
    expect(await peek(await queue(from, PARAMETERS))).toEqual([]);
    // A fixed id makes the second adding of a job nothing.
    if (kind === 'bullmq' || how === 'native') expect(there).toHaveLength(count);
    expect(wasCutShort).toBe(KILLS_AFTER.length);
  },
);
