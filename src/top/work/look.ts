import { ask } from '../../contract/ask.ts';
import type { Broker } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import type { Message, MessageState } from '../../contract/message.ts';
import type { Queue } from '../../contract/queue.ts';
import { groupDeadLetters } from '../../core/dead-letter-groups.ts';
import { locateDeadLetters } from '../../core/dead-letters.ts';
import { peekMessages } from '../../core/peek.ts';
import { EVERYTHING } from '../../core/selection.ts';
import { told } from '../../core/told.ts';
import type { DeadLettersSeen, MessagesSeen, Overview } from '../state/detail.ts';
import type { Answer } from '../state/event.ts';

const DEAD_LETTERS_SEEN = 1_000;
const MESSAGES_SEEN = 200;

/** Never disturbs. */
export async function lookAtQueue(broker: Broker, name: string, signal: AbortSignal): Promise<Answer<Overview>> {
  const queue = await broker.queue(name, signal);
  const description = await told(queue.describe(signal));
  const links = await told(linksOf(queue, signal));
  const data = {
    description: description.value ?? {
      configuration: { 'could not be read': description.why },
      details: {},
      consumers: null,
    },
    links: links.value ?? [`could not be read: ${links.why}`],
  };
  return { status: 'ready', data };
}

async function linksOf(queue: Queue, signal: AbortSignal): Promise<readonly string[]> {
  const ability = queue.capabilities.abilities.deadLetters;
  if (!ability.supported) return [ability.reason];
  const { keptIn, sources } = await ask(queue, 'deadLetters').deadLetters(signal);
  return [
    keptIn.place === 'state'
      ? 'kept in the queue itself'
      : keptIn.place === 'queue'
        ? `go to ${keptIn.queue}`
        : `go nowhere: ${keptIn.why ?? 'none are made, or they are dropped'}`,
    ...(sources ?? []).filter((source) => source !== queue.name).map((source) => `come here from ${source}`),
  ];
}

/** A request to look at messages. */
export interface Look {
  readonly broker: Broker;
  readonly name: string;
  /** The operator has read what looking costs. */
  readonly consented: boolean;
  /** Hides what must not be shown. */
  readonly shown: (message: Message) => Message;
}

export async function lookAtDeadLetters(
  { broker, name, consented, shown }: Look,
  signal: AbortSignal,
): Promise<Answer<DeadLettersSeen>> {
  const queue = await broker.queue(name, signal);
  const located = await locateDeadLetters(broker, queue, signal);
  const price = consented ? null : priceOf(located.holder);
  if (price !== null) return { status: 'priced', price };
  const { messages, partial } = await look(broker, queue, 'dead', DEAD_LETTERS_SEEN, shown, signal);
  return { status: 'ready', data: { groups: groupDeadLetters(messages), seen: messages.length, partial } };
}

export async function lookAtMessages(
  { broker, name, consented, shown }: Look,
  signal: AbortSignal,
): Promise<Answer<MessagesSeen>> {
  const queue = await broker.queue(name, signal);
  const price = consented ? null : priceOf(queue);
  if (price !== null) return { status: 'priced', price };
  return { status: 'ready', data: await look(broker, queue, 'ready', MESSAGES_SEEN, shown, signal) };
}

/** The price of looking into this queue; null: it is free. Throws `NOT_SUPPORTED` if looking is not possible. */
function priceOf(queue: Queue): string | null {
  const { peek } = queue.capabilities.abilities;
  if (!peek.supported) {
    const message = `kind ${queue.kind} cannot show its messages: ${peek.reason}`;
    throw new MqError('NOT_SUPPORTED', message, { hint: peek.instead ?? undefined, queue: queue.name });
  }
  return peek.effect === 'free' ? null : (peek.note ?? 'looking disturbs the queue');
}

async function look(
  broker: Broker,
  queue: Queue,
  state: MessageState,
  limit: number,
  shown: (message: Message) => Message,
  signal: AbortSignal,
): Promise<MessagesSeen> {
  const messages: Message[] = [];
  // The price was told and accepted. `mq peek` tells the other notices. A harmful look is still refused: `force` is not
  // set.
  const request = { ...EVERYTHING, broker, queue, state, limit: limit + 1, force: false, notice: () => {}, signal };
  for await (const message of peekMessages(request)) messages.push(shown(message));
  return { messages: messages.slice(0, limit), partial: messages.length > limit };
}
