/**
 * The names that frameworks give to the queues of what they have given up on, unless they are told others; the sources
 * are with the conventions.
 */
const NAMES: readonly { readonly framework: string; readonly name: RegExp }[] = [
  { framework: 'MassTransit', name: /^(.+)_(?:error|skipped)$/ },
  { framework: 'EasyNetQ', name: /^EasyNetQ_Default_Error_Queue$/ },
  { framework: 'Wolverine', name: /^wolverine-dead-letter-queue$/ },
  { framework: 'NServiceBus or Rebus', name: /^error$/ },
];

/**
 * For a note in the statistics of a queue without links, where nothing but its name is known: whose dead letters it may
 * hold, and how to see them. Null for any other name.
 */
export function parkedNote(queue: string): string | null {
  for (const { framework, name } of NAMES) {
    const found = name.exec(queue);
    if (found === null) continue;
    const of = found[1] === undefined ? '' : ` in ${found[1]}`;
    return `by its name it holds what ${framework} could not handle${of}: mq stats ${queue} --dead groups it`;
  }
  return null;
}
