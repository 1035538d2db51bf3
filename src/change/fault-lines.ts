import type { AnyReport } from '../core/report.ts';

const SHOWN = 10;

/** The failures, one line per message. `elsewhere`: where the rest of them can be seen. */
export function faultLines({ failures }: AnyReport, elsewhere: string): readonly string[] {
  const lines = failures
    .slice(0, SHOWN)
    .map(({ id, reason }) => `${id === null ? 'a message' : `message ${id}`}: ${reason}`);
  return failures.length > SHOWN ? [...lines, `… and ${failures.length - SHOWN} more${elsewhere}`] : lines;
}
