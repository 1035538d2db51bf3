import type { Manifest } from '../../contract/backend.ts';

const DEAD_LETTERS = [
  {
    name: 'dlq',
    type: { is: 'text' },
    placeholder: 'NAME',
    meaning: 'streams, lists: where dead letters are; * stands for the name of the queue: dlq=*:dead',
    inProject: 'yes',
  },
  {
    name: 'deadDeliveries',
    type: { is: 'number', least: 1, most: 999_999_999 },
    usual: '5',
    meaning: 'streams: an entry is dead after this many deliveries',
    inProject: 'yes',
  },
  {
    name: 'deadIdle',
    type: { is: 'duration' },
    usual: '60s',
    meaning: 'streams: and if it has been idle for this long',
    inProject: 'yes',
  },
  {
    name: 'as',
    type: { is: 'choice', of: ['rq', 'sidekiq', 'dramatiq'] },
    meaning: 'lists: the dead jobs of this framework are the dead letters',
    inProject: 'yes',
  },
  {
    name: 'unwrap',
    type: { is: 'text' },
    placeholder: 'FIELD',
    meaning: 'BullMQ: the field in which a job of NAME-dlq holds the job that failed',
    inProject: 'yes',
  },
] as const satisfies Manifest['parameters'];

const QUEUES = [
  {
    name: 'kind',
    type: { is: 'choice', of: ['bullmq', 'stream', 'list'] },
    meaning: 'the kind of every queue; without it, mq looks at each',
    inProject: 'yes',
  },
  {
    name: 'prefix',
    type: { is: 'text' },
    placeholder: 'PREFIX',
    meaning: 'BullMQ: only queues whose keys begin with this',
    inProject: 'yes',
  },
  {
    name: 'group',
    type: { is: 'text' },
    placeholder: 'GROUP',
    meaning: 'streams: the consumer group to look through',
    inProject: 'yes',
  },
  {
    name: 'next',
    type: { is: 'choice', of: ['left', 'right'] },
    meaning: 'lists: the end from which consumers take',
    inProject: 'yes',
  },
  {
    name: 'scanBudget',
    type: { is: 'duration' },
    usual: '5s',
    meaning: 'how long a list of all queues may take; after that, mq shows what it has and says it is partial',
    inProject: 'yes',
  },
] as const satisfies Manifest['parameters'];

const SERVER = [
  {
    name: 'sentinel',
    type: { is: 'text' },
    placeholder: 'NAME',
    meaning: 'the hosts are Sentinels, which know the master of this name',
    inProject: 'yes',
  },
  { name: 'sentinelPassword', type: { is: 'text' }, placeholder: 'PASSWORD', meaning: 'theirs', secret: true },
  {
    name: 'cluster',
    type: { is: 'choice', of: ['true', 'false'] },
    usual: 'false',
    meaning: 'the hosts are nodes of a Redis Cluster',
    inProject: 'yes',
  },
  {
    name: 'protocol',
    type: { is: 'choice', of: ['2', '3'] },
    usual: '2',
    meaning: 'the version of RESP',
    inProject: 'yes',
  },
  { name: 'ca', type: { is: 'file' }, meaning: 'the authority that signed its certificate', tls: 'ca' },
  { name: 'cert', type: { is: 'file' }, meaning: 'a certificate of your own', tls: 'cert' },
  { name: 'key', type: { is: 'file' }, meaning: 'the key of that certificate', tls: 'key' },
] as const satisfies Manifest['parameters'];

export const manifest = {
  name: 'redis',
  title: 'Redis',
  schemes: [
    { name: 'redis', port: 6379, encryption: 'plain', encrypted: 'rediss' },
    { name: 'rediss', port: 6379, encryption: 'tls' },
  ],
  forms: [
    {
      form: 'redis://user:password@host:6379/0',
      short: 'redis://…',
      example: 'redis://staging',
      meaning: 'rediss:// with TLS; several hosts with commas, for Sentinel and Cluster',
    },
  ],
  parameters: [...DEAD_LETTERS, ...QUEUES, ...SERVER],
  flags: [
    {
      name: 'unwrap',
      value: '[field]',
      verbs: ['redrive'],
      meaning:
        'BullMQ: QUEUE is a NAME-dlq whose jobs wrap the original in this field (originalJob); NAME gets the original back',
      purpose: 'BullMQ queues whose jobs wrap failed ones; this broker has none',
      // Most applications with this pattern put the failed job into this field.
      becomes: {
        parameter: 'unwrap',
        usual: 'originalJob',
        demands: {
          link: 'unwraps',
          refusal: 'is not a BullMQ queue that collects wrapped jobs',
          hint: 'name the NAME-dlq queue itself; ?dlq=PATTERN in the URL says how such queues are named, if not NAME-dlq',
        },
      },
    },
  ],
  queueUrls: [],
  kinds: ['bullmq', 'stream', 'list'],
  holders: { name: 'BullMQ', backoff: 'BullMQ' },
  examples: {},
  remarks: [],
} as const satisfies Manifest;
