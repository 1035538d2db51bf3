import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { upwards } from '../../config/places.ts';
import { errnoOf } from '../../config/private-file.ts';
import { MqError } from '../../contract/errors.ts';

export const COMPLETION_SHELLS = ['bash', 'zsh', 'fish'] as const;

/** The script for a shell, from `completions/` of the package, beside the folder of the program. */
export async function completionScript(shell: string): Promise<string> {
  for (const folder of upwards(dirname(fileURLToPath(import.meta.url)))) {
    try {
      return await readFile(join(folder, 'completions', `mq.${shell}`), 'utf8');
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  throw new MqError('PRECONDITION_FAILED', `this installation of mq has no script for ${shell}`, {
    hint: 'install the package mqops again',
  });
}
