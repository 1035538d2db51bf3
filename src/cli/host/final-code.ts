import { EXIT, type ExitCode } from '../../core/exit-codes.ts';
import type { StopCause } from './host.ts';

/** The exit code of a verb that ended with `outcome` after the process was told to stop; null: it was not told to. */
export function finalCode(outcome: ExitCode, cause: StopCause | null): ExitCode {
  if (outcome === EXIT.internal) return outcome;
  switch (cause) {
    case 'SIGHUP':
      return EXIT.hungUp;
    case 'SIGINT':
      return EXIT.interrupted;
    case 'SIGTERM':
      return EXIT.terminated;
    case 'stdout-failed':
      return outcome === EXIT.interrupted || outcome === EXIT.done ? EXIT.failed : outcome;
    case 'stdout-closed':
      // A reader that closed the pipe has what it wanted. A real failure still counts.
      return outcome === EXIT.interrupted ? EXIT.done : outcome;
    case null:
      return outcome;
  }
}
