import { type Capabilities, declare, present } from '../../contract/capabilities.ts';
import { frozen } from '../common/frozen.ts';

/** SQLite itself takes 1,000,000,000 bytes in a row. A body must also fit into memory a few times over. */
export const MAX_BODY_BYTES = 256 * 1024 * 1024;

export const SQLITE_CAPABILITIES: Capabilities = frozen(
  declare({
    kind: 'sqlite',
    broker: 'sqlite',
    counts: { ready: 'exact', inFlight: 'exact', delayed: 'exact', dead: 'exact' },
    rates: 'counters',
    order: 'fifo',
    holds: ['id', 'headers', 'contentType', 'priority', 'deduplicationId', 'ttlMs', 'name', 'delayMs', 'attempts'],
    maxBodyBytes: MAX_BODY_BYTES,
    abilities: {
      enqueue: present(
        'native',
        'a deduplication id holds while its message is alive: the same body is stored once, another one is refused',
      ),
      peek: { ...present(), effect: 'free', states: ['ready', 'in-flight', 'delayed', 'dead'] },
      get: present(),
      drain: present(),
      pause: present('native', 'survives restarts; dead letters can still be taken'),
      purge: { ...present(), states: ['ready', 'delayed', 'dead'], count: 'exact' },
      deadLetters: { ...present(), keptIn: 'state' },
      redrive: { ...present(), guarantee: 'atomic', order: 'kept', metadata: 'full' },
      move: { ...present('native', 'atomic within one file'), guarantee: 'atomic', order: 'kept', metadata: 'full' },
      copy: { ...present('emulated'), guarantee: 'at-least-once', order: 'kept', metadata: 'full' },
      create: present('native', 'also done by the first enqueue'),
      delete: present(),
    },
    traits: [
      'checks',
      'hold',
      'keepsNative',
      'mark',
      'nativeMove',
      'pages',
      'queueToMake',
      'sendBodies',
      'stays',
      'window',
    ],
  }),
);
