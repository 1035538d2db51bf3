import type { Manifest } from '../../contract/backend.ts';

export const manifest = {
  name: 'sqs',
  title: 'Amazon SQS',
  schemes: [{ name: 'sqs', port: null, encryption: 'parameter' }],
  forms: [
    {
      form: 'sqs://REGION or sqs://ACCOUNT@REGION',
      short: 'sqs://REGION',
      meaning: "credentials by the AWS SDK's own chain; sqs: alone where AWS_REGION names the region",
    },
  ],
  parameters: [
    {
      name: 'endpoint',
      type: { is: 'url' },
      meaning: 'another server than AWS',
      tls: 'server',
      inProject: 'this-machine',
    },
    {
      name: 'waitSeconds',
      type: { is: 'number', least: 0, most: 20 },
      usual: '1',
      meaning: 'how long one receive waits for messages',
      inProject: 'yes',
    },
    {
      name: 'emptyPolls',
      type: { is: 'number', least: 1, most: 10 },
      usual: '3',
      meaning: 'how many empty answers make a queue empty',
      inProject: 'yes',
    },
    {
      name: 'leaseSeconds',
      type: { is: 'number', least: 1, most: 43_200 },
      placeholder: 'N',
      meaning: 'how long a message is held',
      inProject: 'yes',
    },
    {
      name: 'denyPolicy',
      type: { is: 'choice', of: ['true', 'false'] },
      usual: 'false',
      meaning: "lets pause write a deny statement into the queue's policy",
    },
  ],
  flags: [
    {
      name: 'deny-policy',
      value: null,
      verbs: ['pause', 'resume'],
      meaning: 'SQS, which cannot pause: a statement in the queue’s policy that lets only mq receive',
      purpose: 'SQS only: queues of this broker have no policy',
      becomes: { parameter: 'denyPolicy', usual: 'true' },
    },
  ],
  queueUrls: ['https', 'http'],
  kinds: ['standard', 'fifo'],
  holders: { groupId: 'SQS FIFO' },
  examples: { doctor: ['mq doctor --url sqs://eu-west-1 --queue orders'] },
  remarks: [
    'SQS goes through the proxy of HTTPS_PROXY (HTTP_PROXY for an http:// endpoint) but for hosts in NO_PROXY, and trusts the authorities in the file of AWS_CA_BUNDLE. Other brokers use none.',
  ],
} as const satisfies Manifest;
