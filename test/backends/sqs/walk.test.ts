import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { Model, type Step, type Verb } from '../../support/model.ts';
import { sqs } from '../../support/servers.ts';
import { provideTestCredentials, uniqueName, urlOf } from '../../support/sqs/harness.ts';
import { Topology } from '../../support/sqs/topology.ts';

/** In all. `MQ_TEST_STEPS` more of them (`npm run test:long`); `MQ_TEST_SEED` the same again. */
const STEPS = Number(process.env.MQ_TEST_STEPS ?? 200);
const SEED = Number(process.env.MQ_TEST_SEED ?? 11);
const STEPS_A_RUN = 20;
const NAMES = ['a', 'b', 'c', 'x', 'y'] as const;

type Deletion = { readonly deed: 'delete'; readonly queue: string };

const name = fc.constantFrom(...NAMES);
const selecting = { filtered: fc.boolean(), max: fc.constant(null), dryRun: fc.boolean() };
const step: fc.Arbitrary<Step | Deletion> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ deed: fc.constant('enqueue' as const), queue: name, count: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ deed: fc.constant('die' as const), queue: name, count: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      deed: fc.constant('link' as const),
      queue: name,
      to: fc.option(fc.constantFrom('x', 'y', 'c'), { freq: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('delete' as const), queue: fc.constantFrom('b', 'c') }) },
  { weight: 5, arbitrary: fc.record({ verb: fc.constant('redrive' as const), queue: name, ...selecting }) },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constantFrom('move' as const, 'copy' as const),
      queue: name,
      to: name,
      ...selecting,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ verb: fc.constant('purge' as const), queue: name, dead: fc.constant(true), ...selecting }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      verb: fc.constant('purge' as const),
      queue: name,
      dead: fc.constant(false),
      ...selecting,
      filtered: fc.constant(true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('peek' as const), queue: name, dead: fc.boolean() }) },
);

describe('random topologies and verbs on the emulator fauxqs', () => {
  let topology: Topology;
  let line: CommandLine;
  let taken = 0;
  beforeAll(async () => {
    provideTestCredentials();
    topology = await Topology.start((await sqs()).fauxqs);
    line = await CommandLine.open();
  });
  afterAll(async () => {
    await line.close();
    await topology.proxy.stop();
  });

  function argsOf(verb: Verb, called: (queue: string) => string): string[] {
    const args = [verb.verb, called(verb.queue)];
    if (verb.verb === 'peek') return [...args, '-n', '0', '-o', 'ndjson', ...(verb.dead ? ['--dead'] : [])];
    if (verb.verb === 'move' || verb.verb === 'copy') args.push(called(verb.to));
    if (verb.verb === 'purge' && verb.dead) args.push('--dead');
    return [
      ...args,
      ...(verb.filtered ? ['--filter', 'body.chosen'] : []),
      ...(verb.dryRun ? ['--dry-run'] : ['--yes']),
      ...['-o', 'json'],
    ];
  }

  async function play(steps: readonly (Step | Deletion)[]): Promise<void> {
    const suffix = uniqueName('p');
    const called = (queue: string): string => `${queue}-${suffix}`;
    const model = new Model(NAMES, { marksTravel: false });
    await Promise.all(NAMES.map((queue) => topology.create(called(queue))));
    const told: string[] = [];
    for (const next of steps) {
      // What was deleted has no part in anything more.
      if (!model.queues.includes(next.queue) || ('to' in next && next.to !== null && !model.queues.includes(next.to)))
        continue;
      if ('to' in next && next.to === next.queue) continue;
      // No circles of links: a queue that leads back is work that waits, not dead.
      if ('deed' in next && next.deed === 'link' && next.to !== null && next.to < next.queue) continue;
      taken += 1;
      told.push(JSON.stringify(next));
      if ('verb' in next) await act(model, next, called, told);
      else await happen(model, next, called);
      const found = await Promise.all(model.queues.map((queue) => topology.contents(called(queue))));
      for (const [at, queue] of model.queues.entries()) {
        const right = model
          .in(queue)
          .map(({ id, deaths: [lostBy] }) => `${id} ${lostBy === undefined ? '-' : called(lostBy)}`)
          .sort();
        expect(found[at], `in ${queue} after\n${told.join('\n')}`).toEqual(right);
      }
    }
    // Where nobody tells the sources of a queue, all queues are read for each redrive.
    for (const queue of model.queues) await topology.delete(called(queue));
  }

  async function happen(
    model: Model,
    deed: Exclude<Step, Verb> | Deletion,
    called: (queue: string) => string,
  ): Promise<void> {
    const queue = called(deed.queue);
    if (deed.deed === 'enqueue') await topology.send(queue, model.enqueue(deed.queue, deed.count));
    if (deed.deed === 'die') {
      const to = model.linkOf(deed.queue);
      await topology.die(queue, to === null ? null : called(to), model.die(deed.queue, deed.count));
    }
    if (deed.deed === 'link') {
      model.link(deed.queue, deed.to);
      await topology.link(queue, deed.to === null ? null : called(deed.to));
    }
    if (deed.deed === 'delete') {
      // SQS keeps the policy of a queue whose dead-letter queue is gone; so does this.
      model.delete(deed.queue);
      await topology.delete(queue);
    }
  }

  async function act(model: Model, verb: Verb, called: (queue: string) => string, told: string[]): Promise<void> {
    const expected = model.expect(verb);
    const ran = await line.run(['--url', urlOf(topology.proxy.url), ...argsOf(verb, called)]);
    told.push(`  exit ${ran.code} ${ran.stderr}`);
    if (verb.verb === 'peek') return;
    // A refusal as a whole touches nothing, which is looked at next.
    if (ran.code !== 0 && ran.code !== 3) return;
    const report = JSON.parse(ran.stdout) as { moved: number | null; complete: boolean };
    if (!verb.dryRun) model.apply(verb);
    // A dry run of all that is in a queue gives the count of SQS.
    // Its own purge tells no number.
    if (report.moved !== null && (!verb.dryRun || verb.filtered))
      expect(report.moved, told.join('\n')).toBe(expected.taken);
  }

  it(`${STEPS} steps: every message is where it should be after each, and nobody's but the named ones moved`, {
    timeout: 60_000 + STEPS * 2_500,
  }, async () => {
    // What cannot be done to the topology as it is then is no step.
    for (let seed = SEED; taken < STEPS; seed += 1) {
      const numRuns = Math.ceil((STEPS - taken) / STEPS_A_RUN);
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: STEPS_A_RUN, maxLength: STEPS_A_RUN, size: 'max' }), play),
        { seed, numRuns, endOnFailure: true },
      );
    }
  });
});
