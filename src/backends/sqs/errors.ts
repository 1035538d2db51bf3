import { abortedError, type ErrorCode, isMqError, MqError } from '../../contract/errors.ts';
import { CredentialsFailure, meaningOfCredentials } from './sdk/credentials.ts';
import { connectionCode, connectionHint, nameOf, neverConnected, statusOf, textOf } from './sdk/foreign-error.ts';

/** The attempted call, for the message and for the permission that it needs. */
export interface Attempt {
  /** The API action, without `sqs:`. */
  readonly action: string;
  readonly queue: string | null;
  readonly region: string;
  readonly signal?: AbortSignal | undefined;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint?: string;
}

const AUTHENTICATION = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'ExpiredToken',
  'ExpiredTokenException',
  'OptInRequired',
  'InvalidSecurity',
]);
const CLOCK = new Set(['RequestExpired', 'RequestTimeTooSkewed', 'RequestInTheFuture']);
const DENIED = new Set(['AccessDenied', 'AccessDeniedException', 'AuthorizationError', 'NotAuthorized']);
const NO_QUEUE = new Set([
  'QueueDoesNotExist',
  'AWS.SimpleQueueService.NonExistentQueue',
  'NonExistentQueue',
  // The URL or the account in it cannot belong to SQS.
  'InvalidAddress',
]);
const THROTTLES = new Set([
  'RequestThrottled',
  'RequestThrottledException',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
  'KmsThrottled',
  'SlowDown',
]);
/**
 * Errors of the key that a queue is encrypted with:
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
const KMS_FAULTS = new Map([
  ['KmsDisabled', 'it is disabled'],
  ['KmsInvalidState', 'its state does not allow that'],
  ['KmsInvalidKeyUsage', 'it is not a key for encryption, or does not know the algorithm'],
  ['KmsNotFound', 'it does not exist'],
  ['KmsOptInRequired', 'the account has no subscription for that'],
]);
const STALE_RECEIPT = new Set([
  'ReceiptHandleIsInvalid',
  'MessageNotInflight',
  'AWS.SimpleQueueService.MessageNotInflight',
]);
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html */
const SERVER_FAULTS = new Set([
  'InternalError',
  'InternalFailure',
  'InternalServiceError',
  'InternalServerError',
  'ServiceUnavailable',
  'ServiceUnavailableException',
]);
const UNKNOWN_ACTION = new Set([
  'UnknownOperationException',
  'UnsupportedOperation',
  'AWS.SimpleQueueService.UnsupportedOperation',
  'InvalidAction',
]);
/**
 * Turns an error of the SDK into our words. Only the name, code and status of the foreign object are read. Its text is
 * read only if SQS speaks of the request's parameters: signature errors quote the signed request.
 */
export function translate(error: unknown, attempt: Attempt): MqError {
  if (isMqError(error)) return error;
  if (nameOf(error) === 'AbortError' && attempt.signal?.aborted) return abortedError(attempt.signal);
  const meaning = meaningOf(error, attempt);
  return new MqError(meaning.code, meaning.text, {
    backend: 'sqs',
    operation: attempt.action,
    queue: attempt.queue ?? undefined,
    hint: meaning.hint,
    cause: error,
  });
}

/**
 * True if the request that failed was certainly not carried out: it did not reach a server, or the server refused it.
 * After any other error (a cut connection, a timeout, a server error) it may have been.
 */
export function wasNotCarriedOut(error: unknown): boolean {
  const cause = isMqError(error) ? (error.cause ?? error) : error;
  if (neverConnected(cause) || cause instanceof CredentialsFailure) return true;
  const status = statusOf(cause);
  return status !== null && status >= 400 && status < 500;
}

/**
 * True if the request was certainly not carried out and may succeed a little later: throttled, not connected, or SQS
 * itself reports an error of its own. An error page of a server in between may hide a request that was carried out.
 */
export function mayComeLater(error: unknown): boolean {
  if (!isMqError(error)) return false;
  return error.code === 'THROTTLED' || neverConnected(error.cause) || SERVER_FAULTS.has(nameOf(error.cause));
}

/**
 * SQS refused a queue because it does not find the target of its redrive policy. Only the text of the parameter's fault
 * says so.
 */
export function isTargetUnknown(error: unknown): boolean {
  return isMqError(error) && wasNotCarriedOut(error) && /dead.?letter target/i.test(textOf(error.cause));
}

/** The server does not know the action: some servers that speak SQS's protocol lack part of it. */
export function isUnknownAction(error: unknown): boolean {
  return isMqError(error) && UNKNOWN_ACTION.has(nameOf(error.cause));
}

function meaningOf(error: unknown, attempt: Attempt): Meaning {
  const name = nameOf(error);
  const status = statusOf(error);
  const text = textOf(error);
  if (error instanceof CredentialsFailure) return meaningOfCredentials(error.cause);
  if (CLOCK.has(name) || (AUTHENTICATION.has(name) && /signature expired|not yet current/i.test(text))) {
    return {
      code: 'UNAUTHENTICATED',
      text: 'AWS refused the request because the clock of this machine is wrong',
      hint: 'set the clock (more than five minutes off is refused) and try again',
    };
  }
  if (AUTHENTICATION.has(name) && /scoped to a valid region/i.test(text)) {
    return {
      code: 'UNAUTHENTICATED',
      text: `the request was signed for region ${attempt.region}, and the server is in another`,
      hint: 'name the region of the endpoint: sqs://REGION?endpoint=…',
    };
  }
  if (AUTHENTICATION.has(name)) {
    return /^ExpiredToken/.test(name)
      ? { code: 'UNAUTHENTICATED', text: 'the AWS session token has expired', hint: 'sign in again, then retry' }
      : {
          code: 'UNAUTHENTICATED',
          text: `AWS did not accept the credentials (${name})`,
          hint: 'check which profile or key is in use (aws sts get-caller-identity), and that the account has turned the region on',
        };
  }
  if (name === 'KmsAccessDenied') {
    return {
      code: 'PERMISSION_DENIED',
      text: `no permission to use the queue’s KMS key for sqs:${attempt.action}`,
      hint: 'sending needs kms:GenerateDataKey and kms:Decrypt, receiving needs kms:Decrypt on that key',
    };
  }
  const kms = KMS_FAULTS.get(name);
  if (kms !== undefined) {
    return {
      code: 'PRECONDITION_FAILED',
      text: `the queue’s KMS key cannot be used for sqs:${attempt.action}: ${kms}`,
      hint: 'mq inspect shows the key (KmsMasterKeyId).',
    };
  }
  if (DENIED.has(name)) {
    return {
      code: 'PERMISSION_DENIED',
      text: `no permission for sqs:${attempt.action}`,
      hint: `allow sqs:${attempt.action} on the queue in the identity’s policy, and look for a Deny in the queue’s own policy`,
    };
  }
  if (NO_QUEUE.has(name)) {
    return {
      code: 'QUEUE_NOT_FOUND',
      text:
        attempt.queue === null
          ? `no such queue in ${attempt.region}`
          : `there is no queue ${attempt.queue} in ${attempt.region}`,
      hint: 'names are per account and region: check both. A queue of another account is named by its URL or ARN.',
    };
  }
  if (THROTTLES.has(name) || status === 429) {
    return { code: 'THROTTLED', text: `SQS throttled sqs:${attempt.action}`, hint: 'try again, slower (--rate)' };
  }
  return meaningOfState(name, attempt) ?? meaningOfTransport(error, name, status, text, attempt);
}

function meaningOfState(name: string, attempt: Attempt): Meaning | null {
  if (STALE_RECEIPT.has(name)) {
    return {
      code: 'PRECONDITION_FAILED',
      text: 'the hold on the message had ended (its receipt is no longer valid)',
    };
  }
  switch (name) {
    case 'OverLimit':
    case 'AWS.SimpleQueueService.OverLimit':
      return {
        code: 'LIMIT_EXCEEDED',
        text: `SQS has reached a limit of the queue (sqs:${attempt.action})`,
        ...(attempt.action === 'ReceiveMessage'
          ? { hint: 'about 120,000 messages may be in flight: wait until consumers have deleted some' }
          : {}),
      };
    case 'PurgeQueueInProgress':
    case 'AWS.SimpleQueueService.PurgeQueueInProgress':
      return {
        code: 'LIMIT_EXCEEDED',
        text: 'the queue was purged less than a minute ago',
        hint: 'SQS allows one purge per queue per 60 seconds',
      };
    case 'QueueDeletedRecently':
    case 'AWS.SimpleQueueService.QueueDeletedRecently':
      return {
        code: 'PRECONDITION_FAILED',
        text: 'a queue of this name was deleted less than a minute ago',
        hint: 'SQS allows the name again 60 seconds after the deletion',
      };
    case 'ResourceNotFoundException':
      return { code: 'QUEUE_NOT_FOUND', text: 'SQS does not find a queue of the move task, or the task itself' };
    case 'QueueNameExists':
    case 'QueueAlreadyExists':
      return { code: 'ALREADY_EXISTS', text: `there is a queue ${attempt.queue} already, with other attributes` };
    default:
      return null;
  }
}

function meaningOfTransport(
  error: unknown,
  name: string,
  status: number | null,
  text: string,
  attempt: Attempt,
): Meaning {
  const code = connectionCode(error);
  // The SDK also calls a connection that was cut a timeout.
  if (name === 'TimeoutError' && code !== 'ECONNRESET' && code !== 'EPIPE')
    return { code: 'TIMEOUT', text: `SQS did not answer sqs:${attempt.action} in time` };
  if (code !== null) {
    return {
      code: 'UNAVAILABLE',
      text: `SQS in ${attempt.region} cannot be reached (${code})`,
      hint: connectionHint(code),
    };
  }
  if (status !== null && status >= 500)
    return { code: 'UNAVAILABLE', text: `SQS answered sqs:${attempt.action} with ${status}` };
  // The SDK could not read the answer. Its text quotes the answer and itself.
  if (name === 'SyntaxError') {
    return {
      code: 'UNEXPECTED_RESPONSE',
      text: `the server that answered sqs:${attempt.action} is not SQS${status === null ? '' : ` (it says ${status})`}`,
      hint: 'check the endpoint, and whether a proxy answers in its place',
    };
  }
  if (status !== null && status >= 400) {
    return {
      code: status === 403 ? 'PERMISSION_DENIED' : 'UNEXPECTED_RESPONSE',
      text: `SQS refused sqs:${attempt.action}: ${text === '' ? name : text} (${name})`,
    };
  }
  return { code: 'UNEXPECTED_RESPONSE', text: `sqs:${attempt.action} failed in a way that mq does not know (${name})` };
}
