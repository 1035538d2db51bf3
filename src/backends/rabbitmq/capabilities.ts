import { absent, type Capabilities, declare, present } from '../../contract/capabilities.ts';
import { frozen } from '../common/frozen.ts';
import type { RabbitKind } from './management/queue-info.ts';

const HOLDS = ['id', 'headers', 'contentType', 'priority', 'ttlMs'] as const;
const NO_PAUSE = absent(
  'RabbitMQ has no way to stop delivery to consumers that are connected',
  'stop the consumers, or close their connections with rabbitmqadmin',
);
const NO_GET = absent('RabbitMQ does not index messages by id', 'mq peek QUEUE --filter \'id == "…"\'');

function workQueue(kind: 'classic' | 'quorum', price: string): Capabilities {
  return frozen(
    declare({
      kind,
      broker: 'rabbitmq',
      counts: { ready: 'exact', inFlight: 'approximate', delayed: 'absent', dead: 'approximate' },
      rates: 'native',
      order: 'fifo',
      holds: HOLDS,
      maxBodyBytes: null,
      abilities: {
        enqueue: present('native', 'confirmed by the broker, mandatory, persistent unless the message says otherwise'),
        peek: { ...present('emulated', price), effect: 'disturbs', states: ['ready'] },
        get: NO_GET,
        drain: present('native', 'what is released goes back when the consumer closes'),
        pause: NO_PAUSE,
        purge: { ...present('native', 'ready messages only; those in flight stay'), states: ['ready'], count: 'exact' },
        deadLetters: {
          ...present('native', 'the queue its dead-letter exchange leads to; needs the management API'),
          keptIn: 'queue',
        },
        redrive: transfer(),
        move: transfer(),
        copy: transfer(),
        create: present(),
        delete: present(),
      },
      traits: ['checks', 'hold', 'leadsTo', 'names', 'ofHolder', 'priceOfLook', 'readSources', 'sendBodies', 'window'],
    }),
  );
}

function transfer() {
  return {
    ...present(
      'emulated',
      'publish with confirmation, then acknowledge; a crash between them leaves the message in both queues',
    ),
    guarantee: 'at-least-once',
    order: 'kept',
    metadata: 'full',
  } as const;
}

const STREAM = frozen(
  declare({
    kind: 'rabbit-stream',
    broker: 'rabbitmq',
    counts: { ready: 'approximate', inFlight: 'approximate', delayed: 'absent', dead: 'absent' },
    rates: 'native',
    order: 'fifo',
    // It keeps messages by its own retention, and gives them in the order in which they came.
    holds: HOLDS.filter((field) => field !== 'priority' && field !== 'ttlMs'),
    maxBodyBytes: null,
    abilities: {
      enqueue: present('native', 'confirmed by the broker, mandatory'),
      peek: { ...present('native', 'by offset'), effect: 'free', states: ['ready'] },
      get: absent('a stream does not index messages by id', 'mq peek QUEUE --filter \'id == "…"\''),
      drain: absent('messages of a stream leave it by retention only', 'mq peek QUEUE -n 0 -o ndjson'),
      pause: NO_PAUSE,
      purge: absent(
        'messages of a stream leave it by retention only',
        'set max-age or max-length-bytes by policy, or delete the stream',
      ),
      deadLetters: absent('a stream has no dead letters'),
      redrive: absent('a stream has no dead letters', 'mq copy STREAM QUEUE'),
      move: absent('messages of a stream leave it by retention only', 'mq copy STREAM QUEUE'),
      copy: {
        ...present('emulated', 'read by offset, publish with confirmation'),
        guarantee: 'at-least-once',
        order: 'kept',
        metadata: 'full',
      },
      create: present(),
      delete: present(),
    },
    traits: ['checks', 'names', 'sendBodies', 'window'],
  }),
);

export const CAPABILITIES: Readonly<Record<RabbitKind, Capabilities>> = {
  classic: workQueue('classic', 'marks what it shows as redelivered; consumers skip the messages while they are held'),
  quorum: workQueue(
    'quorum',
    'marks what it shows as redelivered and uses up one delivery of each; consumers skip the messages while they are held',
  ),
  'rabbit-stream': STREAM,
};
