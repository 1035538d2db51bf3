import { describe, expect, it } from 'vitest';
import { type Look, lookAt, runCase } from '../../src/conformance/case.ts';
import { casesFor } from '../../src/conformance/index.ts';
import { POOR, RICH } from '../../src/conformance/memory/capabilities.ts';
import { FAULTS, type Fault } from '../../src/conformance/memory/faults.ts';
import { memoryHarness } from '../../src/conformance/memory/harness.ts';
import { ABILITY_NAMES, type Ability, membersFor } from '../../src/contract/abilities.ts';
import { absent, type Capabilities } from '../../src/contract/capabilities.ts';

/** The case that finds each fault, by the end of its title; `poor`: on the backend that can do hardly anything. */
const FOUND_BY: Readonly<Record<Fault, { readonly by: string; readonly poor?: true }>> = {
  'ack does nothing': { by: 'ack removes for good, also for the next connection' },
  'ack leaves it in flight': { by: 'ack removes for good, also for the next connection' },
  'takes the newest first': { by: 'takes everything, in the order that the kind promises, until the queue is empty' },
  'counts one too many': { by: 'counts what is ready' },
  'peek removes': { by: 'shows what is ready, in order, and leaves it there' },
  'peek reverses the order': { by: 'shows what is ready, in order, and leaves it there' },
  'takes more than the limit': { by: 'never takes more than the limit' },
  'takes more than the window': { by: 'has no more unsettled than the window allows, and goes on when one is settled' },
  'calls the queue empty while a message is in hand': {
    by: 'a queue is not called empty while a message is in hand: one that fails comes again, or is dead',
  },
  'waits for what is kept': { by: 'a message that is held is not waited for' },
  'is idle while a message is in hand': { by: 'follow with an idle time: work that takes longer does not end it' },
  'release loses the message': { by: 'release gives back at once, unchanged' },
  'close keeps what is in hand': {
    by: 'close gives back what is not settled, in its old order, and settled ones stay settled',
  },
  'loses headers in silence': { by: 'headers: carried' },
  'opening creates the queue': { by: 'a queue that is not there is not found, and asking does not make it' },
  'has a member for what it cannot do': {
    by: 'has a member for each ability that it declares, and none for the others',
    poor: true,
  },
  'changes its record when used': { by: 'its record is the same after use' },
  'unknown state counts as zero': {
    by: 'an empty queue: zeros, null for what is unknown, nothing for what does not apply',
    poor: true,
  },
  'purges every state': { by: 'removes only the states that were named' },
  'purge says too few': { by: 'removes what is ready, keeps the queue, and says how many' },
  'delivers while paused': { by: 'paused, an application gets nothing; resumed, it gets everything, in order' },
  'a pause stops the operator': { by: 'an operator takes what is there while it is paused' },
  'get disturbs': { by: 'finds a message by its id, and disturbs nothing' },
  'native move reports what was gone as moved': {
    by: 'moves exactly the messages that are named; one that is gone is skipped, and nothing else is touched',
  },
  'stored as text': { by: 'every byte there is: arrives as it is, or is refused' },
  'settles twice': { by: 'a second settlement is ignored: acked after release stays there' },
  'delete of a missing queue succeeds': { by: 'deleting a queue that is not there: not found' },
  'restore keeps the mark of death': { by: 'restores a message as it was before it died' },
  'has a trait that it does not declare': { by: 'what its publishers have beside the abilities is declared' },
  'lacks a trait that it declares': { by: 'what its queues have beside the abilities is declared' },
};

describe('the conformance suite finds', () => {
  for (const fault of FAULTS) {
    const { by, poor } = FOUND_BY[fault];
    it(`“${fault}” by “${by}”, which a sound backend passes`, async () => {
      const sound = memoryHarness('sound', poor ? POOR : RICH);
      const broken = memoryHarness('broken', poor ? POOR : RICH, fault);
      const finder = casesFor(await lookAt(sound)).find(({ title }) => title.endsWith(`› ${by}`));
      if (finder === undefined) throw new Error(`no case “${by}”`);
      await runCase(sound, await lookAt(sound), finder);
      await expect(runCase(broken, await lookAt(broken), finder)).rejects.toThrow();
    });
  }

  it('a state that is said to go with the others, and stays', async () => {
    const { purge } = RICH.abilities;
    const together = { ...purge, together: ['in-flight'] } as typeof purge;
    const lying = memoryHarness('lying', { ...RICH, abilities: { ...RICH.abilities, purge: together } });
    const finder = casesFor(await lookAt(lying)).find(({ title }) => title.includes('purge › of every state at once'));
    if (finder === undefined) throw new Error('nobody asks');
    await expect(runCase(lying, await lookAt(lying), finder)).rejects.toThrow();
  });

  it('a connection that a case leaves open', async () => {
    const harness = memoryHarness('leaking');
    let open = 0;
    const leaking = { ...harness, patienceMs: 200, openConnections: async () => open++ };
    const nothing = { title: 'nothing', run: async () => {} };
    await expect(runCase(leaking, await lookAt(harness), nothing)).rejects.toMatchObject({
      message: expect.stringContaining('open connections'),
    });
  });
});

it.each(ABILITY_NAMES)('the conformance suite has questions about what can %s', async (ability) => {
  const able = await lookAt(memoryHarness('able'));
  const titles = (look: Look): readonly string[] => casesFor(look).map(({ title }) => title);
  const unable: Look = {
    capabilities: without(able.capabilities, ability),
    members: less(able.members, membersFor(ability, 'queue')),
    brokerMembers: less(able.brokerMembers, membersFor(ability, 'broker')),
  };
  expect(titles(able).filter((title) => !titles(unable).includes(title))).not.toEqual([]);
});

function without(capabilities: Capabilities, ability: Ability): Capabilities {
  return { ...capabilities, abilities: { ...capabilities.abilities, [ability]: absent('not here') } };
}

function less(members: ReadonlySet<string>, gone: readonly string[]): ReadonlySet<string> {
  return new Set([...members].filter((member) => !gone.includes(member)));
}
