import type { VerbEntry } from './verb.ts';

const LOOK = 'Look:';
const MESSAGES = 'Messages:';
const QUEUES = 'Queues:';
const MORE = 'More:';

/** Every verb, in the order of the help. */
export const VERBS: readonly VerbEntry[] = [
  { name: 'ls', group: LOOK, summary: 'list queues', load: async () => (await import('./commands/ls.ts')).ls },
  {
    name: 'stats',
    group: LOOK,
    summary: 'queues with rates and age',
    load: async () => (await import('./commands/stats.ts')).stats,
  },
  {
    name: 'top',
    group: LOOK,
    summary: 'the live view of queues',
    isLive: true,
    load: async () => (await import('./commands/top.ts')).top,
  },
  {
    name: 'inspect',
    group: LOOK,
    summary: 'everything known of a queue or a message',
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  {
    name: 'peek',
    group: LOOK,
    summary: 'look at messages without taking them',
    load: async () => (await import('./commands/peek.ts')).peek,
  },
  {
    name: 'enqueue',
    group: MESSAGES,
    summary: 'send messages',
    changes: {},
    load: async () => (await import('./commands/enqueue.ts')).enqueue,
  },
  {
    name: 'drain',
    group: MESSAGES,
    summary: 'take messages out: print, save or hand them to a command',
    changes: { hasDryRun: true },
    load: async () => (await import('./commands/drain.ts')).drain,
  },
  {
    name: 'redrive',
    group: MESSAGES,
    summary: 'put dead letters back where they came from',
    changes: { asks: true, hasDryRun: true },
    load: async () => (await import('./commands/redrive.ts')).redrive,
  },
  {
    name: 'move',
    group: MESSAGES,
    summary: 'move messages to another queue',
    changes: { asks: true, hasDryRun: true },
    load: async () => (await import('./commands/move.ts')).move,
  },
  {
    name: 'copy',
    group: MESSAGES,
    summary: 'copy messages to another queue',
    changes: { hasDryRun: true },
    load: async () => (await import('./commands/copy.ts')).copy,
  },
  {
    name: 'purge',
    group: MESSAGES,
    summary: 'delete messages',
    changes: { asks: true, hasDryRun: true },
    load: async () => (await import('./commands/purge.ts')).purge,
  },
  {
    name: 'pause',
    group: QUEUES,
    summary: 'stop delivery to consumers',
    changes: {},
    load: async () => (await import('./commands/pause.ts')).pause,
  },
  {
    name: 'resume',
    group: QUEUES,
    summary: 'restart delivery to consumers',
    changes: {},
    load: async () => (await import('./commands/resume.ts')).resume,
  },
  {
    name: 'create',
    group: QUEUES,
    summary: 'create a queue, with its dead-letter link',
    changes: {},
    load: async () => (await import('./commands/create.ts')).create,
  },
  {
    name: 'delete',
    group: QUEUES,
    summary: 'delete a queue and everything in it',
    changes: { asks: true },
    load: async () => (await import('./commands/delete.ts')).deleteQueue,
  },
  {
    name: 'context',
    group: MORE,
    summary: 'named connections',
    load: async () => (await import('./commands/context.ts')).context,
  },
  {
    name: 'completion',
    group: MORE,
    summary: 'the script that completes mq with Tab',
    needsNoConfiguration: true,
    load: async () => (await import('./commands/completion.ts')).completion,
  },
  {
    name: 'doctor',
    group: MORE,
    summary: 'check configuration, reachability and permissions',
    needsNoConfiguration: true,
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'history',
    group: MORE,
    summary: 'what mq has changed from here',
    load: async () => (await import('./commands/history.ts')).history,
  },
  {
    name: 'backends',
    group: MORE,
    summary: 'what each kind of queue can do',
    needsNoConfiguration: true,
    load: async () => (await import('./commands/backends.ts')).backends,
  },
  {
    name: 'backend',
    group: MORE,
    summary: 'backends that somebody else has written',
    load: async () => (await import('./commands/backend.ts')).backend,
  },
  {
    name: 'demo',
    group: MORE,
    summary: 'a tour on a temporary embedded queue',
    isLive: true,
    needsNoConfiguration: true,
    load: async () => (await import('./commands/demo.ts')).demo,
  },
];

/** Null: there is no verb of that name. */
export function verbNamed(name: string): VerbEntry | null {
  return VERBS.find((verb) => verb.name === name) ?? null;
}

/** The names of the verbs that change something. */
export const CHANGING: readonly string[] = VERBS.filter(({ changes }) => changes !== undefined).map(({ name }) => name);
