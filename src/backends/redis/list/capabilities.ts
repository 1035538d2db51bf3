import { absent, type Capabilities, declare, present } from '../../../contract/capabilities.ts';
import { frozen } from '../../common/frozen.ts';
import type { Framework } from '../framework.ts';

export interface ListFacts {
  readonly framework: Framework | null;
  /** True if `?dlq=` names another list for this one. */
  readonly hasDlq: boolean;
  /** True if this list is one that `?dlq=` names. */
  readonly isDlq: boolean;
  /** True if `?as=` lets this handle redrive the framework's own dead jobs. */
  readonly frameworkDead: 'none' | 'shown' | 'redrivable';
}

/** The kind as `mq backends` shows it: with everything that a URL can enable. */
export const LIST_CAPABILITIES: Capabilities = frozen(
  listCapabilities({ framework: null, hasDlq: true, isDlq: false, frameworkDead: 'none' }),
);

export function listCapabilities(facts: ListFacts): Capabilities {
  const dead = facts.hasDlq || facts.frameworkDead !== 'none';
  const inState = facts.frameworkDead !== 'none' && !facts.hasDlq;
  const hasLinks = dead || facts.isDlq;
  const noDead = absent(
    'a plain list has no dead letters',
    'name the list that holds them with ?dlq=NAME in the URL (* stands for the queue)',
  );
  const noRedrive = inState
    ? absent(
        'the dead jobs of a framework are only moved when asked for by name',
        `add ?as=${facts.framework ?? 'rq'} to the URL`,
      )
    : noDead;
  const transfer = { guarantee: 'atomic', order: 'kept', metadata: 'full' } as const;
  return declare({
    kind: 'list',
    broker: 'redis',
    counts: { ready: 'exact', inFlight: 'absent', delayed: 'absent', dead: dead ? 'exact' : 'absent' },
    rates: 'net',
    order: 'fifo',
    holds: [],
    maxBodyBytes: null,
    abilities: {
      enqueue: present('native', 'pushed at the end away from the consumers'),
      peek: {
        ...present('native', 'at the end from which consumers take: by convention, else ?next='),
        effect: 'free',
        states: inState ? ['ready', 'dead'] : ['ready'],
      },
      get: absent('elements of a list have no ids', 'peek with --filter'),
      drain: present('emulated', 'an element is removed only after the ack, so other consumers see it meanwhile'),
      pause: absent(
        'a Redis list has no way to hold its consumers back',
        "pause the application, or take away its user's right to pop (ACL)",
      ),
      purge: { ...present('native'), states: ['ready'], count: 'exact' },
      deadLetters: hasLinks
        ? { ...present('emulated', 'a list named by ?dlq='), keptIn: inState ? 'state' : 'queue' }
        : noDead,
      redrive:
        hasLinks && (!inState || facts.frameworkDead === 'redrivable')
          ? { ...present('emulated'), ...transfer }
          : noRedrive,
      move: {
        ...present('emulated', 'one script a page; between slots of a cluster or servers at least once'),
        ...transfer,
      },
      copy: { ...present('emulated'), ...transfer, guarantee: 'at-least-once' },
      create: absent('a Redis list exists from its first element on', 'enqueue into it, with ?kind=list in the URL'),
      delete: present('native'),
    },
    traits: [
      ...(['checks', 'messagesAreSilent', 'nativeMove', 'pages', 'sendAll', 'sendBodies', 'unseen', 'window'] as const),
      ...(facts.frameworkDead === 'none' ? [] : (['survey'] as const)),
    ],
  });
}
