import { MqError } from '../../contract/errors.ts';

/** Splits `key=value` at the first `=`. The value may be empty. Throws `USAGE`. */
export function splitPair(text: string, flag: string): readonly [key: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new MqError('USAGE', `${flag} needs KEY=VALUE: ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/**
 * Several pairs as a record. The same key twice is refused, because one of the two values would be lost. Throws
 * `USAGE`.
 */
export function pairsToRecord(pairs: readonly string[], flag: string): Readonly<Record<string, string>> {
  const entries = new Map<string, string>();
  for (const pair of pairs) {
    const [key, value] = splitPair(pair, flag);
    if (entries.has(key)) throw new MqError('USAGE', `${flag} ${key} is given twice`);
    entries.set(key, value);
  }
  return Object.fromEntries(entries);
}
