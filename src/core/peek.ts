import { ask } from '../contract/ask.ts';
import type { Broker } from '../contract/broker.ts';
import type { Call } from '../contract/call.ts';
import { MqError } from '../contract/errors.ts';
import type { Message, MessageState } from '../contract/message.ts';
import type { Queue } from '../contract/queue.ts';
import { type LocatedDeadLetters, locateDeadLetters } from './dead-letters.ts';
import { depthNow } from './depth.ts';
import { weighLook } from './look.ts';
import type { SelectionOptions } from './selection.ts';
import { selection } from './selection.ts';

export interface PeekRequest extends SelectionOptions, Call {
  readonly broker: Broker;
  readonly queue: Queue;
  /** `dead` means the dead letters of the queue, wherever they are kept. */
  readonly state: MessageState;
  /** The largest number of matching messages to show; null: all. */
  readonly limit: number | null;
  readonly force: boolean;
}

/**
 * Looks without taking. Tells the price, if there is one, and what was left undecided by `notice`. If looking disturbs,
 * it looks at no more messages than are asked for, unless a selection makes that necessary.
 */
export async function* peekMessages(request: PeekRequest): AsyncGenerator<Message> {
  const { broker, queue, limit, notice, signal, force } = request;
  const located = request.state === 'dead' ? await locateDeadLetters(broker, queue, signal) : null;
  if (located !== null && !located.linked && located.links.keptIn.place === 'nowhere' && located.links.keptIn.why)
    notice(`${queue.name} has no dead letters of its own: ${located.links.keptIn.why}`);
  const holder = located?.holder ?? queue;
  const state = located === null ? request.state : located.state;
  const { declared, peek: look } = ask(holder, 'peek');
  if (!declared.states.includes(state)) {
    throw new MqError('NOT_SUPPORTED', `kind ${holder.kind} cannot show its ${state} messages`, {
      hint: `it can show: ${declared.states.join(', ')}`,
      backend: holder.capabilities.broker,
      operation: 'peek',
      queue: holder.name,
    });
  }
  const { everything } = selection(request, located?.only ?? null);
  const { now, count } = everything
    ? { now: undefined, count: null }
    : await depthNow(holder, state, { notice, signal });
  const chosen = selection(request, located?.only ?? null, now);
  await weighLook({
    source: holder,
    state,
    looks: everything ? limit : count,
    givesBack: 'all',
    force,
    notice,
    signal,
  });
  const peek = await look({ state, limit: everything ? limit : null, force, notice, signal });
  let shown = 0;
  for await (const message of peek) {
    if (signal.aborted) break;
    await chosen.learn(message);
    const verdict = chosen.verdict(message);
    await chosen.turn();
    if (verdict === 'leave') continue;
    // To a consumer of the dead-letter queue it is ready. To the operator who asked it is a dead letter.
    yield located === null ? message : await deadLetter(message, located);
    shown += 1;
    if (limit !== null && shown >= limit) break;
  }
  const remarks = chosen.remarks();
  // No look could have found one, so an empty result would be no answer.
  if (chosen.undecided) throw undecided(holder, remarks);
  for (const remark of remarks) notice(remark);
}

function undecided(holder: Queue, remarks: readonly string[]): MqError {
  return new MqError('USAGE', remarks.join('; '), {
    hint: "ask for what a message may lack before it is compared: 'has(body.total) && body.total > 100'; see 'mq help filters'",
    backend: holder.capabilities.broker,
    operation: 'peek',
    queue: holder.name,
  });
}

async function deadLetter(message: Message, { originOf }: LocatedDeadLetters): Promise<Message> {
  const { dead } = message;
  if (dead === null) return { ...message, state: 'dead' };
  return { ...message, state: 'dead', dead: { ...dead, from: dead.from ?? (await originOf(message)) } };
}
