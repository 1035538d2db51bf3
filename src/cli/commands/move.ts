import { moveVerb } from '../transfer/move-verb.ts';

export const move = moveVerb('move', {
  effect: 'Moves messages: each leaves FROM only when TO has it for certain. Asks unless --yes is given.',
  examples: [
    'mq move orders orders-eu --filter \'body.region == "eu"\' --yes',
    'mq move orders orders --to-url @staging --max 100 --dry-run',
  ],
});
