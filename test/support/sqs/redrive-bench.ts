import { expect } from 'vitest';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import type { Report } from '../../../src/core/report.ts';
import { startMq } from '../mq.ts';
import { never } from './harness.ts';
import { SqsPlace, type Where } from './places.ts';

/** Bounds nothing, but is a limit, which a move task of SQS cannot keep: so the work is done by hand. */
const BY_HAND = 1_000_000;

/** Messages of a killed process come back when their lease ends; a test need not wait for the full one. */
const LEASE_OF_THE_KILLED_SECONDS = 2;

/** Redrives by hand, in this process and in others that are killed. */
export class RedriveBench {
  readonly place: SqsPlace;

  private constructor(place: SqsPlace) {
    this.place = place;
  }

  static async open(where: Where): Promise<RedriveBench> {
    return new RedriveBench(await SqsPlace.open(where));
  }

  async close(): Promise<void> {
    await this.place.close();
  }

  /** A queue with a dead-letter queue, where a message dies at its second receive. */
  async linked(fifo: boolean): Promise<{ queue: Queue; dead: Queue }> {
    const deadName = this.place.name('orders-dlq', fifo);
    const queue = await this.place.create(this.place.name('orders', fifo), {
      deadLetterQueue: deadName,
      maxReceives: 1,
    });
    return { queue, dead: await this.place.broker.queue(deadName, never) };
  }

  async redrive(queue: Queue, rest: Partial<Parameters<typeof planRedrive>[0]> = {}): Promise<Report<number | null>> {
    const plan = await planRedrive(redriveOf(this.place.broker, queue, { signal: never, max: BY_HAND, ...rest }));
    return plan.run({ dryRun: false, onProgress: () => {}, signal: never });
  }

  /**
   * As an operator does after a crash: again, until nothing is left. What a killed process held comes back with its
   * lease.
   */
  async redriveAll(queue: Queue, dead: Queue): Promise<void> {
    const deadline = Date.now() + 60_000 + this.place.where.patienceMs;
    while ((await dead.stats(never)).depth !== 0) {
      expect(await this.redrive(queue)).toMatchObject({ failed: 0, unknown: 0, complete: true });
      if (Date.now() > deadline) throw new Error('dead letters are left after all that time');
    }
  }

  /**
   * Kills so many redrives, one after the other, each at a random instant of its work. One that had ended before does
   * not count: it found little, because what the one before it held is hidden until its lease ends.
   */
  async kill(times: number, name: string, withinMs: number): Promise<void> {
    const deadline = Date.now() + 120_000;
    for (let killed = 0; killed < times; ) {
      if (await this.#killed(name, withinMs)) killed += 1;
      if (Date.now() > deadline) throw new Error(`only ${killed} were killed at work in two minutes`);
    }
  }

  async #killed(name: string, withinMs: number): Promise<boolean> {
    const { url: plain, env } = this.place.where;
    const url = `${plain}${plain.includes('?') ? '&' : '?'}leaseSeconds=${LEASE_OF_THE_KILLED_SECONDS}`;
    const { process: child, finished } = startMq(
      ['--url', url, '--verbose', 'redrive', name, '--max', String(BY_HAND), '--yes'],
      { env },
    );
    // With `--verbose` it says what it is going to do right before it begins.
    let said = '';
    const began = new Promise<void>((resolve) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        said += chunk;
        if (said.includes('mq: redrive ')) resolve();
      });
    });
    await Promise.race([began, finished]);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * withinMs));
    child.kill('SIGKILL');
    const { signal, code, stderr } = await finished;
    if (signal === null && code !== 0) throw new Error(`the redrive ended with ${code}: ${stderr}`);
    return signal === 'SIGKILL';
  }
}
