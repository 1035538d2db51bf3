import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const KEY = Symbol.for('mq tests: the folder of this run');

/**
 * Makes one folder the system's temporary folder for all that this run starts, and removes it when the runner ends,
 * whatever is left in it: Vitest's workers end without a goodbye, so a test file cannot be relied on to remove its own.
 */
export function ownTemporaryFolder(): void {
  const place = globalThis as { [KEY]?: string };
  if (place[KEY] !== undefined) return;
  const folder = mkdtempSync(join(tmpdir(), 'mq-tests-'));
  place[KEY] = folder;
  // Some tests run programs as an ordinary user.
  chmodSync(folder, 0o755);
  process.env.TMPDIR = folder;
  process.on('exit', () => {
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    } catch {
      // Servers that were not stopped still write: their guard removes what it finds. That must not make the run a
      // failure.
    }
  });
}
