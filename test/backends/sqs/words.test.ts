import { describe, expect, it } from 'vitest';
import { translate, wasNotCarriedOut } from '../../../src/backends/sqs/errors.ts';
import { planCreation } from '../../../src/backends/sqs/queues/creation.ts';
import { parseReference } from '../../../src/backends/sqs/queues/names.ts';
import { isPaused, withoutPause, withPause } from '../../../src/backends/sqs/queues/pause-policy.ts';
import { CredentialsFailure } from '../../../src/backends/sqs/sdk/credentials.ts';
import { parseAddress, showAddress } from '../../../src/backends/sqs/url.ts';
import { MqError } from '../../../src/contract/errors.ts';

describe('the address', () => {
  it('reads region, account, endpoint and the permission to write policies', () => {
    const address = parseAddress('sqs://123456789012@eu-west-1?endpoint=http://127.0.0.1:99/&denyPolicy=true');
    expect(address).toEqual({
      region: 'eu-west-1',
      account: '123456789012',
      endpoint: 'http://127.0.0.1:99',
      denyPolicy: true,
      reception: { waitSeconds: 1, emptyPolls: 3, leaseSeconds: null },
    });
    expect(showAddress(address)).toBe('sqs://123456789012@eu-west-1?endpoint=http://127.0.0.1:99');
  });

  it('reads how to receive', () => {
    expect(parseAddress('sqs://eu-west-1?waitSeconds=0&emptyPolls=1&leaseSeconds=30').reception).toEqual({
      waitSeconds: 0,
      emptyPolls: 1,
      leaseSeconds: 30,
    });
  });

  it.each([
    'sqs:',
    'sqs://',
    'sqs://eu_west',
    'sqs://eu-west-1.evil.example',
    'sqs://AKIASECRET:topsecret@eu-west-1',
    'sqs://AKIASECRET@eu-west-1',
    'sqs://eu-west-1:80',
    'sqs://eu-west-1/queue',
    'sqs://eu-west-1?endpoint=file:///topsecret',
    'sqs://eu-west-1?endpoint=http://u:topsecret@host',
    `sqs://eu-west-1?endpoint=${encodeURIComponent('http://host/?key=topsecret')}`,
    `sqs://eu-west-1?endpoint=${encodeURIComponent('http://host/#topsecret')}`,
    'sqs://eu-west-1?secretKey=topsecret',
    'sqs://eu-west-1?waitSeconds=topsecret',
    'sqs://eu-west-1?waitSeconds=21',
    'sqs://eu-west-1?emptyPolls=0',
    'sqs://eu-west-1?leaseSeconds=-1',
  ])('refuses %s without repeating it', (url) => {
    const error = caught(() => parseAddress(url));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(`${error.message} ${error.hint}`).not.toMatch(/topsecret|AKIASECRET/);
  });
});

describe('a queue', () => {
  const address = parseAddress('sqs://eu-west-1');
  it('is named by name, URL or ARN', () => {
    expect(parseReference('orders.fifo', address)).toMatchObject({ name: 'orders.fifo', account: null, url: null });
    const url = 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders';
    expect(parseReference(url, address)).toMatchObject({ name: 'orders', account: '123456789012', url });
    expect(parseReference('arn:aws:sqs:eu-west-1:123456789012:orders', address)).toMatchObject({
      name: 'orders',
      account: '123456789012',
      url: null,
    });
  });

  it.each([
    ['eu-west-1', 'https://eu-west-1.queue.amazonaws.com/123456789012/q.fifo/'],
    ['us-east-1', 'https://queue.amazonaws.com/123456789012/q.fifo'],
    ['eu-west-1', 'https://sqs.eu-west-1.api.aws/123456789012/q.fifo'],
    ['us-gov-west-1', 'https://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/q.fifo'],
    ['us-gov-west-1', 'arn:aws-us-gov:sqs:us-gov-west-1:123456789012:q.fifo'],
    ['cn-north-1', 'https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q.fifo'],
    ['cn-north-1', 'https://cn-north-1.queue.amazonaws.com.cn/123456789012/q.fifo'],
    ['eu-west-1', 'https://vpce-0a1-b2c.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q.fifo'],
  ])('of %s is named by %s, and there only', (region, text) => {
    const named = parseReference(text, parseAddress(`sqs://${region}`));
    expect(named).toMatchObject({ name: 'q.fifo', account: '123456789012' });
    expect(named.url ?? '.fifo').toMatch(/[.]fifo$/);
    expect(caught(() => parseReference(text, parseAddress('sqs://ap-south-1'))).code).toBe('USAGE');
  });

  it.each([
    'https://sqs.us-east-1.amazonaws.com/123456789012/q',
    'arn:aws:sqs:us-east-1:123456789012:q',
    'http://localhost:4566/123456789012/q',
    'http://elasticmq.test:9324/queue/q',
    'https://sqs.eu-west-1.amazonaws.com.example.org/123456789012/q',
  ])('of another region or server is refused: %s', (text) => {
    expect(caught(() => parseReference(text, address))).toMatchObject({ code: 'USAGE' });
  });

  it.each([
    ['http://127.0.0.1:4566', 'http://localhost:4566/000000000000/q', false],
    ['http://localhost:4566', 'http://127.0.0.1:4566/000000000000/q', false],
    ['http://localhost:4566', 'http://localhost:4567/000000000000/q', true],
    ['http://localhost:4566', 'http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/q', true],
    ['https://vpce-0a1.sqs.eu-west-1.vpce.amazonaws.com', 'https://sqs.eu-west-1.amazonaws.com/123456789012/q', false],
  ])('behind the endpoint %s: %s is of another host: %s', (endpoint, url, elsewhere) => {
    expect(parseReference(url, parseAddress(`sqs://eu-west-1?endpoint=${endpoint}`)).elsewhere).toBe(elsewhere);
  });

  it.each([
    '',
    'a b',
    '$(touch x)',
    'a/b',
    'x'.repeat(81),
    'arn:aws:s3:::bucket',
    'http://host/',
    'http://host/1/q?a=b',
  ])('cannot be called %j', (text) => {
    expect(caught(() => parseReference(text, address)).code).toBe('QUEUE_NOT_FOUND');
  });
});

describe('the pause policy', () => {
  const arn = 'arn:aws:sqs:eu-west-1:123456789012:orders';
  const theirs = {
    Version: '2008-10-17',
    Id: 'kept',
    Statement: [{ Sid: 'x', Effect: 'Allow', Principal: { AWS: '*' }, Action: ['sqs:*'], Resource: arn }],
  };

  it('comes and goes without touching the rest', () => {
    const before = JSON.stringify(theirs);
    const paused = withPause(before, arn);
    expect(isPaused(paused ?? '')).toBe(true);
    expect(JSON.parse(paused ?? '').Statement[0]).toEqual(theirs.Statement[0]);
    expect(withPause(paused ?? '', arn)).toBeNull();
    expect(withoutPause(paused ?? '')).toBe(before);
    expect(withoutPause(before)).toBeNull();
  });

  it('removes the policy when it was all there was', () => {
    const paused = withPause(undefined, arn) ?? '';
    expect(withoutPause(paused)).toBe('');
    expect(JSON.parse(paused)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'mq-pause',
          Effect: 'Deny',
          Principal: '*',
          Action: 'sqs:ReceiveMessage',
          Resource: arn,
          Condition: { StringNotLike: { 'aws:UserAgent': '*mqops*' } },
        },
      ],
    });
  });

  it('copes with a bare statement and leaves alone what it cannot read', () => {
    const bare = JSON.stringify({ ...theirs, Statement: theirs.Statement[0] });
    const again = withoutPause(withPause(bare, arn) ?? '') ?? '';
    expect(JSON.parse(again)).toEqual(theirs);
    expect(caught(() => withPause('{', arn)).code).toBe('UNEXPECTED_RESPONSE');
  });
});

describe('errors of the SDK', () => {
  const attempt = { action: 'ReceiveMessage', queue: 'orders', region: 'eu-west-1' };
  const foreign = (name: string, status: number | null, message = 'secret text', rest = {}) =>
    Object.assign(new Error(message), {
      name,
      ...(status === null ? {} : { $metadata: { httpStatusCode: status } }),
      ...rest,
    });

  it.each([
    ['QueueDoesNotExist', 400, 'QUEUE_NOT_FOUND'],
    ['AccessDeniedException', 403, 'PERMISSION_DENIED'],
    ['AccessDenied', 403, 'PERMISSION_DENIED'],
    ['KmsAccessDenied', 400, 'PERMISSION_DENIED'],
    ['RequestThrottled', 400, 'THROTTLED'],
    ['ThrottlingException', 400, 'THROTTLED'],
    ['OverLimit', 403, 'LIMIT_EXCEEDED'],
    ['PurgeQueueInProgress', 403, 'LIMIT_EXCEEDED'],
    ['QueueDeletedRecently', 400, 'PRECONDITION_FAILED'],
    ['ReceiptHandleIsInvalid', 404, 'PRECONDITION_FAILED'],
    ['UnrecognizedClientException', 403, 'UNAUTHENTICATED'],
    ['SignatureDoesNotMatch', 403, 'UNAUTHENTICATED'],
    ['ExpiredToken', 403, 'UNAUTHENTICATED'],
    ['RequestExpired', 400, 'UNAUTHENTICATED'],
    ['InvalidAddress', 404, 'QUEUE_NOT_FOUND'],
    ['ResourceNotFoundException', 404, 'QUEUE_NOT_FOUND'],
    ['KmsDisabled', 400, 'PRECONDITION_FAILED'],
    ['KmsInvalidState', 400, 'PRECONDITION_FAILED'],
    ['KmsInvalidKeyUsage', 400, 'PRECONDITION_FAILED'],
    ['KmsNotFound', 400, 'PRECONDITION_FAILED'],
    ['KmsOptInRequired', 403, 'PRECONDITION_FAILED'],
    ['KmsThrottled', 400, 'THROTTLED'],
    ['ServiceUnavailable', 503, 'UNAVAILABLE'],
    ['TimeoutError', null, 'TIMEOUT'],
  ])('%s becomes %s', (name, status, code) => {
    const error = translate(foreign(name, status), attempt);
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('secret text');
    expect(error.retryable).toBe(['THROTTLED', 'UNAVAILABLE', 'TIMEOUT'].includes(code));
  });

  it('name the certificate that is not trusted', () => {
    for (const [code, hint] of [
      ['SELF_SIGNED_CERT_IN_CHAIN', 'AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS'],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS'],
      ['CERT_HAS_EXPIRED', 'has expired'],
      ['ERR_TLS_CERT_ALTNAME_INVALID', 'for another host name'],
    ] as const) {
      const refused = foreign('Error', null, 'secret text', { code });
      expect(translate(refused, attempt)).toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining(code),
        hint: expect.stringContaining(hint),
      });
      expect(wasNotCarriedOut(refused)).toBe(true);
    }
  });

  it('tell a connection that was cut from an answer that did not come in time, which the SDK does not', () => {
    const cut = (code: string) => translate(foreign('TimeoutError', null, '', { code }), attempt);
    expect(cut('ECONNRESET')).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('ECONNRESET') });
    expect(cut('ETIMEDOUT')).toMatchObject({ code: 'TIMEOUT' });
  });

  it('tell the number of messages in flight only where it can be what is over the limit', () => {
    const over = foreign('OverLimit', 403);
    expect(translate(over, attempt).hint).toContain('120,000');
    expect(translate(over, { ...attempt, action: 'SetQueueAttributes' }).hint).toBeNull();
  });

  const failed = (cause: unknown) => translate(new CredentialsFailure('', { cause }), attempt);
  it.each([
    [
      'CredentialsProviderError',
      null,
      'Could not load credentials from any providers',
      'UNAUTHENTICATED',
      /no AWS cred/,
    ],
    [
      'CredentialsProviderError',
      null,
      'x. To refresh this SSO session run aws sso login with',
      'UNAUTHENTICATED',
      /SSO/,
    ],
    ['CredentialsProviderError', null, 'associated with another', 'UNAUTHENTICATED', /no AWS credentials/],
    ['CredentialsProviderError', null, 'please re-authenticate using aws login', 'UNAUTHENTICATED', /login session/],
    ['AccessDenied', 403, 'secret text', 'UNAUTHENTICATED', /gave no credentials.*AccessDenied/],
    ['ExpiredTokenException', 400, 'secret text', 'UNAUTHENTICATED', /has expired/],
    ['InternalFailure', 500, 'secret text', 'UNAVAILABLE', /answered with 500/],
  ] as const)('of the chain of credentials: %s %s %j', (name, status, text, code, says) => {
    const error = failed(foreign(name, status, text));
    expect(error).toMatchObject({ code, message: expect.stringMatching(says) });
    expect(error.message).not.toContain('secret text');
    expect(wasNotCarriedOut(error)).toBe(true);
  });

  it('of the chain of credentials: a service that cannot be reached', () => {
    expect(failed(foreign('Error', null, 'secret text', { code: 'ENOTFOUND' }))).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('ENOTFOUND'),
    });
  });

  it('name the action that is not permitted', () => {
    expect(translate(foreign('AccessDenied', 403), attempt).message).toContain('sqs:ReceiveMessage');
  });

  it('say that the clock is wrong', () => {
    const text = 'Signature expired: 20200101T000000Z is now earlier than …';
    expect(translate(foreign('InvalidSignatureException', 403, text), attempt).message).toContain('clock');
  });

  it('tell what was certainly not done from what may have been', () => {
    expect(wasNotCarriedOut(foreign('Error', null, '', { code: 'ECONNREFUSED' }))).toBe(true);
    expect(wasNotCarriedOut(foreign('InvalidParameterValue', 400))).toBe(true);
    expect(wasNotCarriedOut(foreign('InternalError', 500))).toBe(false);
    expect(wasNotCarriedOut(foreign('Error', null, '', { code: 'ECONNRESET' }))).toBe(false);
    expect(wasNotCarriedOut(foreign('TimeoutError', null))).toBe(false);
  });
});

describe('creating', () => {
  const plan = (name: string, rest: Partial<Parameters<typeof planCreation>[1]> = {}) =>
    planCreation(name, { kind: null, deadLetterQueue: null, maxReceives: null, settings: {}, ...rest });

  it('plans the queue and a dead-letter queue that keeps messages as long as SQS allows', () => {
    expect(plan('a.fifo', { deadLetterQueue: 'b.fifo', settings: { VisibilityTimeout: 5 } })).toMatchObject({
      attributes: { FifoQueue: 'true', VisibilityTimeout: '5' },
      deadLetterAttributes: { FifoQueue: 'true', MessageRetentionPeriod: '1209600' },
      maxReceives: 10,
    });
  });

  it.each([
    ['a', { kind: 'fifo' as const }, 'USAGE'],
    ['a.fifo', { kind: 'standard' as const }, 'USAGE'],
    ['a', { kind: 'quorum' as const }, 'NOT_SUPPORTED'],
    ['a.fifo', { deadLetterQueue: 'b' }, 'USAGE'],
    ['a', { deadLetterQueue: 'a' }, 'USAGE'],
    ['a', { maxReceives: 3 }, 'USAGE'],
    ['a', { deadLetterQueue: 'b', maxReceives: 0 }, 'USAGE'],
    ['a b', {}, 'USAGE'],
    ['a', { settings: { 'x-max-length': 1 } }, 'USAGE'],
  ])('refuses %s with %j', (name, options, code) => {
    expect(caught(() => plan(name, options)).code).toBe(code);
  });
});

function caught(action: () => unknown): MqError {
  try {
    action();
  } catch (error) {
    if (error instanceof MqError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
