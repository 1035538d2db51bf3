import { ABILITY_NAMES, membersFor } from '../../contract/abilities.ts';
import { ask } from '../../contract/ask.ts';
import type { Queue } from '../../contract/queue.ts';
import { bodies } from '../bench.ts';
import { membersOf, type Section } from '../case.ts';
import { expect } from '../expect.ts';

export const capabilities: Section = ({ capabilities: record }) => [
  {
    title: 'names its kind and its broker',
    async run(bench) {
      const queue = await bench.queue();
      expect(queue.kind).toBe(bench.harness.kind);
      expect(queue.capabilities.kind).toBe(queue.kind);
      expect(queue.capabilities.broker).toBe((await bench.broker()).name);
      expect((await bench.broker()).name).toBe(bench.harness.backend.name);
      expect(bench.harness.backend.kinds.map(({ kind }) => kind)).toContain(queue.kind);
    },
  },
  {
    title: 'its record is frozen to the bottom and prints as JSON without loss',
    async run(bench) {
      const queue = await bench.queue();
      expectFrozen(queue.capabilities);
      for (const general of bench.harness.backend.kinds) expectFrozen(general);
      expect(JSON.parse(JSON.stringify(queue.capabilities))).toEqual(queue.capabilities);
    },
  },
  {
    title: 'says of each ability how, or why not',
    async run(bench) {
      const { abilities } = (await bench.queue()).capabilities;
      expect(Object.keys(abilities).toSorted()).toEqual(ABILITY_NAMES.toSorted());
      for (const [name, ability] of Object.entries(abilities)) {
        if (ability.supported) expect(['native', 'emulated'], name).toContain(ability.degree);
        else expect(ability.reason, name).not.toBe('');
      }
    },
  },
  {
    title: 'has a member for each ability that it declares, and none for the others',
    async run(bench) {
      const queue = await bench.queue();
      const broker = await bench.broker();
      const members = membersOf(queue);
      const brokerMembers = membersOf(broker);
      const { abilities } = queue.capabilities;
      for (const ability of ABILITY_NAMES) {
        const { supported } = abilities[ability];
        for (const name of membersFor(ability, 'queue')) expect(members.has(name), `${name}()`).toBe(supported);
        // A broker has several kinds: a member that one of them lacks is there for another.
        if (supported) for (const name of membersFor(ability, 'broker')) expect(brokerMembers).toContain(name);
      }
      if (!abilities.move.supported && !abilities.redrive.supported) expect(members).not.toContain('nativeMove');
    },
  },
  ...ABILITY_NAMES.map((ability) => ({ ability, declared: record.abilities[ability] })).flatMap(
    ({ ability, declared }) =>
      declared.supported
        ? []
        : [
            {
              title: `cannot ${ability}: the gate refuses with kind, reason and alternative`,
              async run(bench: { queue(): Promise<Queue> }) {
                const queue = await bench.queue();
                const refuse = () => ask(queue, ability);
                expect(refuse).toThrow(declared.reason);
                expect(refuse).toThrow(queue.capabilities.kind);
                try {
                  refuse();
                } catch (error) {
                  expect(error).toMatchObject({ code: 'NOT_SUPPORTED', hint: declared.instead, queue: queue.name });
                }
              },
            },
          ],
  ),
  {
    title: 'its record is the same after use',
    async run(bench) {
      const queue = await bench.queue();
      const before = JSON.stringify(queue.capabilities);
      if (queue.publisher !== undefined) await bench.fill(queue, bodies(2));
      await queue.stats(bench.signal);
      await queue.describe(bench.signal);
      if (queue.consume !== undefined) await bench.take(queue);
      expect(JSON.stringify(queue.capabilities)).toBe(before);
    },
  },
];

function expectFrozen(record: unknown): void {
  if (typeof record !== 'object' || record === null) return;
  expect(Object.isFrozen(record), JSON.stringify(record)).toBe(true);
  for (const value of Object.values(record)) expectFrozen(value);
}
