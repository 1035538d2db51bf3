import { absent, type Capabilities, type Declaration, declare, present } from '../../contract/capabilities.ts';
import { frozen } from '../common/frozen.ts';
import { MAX_MESSAGE_BYTES } from './message-attributes/limits.ts';

export interface Circumstances {
  readonly fifo: boolean;
  /** The address says `denyPolicy=true`. */
  readonly denyPolicy: boolean;
}

/** The properties that SQS gives every message anew; a sender cannot set them. */
const LOST = ['id', 'enqueuedAt', 'receiveCount'] as const;

export function capabilitiesOf({ fifo, denyPolicy }: Circumstances): Capabilities {
  const order = fifo ? 'kept' : 'not-kept';
  const transfer = { guarantee: 'at-least-once', order, metadata: LOST } as const;
  const abilities: Declaration['abilities'] = {
    enqueue: present('native', fifo ? 'a message group is required; a repetition within 5 minutes adds nothing' : null),
    peek: {
      ...present(
        'emulated',
        fifo
          ? 'adds 1 to the receive count, hides what is shown for up to 30 s, and blocks its message groups meanwhile'
          : 'adds 1 to the receive count and hides what is shown from consumers for up to 30 s',
      ),
      effect: 'disturbs',
      states: ['ready'],
    },
    get: absent('SQS has no lookup by id', 'mq peek --filter reads the queue from its head'),
    drain: present('native'),
    pause: denyPolicy
      ? present(
          'emulated',
          'denies sqs:ReceiveMessage in the queue’s policy (statement mq-pause) to every client but mq; takes up to 60 s; Lambda triggers should be disabled instead',
        )
      : absent(
          'SQS cannot pause a queue',
          'stop the consumers, or use --deny-policy to refuse them sqs:ReceiveMessage by the queue’s policy',
        ),
    purge: {
      ...present(
        'native',
        'tells no count, takes up to 60 s, once per 60 s; with others in flight or delayed, by receiving and deleting',
      ),
      states: ['ready'],
      together: ['delayed', 'in-flight'],
      count: 'unknown',
    },
    deadLetters: { ...present('native', 'the target of the redrive policy'), keptIn: 'queue' },
    redrive: { ...present('native', 'by a move task when it can do exactly what is asked'), ...transfer },
    move: { ...present('emulated'), ...transfer },
    copy: { ...present('emulated', 'adds 1 to the receive count of each message'), ...transfer },
    create: present('native'),
    delete: present('native', 'the name is free again after 60 s'),
  };
  return frozen(
    declare({
      kind: fifo ? 'fifo' : 'standard',
      broker: 'sqs',
      counts: {
        ready: 'approximate',
        inFlight: 'approximate',
        delayed: 'approximate',
        dead: 'approximate',
      },
      rates: 'net',
      order: fifo ? 'fifo-per-group' : 'best-effort',
      holds: fifo ? ['headers', 'groupId', 'deduplicationId'] : ['headers', 'groupId', 'delayMs'],
      maxBodyBytes: MAX_MESSAGE_BYTES,
      abilities,
      traits: [
        'bill',
        'checks',
        'hold',
        'latestBrokerTime',
        'movesEachHome',
        'nativeMove',
        'priceOfLook',
        'stop',
        'unseen',
      ],
    }),
  );
}

export const KIND_CAPABILITIES: readonly Capabilities[] = frozen(
  [false, true].map((fifo) => capabilitiesOf({ fifo, denyPolicy: false })),
);
