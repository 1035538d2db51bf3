import { absent, type Capabilities, declare, present } from '../../../contract/capabilities.ts';
import { frozen } from '../../common/frozen.ts';

export interface StreamFacts {
  /** The consumer group that the handle looks through; null: there is none, or there are several and none is named. */
  readonly group: string | null;
  readonly groups: readonly string[];
  readonly hasDlq: boolean;
  /** True if this stream is one that `?dlq=` names. */
  readonly isDlq: boolean;
}

export const STREAM_CAPABILITIES: Capabilities = frozen(
  streamCapabilities({ group: 'any', groups: ['any'], hasDlq: false, isDlq: false }),
);

export function streamCapabilities({ group, groups, hasDlq, isDlq }: StreamFacts): Capabilities {
  const [only] = groups;
  const why =
    groups.length === 0
      ? 'the stream has no consumer group'
      : groups.length === 1
        ? `the group named in the URL is not among those of the stream, which are: ${only}`
        : `the stream has ${groups.length} consumer groups: ${groups.join(', ')}`;
  const instead = groups.length === 0 ? 'create one with XGROUP CREATE' : 'name one with ?group=NAME in the URL';
  const noGroup = absent(why, instead);
  const dead = hasDlq || group !== null;
  const hasLinks = dead || isDlq;
  const noDead = absent(`${why}, and no ?dlq= names a stream for dead letters`, instead);
  const transfer = { guarantee: 'atomic', order: 'kept', metadata: ['the entry id (a new one is given)'] } as const;
  return declare({
    kind: 'stream',
    broker: 'redis',
    counts: {
      ready: 'exact',
      inFlight: group === null ? 'absent' : 'exact',
      delayed: 'absent',
      dead: dead ? 'exact' : 'absent',
    },
    rates: 'counters',
    order: 'fifo',
    holds: ['headers', 'contentType'],
    maxBodyBytes: null,
    abilities: {
      enqueue: present(),
      peek: {
        ...present('native', 'never through the group, which would count as a delivery'),
        effect: 'free',
        states: group === null ? ['ready'] : hasDlq ? ['ready', 'in-flight'] : ['ready', 'in-flight', 'dead'],
      },
      get: present(),
      drain: present('emulated', 'an entry is deleted only after the ack, so consumers may read it meanwhile'),
      pause:
        group === null
          ? noGroup
          : present('emulated', 'the group is set past the end; entries already delivered can still be retried'),
      // Another group may be working on entries that one group has not read: it has to be said whose entries are meant.
      purge:
        group === null && groups.length > 0
          ? noGroup
          : {
              ...present(),
              states: group === null ? ['ready'] : hasDlq ? ['ready', 'in-flight'] : ['ready', 'in-flight', 'dead'],
              count: 'exact',
            },
      deadLetters: hasLinks
        ? {
            ...present('emulated', 'pending entries with many deliveries and long idle, or a stream named by ?dlq='),
            keptIn: hasDlq ? 'queue' : 'state',
          }
        : noDead,
      redrive: hasLinks
        ? { ...present('emulated', 'added anew to the stream for all its groups'), ...transfer }
        : noDead,
      move: {
        ...present('emulated', 'one script a page; between slots of a cluster or servers at least once'),
        ...transfer,
      },
      copy: { ...present('emulated'), ...transfer, guarantee: 'at-least-once' },
      create: present('native', 'with its consumer group'),
      delete: present('native', 'its consumer groups go too'),
    },
    traits: [
      'checks',
      'mayPurge',
      'mayTake',
      'messagesAreSilent',
      'nativeMove',
      'pages',
      'sendAll',
      'sendBodies',
      'unseen',
      'window',
    ],
  });
}
