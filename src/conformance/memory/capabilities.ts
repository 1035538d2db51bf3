import { absent, type Capabilities, declare, present } from '../../contract/capabilities.ts';

const COMMON = {
  kind: 'memory',
  broker: 'memory',
  rates: 'none',
  order: 'fifo',
  holds: ['id', 'headers', 'contentType', 'delayMs', 'attempts'],
  maxBodyBytes: null,
} as const satisfies Partial<Capabilities>;

/** Everything that the contract has. */
export const RICH: Capabilities = frozen(
  declare({
    ...COMMON,
    counts: { ready: 'exact', inFlight: 'exact', delayed: 'exact', dead: 'exact' },
    abilities: {
      enqueue: present(),
      peek: { ...present(), effect: 'free', states: ['ready', 'in-flight', 'delayed', 'dead'] },
      get: present(),
      drain: present(),
      pause: present(),
      purge: { ...present(), states: ['ready', 'delayed', 'dead'], count: 'exact' },
      deadLetters: { ...present(), keptIn: 'state' },
      redrive: { ...present(), guarantee: 'atomic', order: 'kept', metadata: 'full' },
      move: { ...present(), guarantee: 'atomic', order: 'kept', metadata: 'full' },
      copy: { ...present('emulated'), guarantee: 'at-least-once', order: 'kept', metadata: 'full' },
      create: present(),
      delete: present(),
    },
    traits: ['hold', 'nativeMove'],
  }),
);

const NOTHING_MORE = absent('the poor memory queue can only send and take');

/** As little as a kind can have: it takes and sends. Its other figures are unknown. */
export const POOR: Capabilities = frozen(
  declare({
    ...COMMON,
    counts: { ready: 'exact', inFlight: 'unknown', delayed: 'absent', dead: 'absent' },
    holds: ['id'],
    abilities: {
      enqueue: present(),
      peek: NOTHING_MORE,
      get: absent('it keeps no index', 'drain it'),
      drain: present(),
      pause: NOTHING_MORE,
      purge: NOTHING_MORE,
      deadLetters: NOTHING_MORE,
      redrive: NOTHING_MORE,
      move: { ...present('emulated'), guarantee: 'at-least-once', order: 'kept', metadata: 'full' },
      copy: NOTHING_MORE,
      create: NOTHING_MORE,
      delete: NOTHING_MORE,
    },
    traits: ['hold'],
  }),
);

function frozen<T extends object>(record: T): T {
  for (const value of Object.values(record)) if (typeof value === 'object' && value !== null) frozen(value);
  return Object.freeze(record);
}
