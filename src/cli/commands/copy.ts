import { moveVerb } from '../transfer/move-verb.ts';

export const copy = moveVerb('copy', {
  effect: 'Writes messages to TO; nothing leaves FROM. Does not ask.',
  examples: ['mq copy orders orders-test --max 100', 'mq copy orders orders --to-url @staging --dead'],
});
