import type { WriteStream } from 'node:tty';

/**
 * A terminal that nobody has sized says 0 × 0 (a serial line, some containers): it gets the usual size, until somebody
 * does. Ink would open `/dev/tty` to ask for it at each frame, and not close it.
 */
export function sized(stdout: WriteStream): WriteStream {
  const give = (): void => {
    if (!(stdout.columns > 0)) stdout.columns = 80;
    if (!(stdout.rows > 0)) stdout.rows = 24;
  };
  give();
  // The first to hear of a change, so that all others see a size.
  stdout.prependListener('resize', give);
  return stdout;
}
