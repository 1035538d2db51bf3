import { groupExpression } from '../../core/dead-letter-groups.ts';
import { shellWord } from '../../core/shell-word.ts';
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
  return ['mq', ...selector, verb, ...options, ...guard, ...operands].map(shellWord).join(' ');
}
