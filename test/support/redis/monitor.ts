import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** A command as the server was given it: its name in upper case, then its arguments. */
export type SeenCommand = readonly [name: string, ...args: string[]];

export interface RedisMonitor {
  /** All that the server ran since the monitor was opened, up to now: a mark sent last has come through. */
  seen(): Promise<readonly SeenCommand[]>;
  close(): void;
}

/**
 * What a server without password and TLS is told to do from now on, by `MONITOR`.
 *
 * Not by ioredis' `monitor()`: it takes a command for a reply to its own when that comes in one piece with the answer
 * to `MONITOR`, which was so in 27 of 1,000 tries with another client that was just connecting.
 */
export async function monitorRedis({ host, port }: { host: string; port: number }): Promise<RedisMonitor> {
  const socket = connect({ host, port });
  const commands: SeenCommand[] = [];
  const waiting = new Map<string, () => void>();
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
  const failed = new Promise<never>((_, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the monitored server closed the connection')));
  });
  // A test that closes the monitor waits for nothing more.
  failed.catch(() => undefined);
  const opened = once(lines, 'line') as Promise<[string]>;
  socket.write('MONITOR\r\n');
  const [answer] = await Promise.race([opened, failed]);
  if (answer !== '+OK') throw new Error(`MONITOR was answered with ${answer}`);
  lines.on('line', (line) => {
    const [name = '', ...args] = words(line);
    const mark = name.toUpperCase() === 'ECHO' ? waiting.get(args[0] ?? '') : undefined;
    if (mark === undefined) commands.push([name.toUpperCase(), ...args]);
    else mark();
  });
  return {
    async seen() {
      const mark = `mark-${crypto.randomUUID()}`;
      const marked = new Promise<void>((resolve) => waiting.set(mark, resolve));
      const other = connect({ host, port });
      try {
        other.write(`ECHO ${mark}\r\n`);
        await Promise.race([marked, failed]);
      } finally {
        other.destroy();
      }
      return [...commands];
    },
    close: () => socket.destroy(),
  };
}

/** The quoted words of `+1700000000.123456 [0 127.0.0.1:50000] "LPUSH" "jobs" "a \"b\""`; bytes come as `\xNN`. */
function words(line: string): string[] {
  const named: Record<string, string> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' };
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) =>
    word.replace(/\\(x[0-9a-f]{2}|.)/g, (_, code: string) =>
      code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (named[code] ?? code),
    ),
  );
}
