/**
 * The default names that frameworks give to the queues of messages that they have given up on. The conventions name the
 * sources.
 */
const NAMES: readonly { readonly framework: string; readonly name: RegExp }[] = [
  { framework: 'MassTransit', name: /^(.+)_(?:error|skipped)$/ },
  { framework: 'EasyNetQ', name: /^EasyNetQ_Default_Error_Queue$/ },
  { framework: 'Wolverine', name: /^wolverine-dead-letter-queue$/ },
  { framework: 'NServiceBus or Rebus', name: /^error$/ },
];

/**
 * A note in the statistics of a queue without links, if only its name is known: whose dead letters it may hold, and how
 * to see them. Null for any other name.
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
