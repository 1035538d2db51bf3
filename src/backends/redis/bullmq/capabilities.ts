import { absent, type Capabilities, type Declaration, declare, present } from '../../../contract/capabilities.ts';
import { frozen } from '../../common/frozen.ts';

const LOST = ['attempts made', 'logs', 'stack traces', 'progress'] as const;

const ABILITIES: Declaration['abilities'] = {
  enqueue: present('native', 'the body must be JSON: it is the data of the job'),
  peek: {
    ...present('native'),
    effect: 'free',
    states: ['ready', 'in-flight', 'delayed', 'dead', 'completed', 'waiting-children'],
  },
  get: present('native'),
  drain: present('emulated', 'a job is removed only after the ack; pause the queue first when workers are connected'),
  pause: present('native', 'running jobs finish; workers of BullMQ 3 to 6 obey'),
  purge: { ...present('native', '200 jobs a call'), states: ['ready', 'delayed', 'dead'], count: 'exact' },
  deadLetters: { ...present('native', 'the failed jobs'), keptIn: 'state' },
  redrive: {
    ...present('native', 'job by job: attempts start anew, the priority stays'),
    guarantee: 'atomic',
    order: 'kept',
    metadata: 'full',
  },
  move: {
    ...present('emulated', 'jobs with a parent, children or a scheduler stay'),
    guarantee: 'at-least-once',
    order: 'kept',
    metadata: LOST,
  },
  copy: { ...present('emulated'), guarantee: 'at-least-once', order: 'kept', metadata: LOST },
  create: present('native'),
  delete: present('native', 'refused while jobs are active'),
};

export const BULLMQ_CAPABILITIES: Capabilities = frozen(
  declare({
    kind: 'bullmq',
    broker: 'redis',
    counts: { ready: 'exact', inFlight: 'exact', delayed: 'exact', dead: 'exact' },
    rates: 'native',
    order: 'fifo',
    holds: ['id', 'name', 'priority', 'delayMs', 'attempts', 'backoff', 'deduplicationId'],
    maxBodyBytes: null,
    abilities: ABILITIES,
    traits: [
      'checks',
      'mayNotRestore',
      'nativeMove',
      'pages',
      'sendAll',
      'stays',
      'survey',
      'unseen',
      'unwraps',
      'window',
    ],
  }),
);

/** A queue of BullMQ 3 or 4, which have no deduplication. */
export const OLD_BULLMQ_CAPABILITIES: Capabilities = frozen({
  ...BULLMQ_CAPABILITIES,
  holds: BULLMQ_CAPABILITIES.holds.filter((field) => field !== 'deduplicationId'),
});

const READ_ONLY = absent(
  'the queue was made by Bull 4, whose keys only that library may change',
  'use Bull 4 itself, or migrate the application to BullMQ',
);

/** A queue of Bull 4: everything can be seen, and nothing can be changed. */
export const BULL4_CAPABILITIES: Capabilities = frozen({
  ...BULLMQ_CAPABILITIES,
  rates: 'none',
  holds: [],
  abilities: {
    ...BULLMQ_CAPABILITIES.abilities,
    enqueue: READ_ONLY,
    drain: READ_ONLY,
    pause: READ_ONLY,
    purge: READ_ONLY,
    redrive: READ_ONLY,
    move: READ_ONLY,
    create: READ_ONLY,
    delete: READ_ONLY,
    peek: {
      ...present('native', 'read-only'),
      effect: 'free',
      states: ['ready', 'in-flight', 'delayed', 'dead', 'completed'],
    },
  },
  traits: ['checks'],
});
