/**
 * The closed set of error codes. Codes are stable and public (they appear in `{"error":{"code":…}}`). Messages may
 * improve. `core/exit-codes.ts` maps each code to an exit code.
 */
export const ERROR_CODES = [
  'PRECONDITION_FAILED',
  'ALREADY_EXISTS',
  'LIMIT_EXCEEDED',
  'UNEXPECTED_RESPONSE',
  'CANCELLED',
  'USAGE',
  'CONFIG_INVALID',
  'CONFIRMATION_REQUIRED',
  'QUEUE_NOT_FOUND',
  'MESSAGE_NOT_FOUND',
  'CONTEXT_NOT_FOUND',
  'UNAVAILABLE',
  'TIMEOUT',
  'THROTTLED',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'NOT_SUPPORTED',
  'INTERNAL',
  'ABORTED',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorDetails {
  /** What to try next, in one sentence. */
  readonly hint?: string | undefined;
  readonly backend?: string | undefined;
  readonly operation?: string | undefined;
  readonly queue?: string | undefined;
  /** True if the same call may succeed later without any other change. */
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

/** In the registry of symbols that all copies of this module share. */
const IS_MQ_ERROR = Symbol.for('mqops.error');

/**
 * The one error class. Any other error that reaches `main` is a bug of ours.
 *
 * `message` says what failed, on what, and why. It may quote the broker but never a credential. Client libraries keep
 * passwords in their error objects, so a backend copies the sentences that it wants and never a foreign object. `cause`
 * is only for a debugger; nothing prints it.
 */
export class MqError extends Error {
  override readonly name = 'MqError';
  readonly [IS_MQ_ERROR] = true;
  readonly code: ErrorCode;
  readonly hint: string | null;
  readonly backend: string | null;
  readonly operation: string | null;
  readonly queue: string | null;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint ?? null;
    this.backend = details.backend ?? null;
    this.operation = details.operation ?? null;
    this.queue = details.queue ?? null;
    this.retryable = details.retryable ?? (code === 'UNAVAILABLE' || code === 'TIMEOUT' || code === 'THROTTLED');
  }
}

const CODES: ReadonlySet<unknown> = new Set(ERROR_CODES);

/**
 * Recognises an `MqError` of any copy of this module: a third-party backend brings its own copy, which `instanceof`
 * does not know. An error with a code that is not in `ERROR_CODES` does not count.
 */
export function isMqError(value: unknown): value is MqError {
  return value instanceof Error && IS_MQ_ERROR in value && 'code' in value && CODES.has(value.code);
}

/**
 * The error of a call whose signal was aborted. A deadline aborts with its own `MqError` as the reason, and that is
 * kept.
 */
export function abortedError(signal: AbortSignal): MqError {
  return isMqError(signal.reason) ? signal.reason : new MqError('ABORTED', 'interrupted');
}

/** Throws if the signal is aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortedError(signal);
}
