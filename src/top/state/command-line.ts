import { groupExpression } from '../../core/dead-letter-groups.ts';
import type { ActionRequest } from './action.ts';

/**
 * The command line that would do the same, quoted for a POSIX shell. `selector`: the options that choose the broker.
 */
export function commandLine(request: ActionRequest, selector: readonly string[]): string {
  const { verb, key, max, group, to, state } = request;
  const options = [
    ...(group === null ? [] : ['--filter', groupExpression(group)]),
    ...(max === null ? [] : ['--max', String(max)]),
    ...(verb === 'purge' && state === 'dead' ? ['--state', 'dead'] : []),
  ];
  // `--` because a queue may be called `--yes`.
  const operands = [key.queue, ...(to === null ? [] : [to])];
  const guard = operands.some((operand) => operand.startsWith('-')) ? ['--'] : [];
  return ['mq', ...selector, verb, ...options, ...guard, ...operands].map(quoted).join(' ');
}

/** What a terminal acts on is written as `$'\x1b'`, so that the line can be shown, copied and run as it is. */
function quoted(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  if (!/[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u.test(word))
    return `'${word.replaceAll("'", "'\\''")}'`;
  const escaped = word.replace(
    /[\\']|[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu,
    (character) => {
      if (character === '\\' || character === "'") return `\\${character}`;
      return [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
    },
  );
  return `$'${escaped}'`;
}
