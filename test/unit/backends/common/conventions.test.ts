import { describe, expect, test } from 'vitest';
import { frameworkDeath } from '../../../../src/backends/common/conventions/framework-death.ts';
import type { Letter } from '../../../../src/backends/common/conventions/letter.ts';
import type { JsonValue } from '../../../../src/contract/message.ts';

const STAMP = 'X-Message-Stamp-Symfony\\Component\\Messenger\\Stamp\\';

function letter(queue: string, headers: Record<string, JsonValue>, body = '{"n":12345678901234567890}'): Letter {
  return { queue, headers, body: Buffer.from(body) };
}

/**
 * Of each framework a message as its documentation or source says that it writes it, with one header of the
 * application's own.
 */
const ROWS: readonly {
  readonly framework: string;
  readonly given: Letter;
  readonly from: string | null;
  readonly error: string;
  readonly at?: string;
  /** Headers that stay. */
  readonly kept?: Record<string, JsonValue>;
  readonly body?: string;
  /** The name of the queue that it is in says something, too. */
  readonly byName?: true;
}[] = [
  {
    framework: 'NServiceBus',
    given: letter('error', {
      own: 'x',
      'NServiceBus.MessageId': '7',
      'NServiceBus.FailedQ': 'Sales',
      'NServiceBus.ExceptionInfo.ExceptionType': 'System.Exception',
      'NServiceBus.ExceptionInfo.Message': 'nope',
      'NServiceBus.ExceptionInfo.Data.Message type': 'Order',
      'NServiceBus.TimeOfFailure': '2026-11-27 10:00:00:123456 Z',
      'NServiceBus.Retries': '3',
    }),
    from: 'Sales',
    error: 'System.Exception: nope',
    at: '2026-11-27T10:00:00.123Z',
    kept: { own: 'x', 'NServiceBus.MessageId': '7' },
  },
  {
    framework: 'NServiceBus',
    given: letter(
      'error',
      { own: 'x' },
      '{"Headers":{"NServiceBus.FailedQ":"Sales", "a":"1","NServiceBus.ExceptionInfo.Message":"nope"},"Body":"e30=","n":1.0}',
    ),
    from: 'Sales',
    error: 'nope',
    body: '{"Headers":{"a":"1"},"Body":"e30=","n":1.0}',
  },
  {
    framework: 'NServiceBus',
    given: letter('error', {
      own: 'x',
      'NServiceBus.AmazonSQS.Headers':
        '{"NServiceBus.FailedQ":"Sales","a":"1","NServiceBus.ExceptionInfo.Message":"nope"}',
    }),
    from: 'Sales',
    error: 'nope',
    kept: { own: 'x', 'NServiceBus.AmazonSQS.Headers': '{"a":"1"}' },
  },
  {
    framework: 'MassTransit',
    given: letter('orders_error', {
      own: 'x',
      'MT-Reason': 'fault',
      'MT-Fault-ExceptionType': 'System.InvalidOperationException',
      'MT-Fault-Message': 'Card expired',
      'MT-Fault-Timestamp': '2026-11-27T10:00:00.0000000Z',
      'MT-Fault-InputAddress': 'rabbitmq://localhost/shop/order%20service?durable=true',
      'MT-Fault-StackTrace': 'at …',
      'MT-Host-MachineName': 'web-1',
    }),
    from: 'order service',
    error: 'System.InvalidOperationException: Card expired',
    at: '2026-11-27T10:00:00.000Z',
  },
  {
    framework: 'MassTransit',
    given: letter('orders_error', {
      own: 'x',
      'MT-Reason': 'fault',
      'MT-Fault-Message': 'of a version without address',
    }),
    from: 'orders',
    error: 'of a version without address',
    byName: true,
  },
  {
    framework: 'Rebus',
    given: letter('error', {
      own: 'x',
      'rbs2-msg-id': '7',
      'rbs2-source-queue': 'trading',
      'rbs2-error-details': '5 unhandled exceptions: System.TimeoutException: gone',
    }),
    from: 'trading',
    error: '5 unhandled exceptions: System.TimeoutException: gone',
    kept: { own: 'x', 'rbs2-msg-id': '7' },
  },
  {
    framework: 'Rebus',
    given: letter(
      'error',
      { own: 'x' },
      '{"headers":{"rbs2-msg-id":"7","rbs2-source-queue":"trading","rbs2-error-details":"gone"},"body":"e30="}',
    ),
    from: 'trading',
    error: 'gone',
    body: '{"headers":{"rbs2-msg-id":"7"},"body":"e30="}',
  },
  {
    framework: 'Spring AMQP',
    given: letter('orders.dlq', {
      own: 'x',
      'x-exception-message': 'boom',
      'x-exception-stacktrace': 'java.lang.IllegalStateException: boom\n\tat a.B.c(B.java:1)',
      'x-original-exchange': '',
      'x-original-routingKey': 'orders',
    }),
    from: 'orders',
    error: 'boom',
  },
  {
    framework: 'Symfony Messenger',
    given: letter('failed', {
      own: 'x',
      type: 'App\\Order',
      [`${STAMP}SentToFailureTransportStamp`]: '[{"originalReceiverName":"messages"}]',
      [`${STAMP}ErrorDetailsStamp`]:
        '[{"exceptionClass":"Old"},{"exceptionClass":"Exception","exceptionMessage":"boom"}]',
      [`${STAMP}RedeliveryStamp`]: '[{"retryCount":0,"redeliveredAt":"2026-11-27T11:00:00+01:00"}]',
      [`${STAMP}BusNameStamp`]: '[{"busName":"default"}]',
    }),
    from: 'messages',
    error: 'Exception: boom',
    at: '2026-11-27T10:00:00.000Z',
    kept: { own: 'x', type: 'App\\Order', [`${STAMP}BusNameStamp`]: '[{"busName":"default"}]' },
  },
  {
    framework: 'Wolverine',
    given: letter('wolverine-dead-letter-queue', {
      own: 'x',
      'exception-type': 'System.Exception',
      'exception-message': 'nope',
      'exception-stack': 'at …',
      'failed-at': '1795773600000',
      'original-destination': 'rabbitmq://queue/incoming',
      attempts: '3',
    }),
    from: 'incoming',
    error: 'System.Exception: nope',
    at: '2026-11-27T10:00:00.000Z',
  },
  {
    framework: 'Watermill',
    given: letter('poison', {
      own: 'x',
      reason_poisoned: 'dial tcp: refused',
      topic_poisoned: 'orders',
      handler_poisoned: 'h',
      subscriber_poisoned: 'amqp',
    }),
    from: 'orders',
    error: 'dial tcp: refused',
  },
  {
    framework: 'Moleculer',
    given: letter('DEAD_LETTER', {
      own: 'x',
      'x-original-channel': 'order.created',
      'x-original-group': 'mail',
      'x-error-message': 'no',
    }),
    from: 'mail.order.created',
    error: 'no',
  },
  {
    framework: 'SmallRye',
    given: letter('dead-letter-topic-orders', {
      own: 'x',
      'dead-letter-exception-class-name': 'java.io.IOException',
      'dead-letter-reason': 'no',
      'dead-letter-topic': 'orders',
      'dead-letter-offset': '7',
    }),
    from: 'orders',
    error: 'java.io.IOException: no',
  },
  {
    framework: 'AWS Lambda',
    given: letter('dlq', { own: 'x', RequestID: 'r-1', ErrorCode: 200, ErrorMessage: 'Task timed out' }),
    from: null,
    error: 'Task timed out',
  },
  {
    framework: 'AWS Lambda',
    given: letter(
      'failures',
      { own: 'x' },
      '{"version":"1.0","timestamp":"2026-11-27T10:00:00.000Z","requestContext":{"requestId":"r","functionArn":"arn:aws:lambda:f","condition":"RetriesExhausted","approximateInvokeCount":3},' +
        '"requestPayload":{"id":12345678901234567890},"responsePayload":{"errorMessage":"no","errorType":"Error"}}',
    ),
    from: null,
    error: 'Error: no',
    at: '2026-11-27T10:00:00.000Z',
    body: '{"id":12345678901234567890}',
  },
  {
    framework: 'Amazon EventBridge',
    given: letter('rule-dlq', {
      own: 'x',
      RULE_ARN: 'arn:aws:events:eu-west-1:1:rule/r',
      TARGET_ARN: 'arn:aws:sqs:eu-west-1:1:orders',
      ERROR_CODE: 'NO_PERMISSIONS',
      ERROR_MESSAGE: 'denied',
      RETRY_ATTEMPTS: '2',
    }),
    from: 'orders',
    error: 'NO_PERMISSIONS: denied',
  },
  {
    framework: 'Sneakers',
    given: letter(
      'downloads-error',
      { own: 'x' },
      `{"error":"reject","num_attempts":4,"failed_at":"2026-11-27T10:00:00+00:00","payload":"${Buffer.from('<a/>').toString('base64')}\\n"}`,
    ),
    from: 'downloads',
    error: 'reject',
    byName: true,
    at: '2026-11-27T10:00:00.000Z',
    kept: {},
    body: '<a/>',
  },
  {
    framework: 'Dramatiq',
    given: letter(
      'default.XQ',
      { own: 'x' },
      '{"queue_name":"default","actor_name":"add","args":[1.0, 12345678901234567890],"options":{"retries":2,"max_retries":2, "traceback":"Traceback:\\n  …\\nValueError: no\\n","requeue_timestamp":1795773600000,"own":1}}',
    ),
    from: 'default',
    error: 'ValueError: no',
    byName: true,
    at: '2026-11-27T10:00:00.000Z',
    body: '{"queue_name":"default","actor_name":"add","args":[1.0, 12345678901234567890],"options":{"max_retries":2,"own":1}}',
  },
];

describe('a message that a framework has put away itself', () => {
  test.each(ROWS)(
    'says how it died, and is restored: $framework, $given.queue',
    ({ framework, given, from, error, at, kept, body, byName }) => {
      const death = frameworkDeath(given);
      expect(death).toMatchObject({ framework, from, error, at: at === undefined ? null : Date.parse(at) });
      const restored = death?.restore();
      if (typeof restored !== 'object') throw new Error(String(restored));
      expect(restored.headers).toEqual(kept ?? { own: 'x' });
      expect(Buffer.from(restored.body).toString()).toBe(body ?? Buffer.from(given.body).toString());
      // What was restored is nobody's dead letter, except where the queue's name alone says so.
      if (byName === undefined) expect(frameworkDeath({ ...given, ...restored })).toBeNull();
    },
  );

  test.each(ROWS.filter((row) => row.from !== null && row.byName === undefined))(
    'is back in the queue that it names: $framework',
    ({ given, from }) => {
      expect(frameworkDeath({ ...given, queue: from ?? '' })).toBeNull();
    },
  );

  test('is taken out of the envelope of EasyNetQ with its own properties', () => {
    const body = JSON.stringify({
      RoutingKey: 'rk',
      Exchange: 'Shop.Order',
      Queue: 'Shop.Order_mail',
      Exception: 'System.Exception: bad\n   at A.B()',
      Message: '{"o":4}',
      DateTime: '2026-11-27T10:00:00Z',
      BasicProperties: {
        ContentType: 'application/json',
        DeliveryMode: 2,
        Type: 'Shop.Order, Shop',
        CorrelationId: 'c-1',
        Timestamp: 1795773600,
        Expiration: '00:01:30',
        Priority: 0,
        Headers: {
          text: { Type: 14, Value: 'aGk=' },
          many: { Type: 15, Value: [{ Type: 6, Value: 7 }] },
          old: { $type: 'System.Byte[]', $value: 'aGk=' },
        },
      },
    });
    const death = frameworkDeath(letter('EasyNetQ_Default_Error_Queue', {}, body));
    expect(death).toMatchObject({ framework: 'EasyNetQ', from: 'Shop.Order_mail', error: 'System.Exception: bad' });
    expect(death?.restore()).toEqual({
      body: Buffer.from('{"o":4}'),
      headers: { text: 'hi', many: [7], old: 'hi' },
      properties: {
        contentType: 'application/json',
        deliveryMode: 2,
        type: 'Shop.Order, Shop',
        correlationId: 'c-1',
        timestamp: 1795773600,
        ttlMs: 90_000,
      },
    });
  });

  test.each([
    [
      'no queue: older versions name the exchange',
      { RoutingKey: 'rk', Exchange: 'E' },
      null,
      { exchange: 'E', routingKey: 'rk' },
    ],
    ['no queue, by the default exchange', { RoutingKey: 'orders', Exchange: '' }, 'orders', null],
  ])('EasyNetQ: %s', (_what, place, from, route) => {
    const body = JSON.stringify({
      ...place,
      Exception: 'e',
      Message: Buffer.from('{"o":4}').toString('base64'),
      DateTime: '',
    });
    const death = frameworkDeath(letter('errors', {}, body));
    expect(death).toMatchObject({ from, route, at: null });
    expect(death?.restore()).toMatchObject({ body: Buffer.from('{"o":4}') });
  });

  test('names an exchange where Spring says no more', () => {
    const given = letter('parked', {
      'x-exception-stacktrace': 'E\n',
      'x-original-exchange': 'shop',
      'x-original-routingKey': 'order.new',
    });
    expect(frameworkDeath(given)).toMatchObject({
      from: null,
      route: { exchange: 'shop', routingKey: 'order.new' },
      error: 'E\n',
    });
  });

  test.each([
    [
      'an application header of a like name',
      letter('q', { 'x-exception-message': 'a', ErrorMessage: 'b', 'failed-at': '1', RequestID: 'c' }),
    ],
    ['a body that begins like an envelope', letter('q', {}, '{"RoutingKey":"a","Exchange":1}')],
    ['a body that is cut short', letter('q', {}, '{"error":"a","num_attempts":4,"failed_at":"x","payload":"')],
    ['a body that only mentions a mark', letter('q', {}, '{"text":"NServiceBus.FailedQ","Headers":[]}')],
    [
      'a message of Dramatiq that waits for its next try',
      letter('default.DQ', {}, '{"queue_name":"default.DQ","actor_name":"a","options":{"traceback":"x"}}'),
    ],
    ['nothing at all', letter('q', {}, '')],
    ['a header that is no text', letter('q', { 'rbs2-source-queue': 'a' })],
    ['a hostile header name', letter('q', Object.fromEntries([['__proto__', 'MT-Reason']]))],
  ])('is not seen in %s', (_what, given) => {
    expect(frameworkDeath(given)).toBeNull();
  });

  test('of deep nesting costs no stack', () => {
    const deep = `{"error":${'['.repeat(100_000)}${']'.repeat(100_000)},"num_attempts":1,"failed_at":"x","payload":"eA=="}`;
    expect(frameworkDeath(letter('q', {}, deep))?.framework ?? null).toSatisfy(
      (found) => found === null || found === 'Sneakers',
    );
  });
});
