import { ask, askIfAble } from '../../contract/ask.ts';
import { MqError } from '../../contract/errors.ts';
import type { DeadLetters, Queue } from '../../contract/queue.ts';
import { counted } from '../../core/counted.ts';
import { EXIT } from '../../core/exit-codes.ts';
import { capital } from '../../core/plan-words.ts';
import { type Told, told } from '../../core/told.ts';
import { isDocumentFormat, printDocument } from '../output/documents.ts';
import { confirm, requireSomebodyToAsk } from '../session/asking.ts';
import { defineVerb, word } from '../verb.ts';

export interface DeleteOptions {
  readonly queue: string;
}

export const deleteQueue = defineVerb<object, DeleteOptions>({
  effect: "Deletes the queue and every message in it. Asks for the queue's name unless --yes is given.",
  examples: ['mq delete old-orders', 'mq delete old-orders --yes'],
  declare(command) {
    command.argument('<queue>', 'the queue');
  },
  parse([queue], _flags, session) {
    requireSomebodyToAsk(session);
    return { queue: word(queue) };
  },
  async run({ queue: name }, session) {
    const format = session.format('table', 'json', 'ndjson', 'yaml');
    await session.withBroker(async (broker) => {
      const queue = await session.within('delete', (signal) => broker.queue(name, signal));
      ask(queue, 'delete');
      if (broker.delete === undefined) {
        throw new MqError('NOT_SUPPORTED', `queues cannot be deleted on ${broker.name}`, {
          backend: broker.name,
          queue: name,
        });
      }
      const { depth, dead } = await session.within('delete', (signal) => queue.stats(signal));
      const links = await told(
        session.within(
          'delete',
          async (signal) => (await askIfAble(queue, 'deadLetters')?.deadLetters(signal)) ?? null,
        ),
      );
      const died = dead === null ? 'an unknown number of dead letters' : counted(dead ?? 0, 'dead letter');
      const lost = [
        depth === null ? 'an unknown number of messages' : counted(depth, 'message'),
        ...(dead === undefined || keepsApart(queue) ? [] : [died]),
      ];
      await confirm(session, {
        lines: [
          `Delete queue ${name} on ${broker.name} (${broker.address})?`,
          `  with everything in it: ${lost.join(' and ')}. This cannot be undone.`,
          ...(keepsApart(queue) ? staying(died, dead, links) : []),
          ...sourcesLine(links.value),
        ],
        typed: name,
        about: name,
      });
      const remove = broker.delete.bind(broker);
      const removed = await session.within('delete', (signal) => remove(name, signal));
      if (isDocumentFormat(format)) {
        await printDocument(session, format, { operation: 'delete', queue: name, broker: broker.name, lost: removed });
      }
      const count = removed === null ? 'an unknown number of messages' : counted(removed, 'message');
      session.messages.summary(`deleted ${name} and ${count} with it`);
    });
    return EXIT.done;
  },
});

function keepsApart({ capabilities }: Queue): boolean {
  const { deadLetters } = capabilities.abilities;
  return deadLetters.supported && deadLetters.keptIn === 'queue';
}

/** It does not contain what the queue lost before. */
function staying(died: string, dead: number | null | undefined, told: Told<DeadLetters | null>): readonly string[] {
  // They may be in it, and are deleted with it.
  if (dead === null && told.why !== null) return [`  ${capital(told.why)}.`];
  const links = told.value;
  if (dead === undefined || dead === 0 || links?.keptIn.place === 'nowhere') return [];
  const where = links?.keptIn.place === 'queue' ? links.keptIn.queue : 'its dead-letter queue';
  return [`  ${capital(died)} in ${where} ${dead === 1 ? 'stays' : 'stay'} there.`];
}

/** Deleting a dead-letter queue affects other queues, too. */
function sourcesLine(links: DeadLetters | null): readonly string[] {
  const { sources = null } = links ?? {};
  return sources === null || sources.length === 0 ? [] : [`  The dead letters of ${sources.join(', ')} go here.`];
}
