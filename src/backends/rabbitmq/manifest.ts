import type { Manifest } from '../../contract/backend.ts';

/** The names of the parameters are those of https://www.rabbitmq.com/docs/uri-query-parameters. */
export const manifest = {
  name: 'rabbitmq',
  title: 'RabbitMQ',
  schemes: [
    { name: 'amqp', port: 5672, encryption: 'plain', encrypted: 'amqps' },
    { name: 'amqps', port: 5671, encryption: 'tls' },
  ],
  forms: [
    {
      form: 'amqp://user:password@host/vhost',
      short: 'amqp://…',
      example: 'amqps://ops@rabbit.example.com/orders',
      meaning: 'amqps:// with TLS',
    },
  ],
  parameters: [
    {
      name: 'management',
      type: { is: 'url' },
      placeholder: 'http://user:password@host:15672',
      meaning: 'the management API, if it is not on the same host',
      inProject: 'same-host',
    },
    { name: 'cacertfile', type: { is: 'file' }, meaning: 'the authority that signed its certificate', tls: 'ca' },
    { name: 'certfile', type: { is: 'file' }, meaning: 'a certificate of your own', tls: 'cert' },
    { name: 'keyfile', type: { is: 'file' }, meaning: 'the key of that certificate', tls: 'key' },
    {
      name: 'server_name_indication',
      type: { is: 'text' },
      placeholder: 'HOST',
      meaning: 'the name that its certificate has to bear',
      tls: 'server-name',
      inProject: 'yes',
    },
    {
      name: 'verify',
      type: { is: 'choice', of: ['verify_peer', 'verify_none'] },
      usual: 'verify_peer',
      meaning: 'verify_none: anybody can pose as the broker',
      tls: 'verify',
    },
    {
      name: 'heartbeat',
      type: { is: 'number', least: 0, most: 65_535 },
      placeholder: 'SECONDS',
      meaning: 'between signs of life; 0: none',
      inProject: 'yes',
    },
    {
      name: 'connection_timeout',
      type: { is: 'number', least: 0, most: 2_147_483_647 },
      placeholder: 'MILLISECONDS',
      meaning: 'the longest wait for a connection, if it is shorter than --connect-timeout',
      inProject: 'yes',
    },
    {
      name: 'channel_max',
      type: { is: 'number', least: 0, most: 65_535 },
      placeholder: 'N',
      meaning: 'the most channels of one connection',
      inProject: 'yes',
    },
    { name: 'auth_mechanism', type: { is: 'text' }, placeholder: 'plain', meaning: 'mq logs in by password only' },
  ],
  flags: [
    {
      name: 'exchange',
      value: '<exchange>',
      verbs: ['enqueue'],
      meaning: 'publish to this exchange (RabbitMQ)',
      purpose: 'RabbitMQ: this broker has no exchanges',
      becomes: { native: 'exchange', beside: { via: 'exchange', routingKey: '' } },
    },
    {
      name: 'routing-key',
      value: '<key>',
      verbs: ['enqueue'],
      meaning: 'with this routing key (RabbitMQ)',
      purpose: 'RabbitMQ: this broker has no exchanges',
      becomes: { native: 'routingKey', needs: 'exchange' },
    },
  ],
  queueUrls: [],
  kinds: ['classic', 'quorum', 'rabbit-stream'],
  holders: {},
  examples: {
    context: [
      'mq context add prod --url amqps://ops@rabbit.example.com/orders --password-env RABBIT_PASSWORD --protected',
    ],
    create: ['mq create orders --kind quorum --set x-max-length=100000'],
  },
  remarks: [
    "Without RabbitMQ's management API, limits cannot be read. Then enqueue, move and redrive need --lossy to send to a queue that may drop its oldest messages, and looking at a quorum queue needs --force.",
  ],
} as const satisfies Manifest;
