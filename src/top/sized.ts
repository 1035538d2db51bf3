import type { WriteStream } from 'node:tty';

/**
 * A terminal whose size was never set says 0 × 0 (a serial line, some containers). It gets the usual size until a size
 * is set. Otherwise Ink would open `/dev/tty` to ask for it at each frame, and not close it.
 */
export function sized(stdout: WriteStream): WriteStream {
  const give = (): void => {
    if (!(stdout.columns > 0)) stdout.columns = 80;
    if (!(stdout.rows > 0)) stdout.rows = 24;
  };
  give();
  // The first listener for a change, so that all others see a size.
  stdout.prependListener('resize', give);
  return stdout;
}
