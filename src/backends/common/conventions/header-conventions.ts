import { readInstant } from '../../../contract/instant.ts';
import type { Headers } from '../../../contract/message.ts';
import type { Route } from './letter.ts';
import {
  always,
  endOfAddress,
  first,
  headerText,
  type InstantReading,
  instantOf,
  lastStamp,
  queueOfArn,
  queueWithout,
  type Reading,
  text,
  typed,
} from './readings.ts';

/** The headers that a framework writes on a message that it has given up on. */
export interface HeaderConvention {
  readonly framework: string;
  /** The message is this framework's if all headers of one of these lists are there. */
  readonly marks: readonly (readonly string[])[];
  readonly from: Reading;
  readonly route?: (headers: Headers) => Route | null;
  readonly reason: Reading;
  readonly error: Reading;
  readonly at?: InstantReading;
  /** Headers that were not there before it died. `*` at the end stands for any text. */
  readonly strip: readonly string[];
  /**
   * Where the headers are, if they are not the broker's: a member of the JSON body, or a header that is a JSON object
   * of them.
   */
  readonly inBody?: string;
  readonly inHeader?: string;
}

/**
 * NServiceBus moves messages that it cannot handle to one error queue, `error` by default. Headers: `FaultsHeaderKeys`
 * and `FaultMetadataExtractor` of its source; time format and delayed retries:
 * https://docs.particular.net/nservicebus/messaging/headers. On SQS the headers are JSON: in the body (`Headers`), and
 * from version 7 of the transport also in an attribute.
 */
const NSERVICEBUS: HeaderConvention = {
  framework: 'NServiceBus',
  marks: [['NServiceBus.FailedQ']],
  from: text('NServiceBus.FailedQ'),
  reason: always('failed'),
  error: typed('NServiceBus.ExceptionInfo.ExceptionType', 'NServiceBus.ExceptionInfo.Message'),
  at: (headers) => wireFormatted(headerText(headers, 'NServiceBus.TimeOfFailure')),
  strip: [
    'NServiceBus.FailedQ',
    'NServiceBus.ExceptionInfo.*',
    'NServiceBus.TimeOfFailure',
    'NServiceBus.Retries',
    'NServiceBus.Retries.Timestamp',
    'NServiceBus.FLRetries',
  ],
  inBody: 'Headers',
  inHeader: 'NServiceBus.AmazonSQS.Headers',
};

/** `2026-11-27 10:00:00:123456 Z`: always UTC, the fraction after a colon. */
function wireFormatted(value: string | null): number | null {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d):(\d{3})\d* Z$/.exec(value ?? '');
  return match === null ? null : readInstant(`${match[1]}T${match[2]}.${match[3]}Z`, 'seconds').at;
}

/**
 * MassTransit moves faults to `<queue>_error`, and messages that no consumer of the endpoint takes to
 * `<queue>_skipped`. Headers: `MessageHeaders`, `TransportSetHeaderAdapter` of its source;
 * https://masstransit.io/documentation/concepts/exceptions. `MT-Fault-InputAddress` exists from 8.0.7 on. Before that,
 * and in `_skipped`, only the queue's name tells. `MT-Host-*` is the host that moved it.
 */
const MASSTRANSIT: HeaderConvention = {
  framework: 'MassTransit',
  marks: [['MT-Reason']],
  from: first(endOfAddress('MT-Fault-InputAddress'), queueWithout('_error', '_skipped')),
  reason: text('MT-Reason'),
  error: typed('MT-Fault-ExceptionType', 'MT-Fault-Message'),
  at: instantOf('MT-Fault-Timestamp'),
  strip: ['MT-Reason', 'MT-Fault-*', 'MT-Host-*', 'MT-Redelivery-Count'],
};

/**
 * Rebus moves poison messages to one error queue, `error` by default. Headers: `Headers` and
 * `DeadletterQueueErrorHandler` of its source;
 * https://github.com/rebus-org/Rebus/wiki/Automatic-retries-and-error-handling. On SQS they are JSON in the body
 * (`headers`).
 */
const REBUS: HeaderConvention = {
  framework: 'Rebus',
  marks: [['rbs2-source-queue', 'rbs2-error-details']],
  from: text('rbs2-source-queue'),
  reason: always('failed'),
  error: text('rbs2-error-details'),
  strip: ['rbs2-source-queue', 'rbs2-error-details'],
  inBody: 'headers',
};

/**
 * Spring AMQP's `RepublishMessageRecoverer`; Spring Cloud Stream does the same with `republishToDlq`. It names the
 * exchange and the key with which the message came, not the queue.
 * https://docs.spring.io/spring-amqp/reference/amqp/resilience-recovering-from-errors-and-broker-failures.html
 */
const SPRING_AMQP: HeaderConvention = {
  framework: 'Spring AMQP',
  marks: [
    ['x-exception-stacktrace', 'x-original-routingKey'],
    ['x-exception-stacktrace', 'x-original-exchange'],
  ],
  from: (headers) =>
    headerText(headers, 'x-original-exchange') === null ? headerText(headers, 'x-original-routingKey') : null,
  route(headers) {
    const exchange = headerText(headers, 'x-original-exchange');
    return exchange === null ? null : { exchange, routingKey: headerText(headers, 'x-original-routingKey') ?? '' };
  },
  reason: always('failed'),
  error: text('x-exception-message', 'x-exception-stacktrace'),
  strip: ['x-exception-stacktrace', 'x-exception-message', 'x-original-exchange', 'x-original-routingKey'],
};

/**
 * SmallRye Reactive Messaging (Quarkus) writes these with the strategy `dead-letter-queue`, which its Kafka and JMS
 * connectors have (with `-` and with `_`): `KafkaDeadLetterQueue`, `JmsDlqFailure` of its source. Its RabbitMQ and SQS
 * connectors write none of their own: there the broker dead-letters.
 */
const SMALLRYE: HeaderConvention = {
  framework: 'SmallRye',
  marks: [
    ['dead-letter-reason', 'dead-letter-exception-class-name'],
    ['dead_letter_reason', 'dead_letter_exception_class_name'],
  ],
  from: text('dead-letter-topic'),
  reason: always('failed'),
  error: first(
    typed('dead-letter-exception-class-name', 'dead-letter-reason'),
    typed('dead_letter_exception_class_name', 'dead_letter_reason'),
  ),
  strip: ['dead-letter-*', 'dead_letter_*'],
};

/**
 * Symfony Messenger sends messages that it cannot handle to its failure transport, with stamps
 * (`SendFailedMessageToFailureTransportListener`, and `Serializer` for their names). The receiver is a transport's
 * name, which is the queue's unless the DSN says otherwise. A message with `SentToFailureTransportStamp` would be
 * dropped if it failed again. On SQS, stamps that cannot be the name of an attribute are JSON in `X-Symfony-Messenger`.
 * On Redis they are in the entry's JSON.
 */
const STAMP = 'X-Message-Stamp-Symfony\\Component\\Messenger\\Stamp\\';
const SYMFONY: HeaderConvention = {
  framework: 'Symfony Messenger',
  marks: [[`${STAMP}SentToFailureTransportStamp`]],
  from: (headers) => lastStamp(headers, `${STAMP}SentToFailureTransportStamp`, 'originalReceiverName'),
  reason: always('failed'),
  error(headers) {
    const stamp = `${STAMP}ErrorDetailsStamp`;
    const type = lastStamp(headers, stamp, 'exceptionClass');
    const message = lastStamp(headers, stamp, 'exceptionMessage');
    return type === null || message === null ? (message ?? type) : `${type}: ${message}`;
  },
  at: (headers) => readInstant(lastStamp(headers, `${STAMP}RedeliveryStamp`, 'redeliveredAt'), 'seconds').at,
  strip: [`${STAMP}SentToFailureTransportStamp`, `${STAMP}ErrorDetailsStamp`, `${STAMP}RedeliveryStamp`],
  inBody: 'headers',
  inHeader: 'X-Symfony-Messenger',
};

/**
 * Wolverine: on RabbitMQ with `EnableEnhancedDeadLettering`, on SQS always. `DeadLetterQueueConstants` of its source;
 * https://wolverinefx.net/tutorials/dead-letter-queues. `attempts` counts the failed deliveries.
 */
const WOLVERINE: HeaderConvention = {
  framework: 'Wolverine',
  marks: [['exception-type', 'failed-at']],
  from: endOfAddress('original-destination'),
  reason: always('failed'),
  error: typed('exception-type', 'exception-message'),
  at: instantOf('failed-at'),
  strip: [
    'exception-type',
    'exception-message',
    'exception-stack',
    'failed-at',
    'original-destination',
    'original-partition',
    'original-offset',
    'attempts',
  ],
};

/**
 * Watermill's middleware `PoisonQueue` (Go): https://watermill.io/docs/middlewares/. The topic is the queue with its
 * durable queue topology.
 */
const WATERMILL: HeaderConvention = {
  framework: 'Watermill',
  marks: [['reason_poisoned', 'topic_poisoned']],
  from: text('topic_poisoned'),
  reason: always('poisoned'),
  error: text('reason_poisoned'),
  strip: ['reason_poisoned', 'topic_poisoned', 'handler_poisoned', 'subscriber_poisoned'],
};

/**
 * Moleculer's channels on AMQP: `constants.js` and `adapters/amqp.js` of @moleculer/channels. Other headers are lost.
 * The error is there from 0.2 on.
 */
const MOLECULER: HeaderConvention = {
  framework: 'Moleculer',
  marks: [['x-original-channel', 'x-original-group']],
  from: (headers) => `${headerText(headers, 'x-original-group')}.${headerText(headers, 'x-original-channel')}`,
  reason: always('failed'),
  error: text('x-error-message', 'x-error-code'),
  strip: ['x-original-channel', 'x-original-group', 'x-error-*', 'x-redelivered-count'],
};

/**
 * The dead-letter queue of a Lambda function that is invoked asynchronously. The function is not a queue, so nothing
 * says where the message belongs. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
const LAMBDA: HeaderConvention = {
  framework: 'AWS Lambda',
  marks: [['RequestID', 'ErrorCode']],
  from: () => null,
  reason: always('failed'),
  error: text('ErrorMessage', 'ErrorCode'),
  strip: ['RequestID', 'ErrorCode', 'ErrorMessage'],
};

/**
 * The dead-letter queue of a rule: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html. A target
 * may be a queue.
 */
const EVENTBRIDGE: HeaderConvention = {
  framework: 'Amazon EventBridge',
  marks: [['RULE_ARN', 'TARGET_ARN']],
  from: queueOfArn('TARGET_ARN'),
  reason: first(text('EXHAUSTED_RETRY_CONDITION'), always('undelivered')),
  error: typed('ERROR_CODE', 'ERROR_MESSAGE'),
  strip: ['RULE_ARN', 'TARGET_ARN', 'ERROR_CODE', 'ERROR_MESSAGE', 'EXHAUSTED_RETRY_CONDITION', 'RETRY_ATTEMPTS'],
};

/**
 * Celery has no row: it acknowledges a failed task and keeps its error in the result backend. Tasks that it rejects are
 * dead-lettered by the broker. Laravel has none either: its failed jobs are in a database. Nor have aio-pika, nameko
 * and NestJS: they leave it to the broker.
 */
export const HEADER_CONVENTIONS: readonly HeaderConvention[] = [
  NSERVICEBUS,
  MASSTRANSIT,
  REBUS,
  SPRING_AMQP,
  SYMFONY,
  WOLVERINE,
  WATERMILL,
  MOLECULER,
  SMALLRYE,
  LAMBDA,
  EVENTBRIDGE,
];
