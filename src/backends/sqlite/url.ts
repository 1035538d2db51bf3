import { resolve } from 'node:path';
import { MqError } from '../../contract/errors.ts';

export const IN_MEMORY = ':memory:';

/**
 * The file that `sqlite:PATH` names, as an absolute path, or `:memory:`. The path is used as it is written, without
 * percent-decoding. The `//` of `sqlite:///abs/path` is dropped. Throws `USAGE` for an empty path and for a parameter.
 * There are no parameters: a misspelt one would become part of the name of another file.
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
  // An absolute path also keeps SQLite from reading a name such as `file:x` as an address.
  return path === IN_MEMORY ? path : resolve(path);
}
