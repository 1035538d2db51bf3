import type { ErrorCode } from '../contract/errors.ts';
import type { AnyReport } from './report.ts';

/** The results that a script can act on. Every way for `mq` to end is in this object and nowhere else. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  partly: 3,
  notFound: 4,
  unavailable: 5,
  refused: 6,
  notSupported: 7,
  threshold: 8,
  internal: 70,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitName = keyof typeof EXIT;
export type ExitCode = (typeof EXIT)[ExitName];

export const EXIT_MEANINGS: Readonly<Record<ExitName, string>> = {
  done: 'done (also: nothing matched, or the reader closed the pipe)',
  failed: 'failed, or declined at the prompt',
  usage: 'asked wrongly; nothing was attempted',
  partly: 'partly done; the report says which',
  notFound: 'no such queue, message or context',
  unavailable: 'broker unavailable; worth trying again',
  refused: 'refused by the broker: login or permission',
  notSupported: 'this kind of queue cannot do that',
  threshold: 'a threshold was crossed',
  internal: 'a bug in mq',
  hungUp: 'the terminal was closed (SIGHUP)',
  interrupted: 'interrupted (SIGINT)',
  terminated: 'terminated (SIGTERM)',
};

const EXIT_OF_ERROR = {
  PRECONDITION_FAILED: 'failed',
  ALREADY_EXISTS: 'failed',
  LIMIT_EXCEEDED: 'failed',
  UNEXPECTED_RESPONSE: 'failed',
  CANCELLED: 'failed',
  USAGE: 'usage',
  CONFIG_INVALID: 'usage',
  CONFIRMATION_REQUIRED: 'usage',
  QUEUE_NOT_FOUND: 'notFound',
  MESSAGE_NOT_FOUND: 'notFound',
  CONTEXT_NOT_FOUND: 'notFound',
  UNAVAILABLE: 'unavailable',
  TIMEOUT: 'unavailable',
  THROTTLED: 'unavailable',
  UNAUTHENTICATED: 'refused',
  PERMISSION_DENIED: 'refused',
  NOT_SUPPORTED: 'notSupported',
  INTERNAL: 'internal',
  ABORTED: 'interrupted',
} as const satisfies Record<ErrorCode, ExitName>;

export function exitCodeOf(code: ErrorCode): ExitCode {
  return EXIT[EXIT_OF_ERROR[code]];
}

/** The exit code of a run that has this report. */
export function exitOf(report: AnyReport): ExitCode {
  if (report.code !== undefined) return exitCodeOf(report.code);
  return report.failed > 0 || report.unknown > 0 || !report.complete ? EXIT.partly : EXIT.done;
}

/** The lines under "Exit codes" in every help text. */
export function exitCodesHelp(): string {
  const names = Object.keys(EXIT) as ExitName[];
  return names.map((name) => `  ${EXIT[name].toString().padStart(3)}  ${EXIT_MEANINGS[name]}`).join('\n');
}
