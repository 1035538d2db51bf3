import { resolve } from 'node:path';
import { MqError } from '../../contract/errors.ts';

export const IN_MEMORY = ':memory:';

/**
 * The file that `sqlite:PATH` names, as an absolute path, or `:memory:`. The path is taken as it stands (no
 * percent-decoding); the `//` of `sqlite:///abs/path` is dropped. Throws `USAGE` for an empty path, and for a
 * parameter, of which there is none: a misspelt one would be part of the name of another file.
 */
export function pathOf(url: string): string {
  const text = url.replace(/^sqlite:/i, '');
  const path = text.startsWith('//') ? text.slice(2) : text;
  if (path === '' || path.includes('\0')) {
    throw new MqError('USAGE', 'a sqlite: address needs the path of a file', {
      hint: 'for example sqlite:./queues.db, or sqlite::memory: for a test',
      backend: 'sqlite',
    });
  }
  if (/\?[A-Za-z_]*(?:=|&|$)/.test(path)) {
    throw new MqError('USAGE', 'a sqlite: address has no parameters', {
      hint: 'leave out the ? and what follows it',
      backend: 'sqlite',
    });
  }
  // An absolute path also keeps SQLite from reading a name such as `file:x` as an address of its own.
  return path === IN_MEMORY ? path : resolve(path);
}
