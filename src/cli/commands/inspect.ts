import { ask, askIfAble } from '../../contract/ask.ts';
import { MqError } from '../../contract/errors.ts';
import type { DeadLetters, Queue } from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { toEnvelope } from '../../core/envelope.ts';
import { EXIT, type ExitCode } from '../../core/exit-codes.ts';
import { safe } from '../../core/safe-text.ts';
import { told } from '../../core/told.ts';
import { bodyRedaction } from '../output/body-redaction.ts';
import { printBox } from '../output/box.ts';
import { isDocumentFormat, printDocument } from '../output/documents.ts';
import { messageText } from '../output/message-view.ts';
import { figure, statsDocument } from '../output/stats-view.ts';
import type { Session } from '../session/session.ts';
import { defineVerb, word } from '../verb.ts';

export interface InspectOptions {
  readonly queue: string;
  /** Null: the queue itself. */
  readonly id: string | null;
}

export const inspect = defineVerb<object, InspectOptions>({
  effect: 'Only reads.',
  examples: ['mq inspect orders', 'mq inspect orders 42 -o json'],
  declare(command) {
    command.argument('<queue>', 'the queue').argument('[id]', 'one message of it');
  },
  parse([queue, id]) {
    return { queue: word(queue), id: typeof id === 'string' ? id : null };
  },
  run(options, session) {
    const target = session.target();
    return session.withBroker(async (broker) => {
      const queue = await session.within('inspect', (signal) => broker.queue(options.queue, signal));
      return options.id === null
        ? inspectQueue(session, queue, target.context)
        : inspectMessage(session, queue, options.id);
    }, target);
  },
});

async function inspectQueue(session: Session, queue: Queue, context: string | null): Promise<ExitCode> {
  const format = session.format('table', 'json', 'ndjson', 'yaml');
  const stats = await told(session.within('inspect', (signal) => queue.stats(signal)));
  const description = await told(session.within('inspect', (signal) => queue.describe(signal)));
  // If nothing of a queue can be read, it is not shown as one that has nothing.
  if (stats.value === null && description.value === null) throw stats.error;
  const deadLetters = await told(
    session.within('inspect', async (signal) => {
      const links = (await askIfAble(queue, 'deadLetters')?.deadLetters(signal)) ?? null;
      return links === null
        ? null
        : { keptIn: links.keptIn, sources: links.sources ?? (await links.readSources?.()) ?? null };
    }),
  );
  const links = deadLetters.value;
  const { configuration = null, details = null, consumers = null } = description.value ?? {};
  /** The parts that could not be read, with the reasons. */
  const notes: Record<string, string> = {
    ...(stats.why === null ? {} : { stats: stats.why }),
    ...(description.why === null ? {} : { configuration: description.why }),
    ...(deadLetters.why === null ? {} : { deadLetters: deadLetters.why }),
  };
  if (isDocumentFormat(format)) {
    await printDocument(session, format, {
      queue: queue.name,
      kind: queue.kind,
      broker: queue.capabilities.broker,
      stats: stats.value === null ? null : statsDocument(stats.value, context),
      configuration,
      details,
      consumers,
      deadLetters: links,
      capabilities: queue.capabilities,
      notes,
    });
    return EXIT.done;
  }
  const abilities = Object.entries(queue.capabilities.abilities);
  const rows: readonly (readonly [string, unknown])[] = [
    ['queue', queue.name],
    ['broker', queue.capabilities.broker],
    ['kind', queue.kind],
    ...(stats.value === null ? [['figures', unread(stats.why)] as const] : figureRows(stats.value)),
    ['dead letters', deadLetters.value === null ? unread(deadLetters.why) : deadLetterText(deadLetters.value)],
    ...(description.value === null ? [['configuration', unread(description.why)] as const] : []),
    ...Object.entries(configuration ?? {}).map(set),
    ...Object.entries(details ?? {}).map(set),
    ['consumers', consumers === null ? null : consumers.length],
    ...(consumers ?? []).map((consumer, at) => [`consumer ${at + 1}`, consumer] as const),
    ['can', abilities.flatMap(([name, ability]) => (ability.supported ? [name] : [])).join(', ')],
    ['cannot', abilities.flatMap(([name, ability]) => (ability.supported ? [] : [name])).join(', ') || '-'],
  ];
  await printBox(
    session,
    null,
    rows.filter(([, value]) => value !== undefined).map(([key, value]) => [safe(key), cell(value)]),
  );
  for (const [field, note] of Object.entries(stats.value?.notes ?? {})) session.messages.note(`${field}: ${note}`);
  return EXIT.done;
}

function figureRows(stats: QueueStats): readonly (readonly [string, unknown])[] {
  /** A state that the kind does not have has no line. */
  const count = (field: 'ready' | 'inFlight' | 'delayed' | 'dead'): string | undefined =>
    stats[field] === undefined ? undefined : figure(stats, field, stats[field], String);
  return [
    ['state', stats.state],
    ['ready', count('ready')],
    ['in-flight', count('inFlight')],
    ['delayed', count('delayed')],
    ['dead', count('dead')],
  ];
}

/** Undefined: there is nothing to read. */
function unread(why: string | null): string | undefined {
  return why === null ? undefined : `? (${why})`;
}

function deadLetterText({ keptIn, sources }: Pick<DeadLetters, 'keptIn' | 'sources'>): string {
  const place = placeText(keptIn);
  if (sources === null) return `${place}; whose dead letters it holds could not be read`;
  return sources.length === 0 ? place : `${place}; holds those of ${sources.join(', ')}`;
}

function placeText(keptIn: DeadLetters['keptIn']): string {
  switch (keptIn.place) {
    case 'state':
      return 'kept in this queue';
    case 'queue':
      return `go to ${keptIn.queue}`;
    case 'nowhere':
      return keptIn.why === undefined ? 'none, or dropped' : `none: ${keptIn.why}`;
  }
}

/** A setting that is null is not set. A figure that is null is unknown. */
function set([key, value]: readonly [string, unknown]): readonly [string, unknown] {
  return [key, value ?? '-'];
}

function cell(value: unknown): string {
  if (value === null) return '?';
  return safe(typeof value === 'string' ? value : JSON.stringify(value));
}

async function inspectMessage(session: Session, queue: Queue, id: string): Promise<ExitCode> {
  const format = session.format('text', 'json', 'ndjson', 'yaml');
  const { get } = ask(queue, 'get');
  const found = await session.within('inspect', (signal) => get(id, signal));
  if (found === null) {
    throw new MqError('MESSAGE_NOT_FOUND', `no message ${id} in ${queue.name}`, {
      hint: `see 'mq peek' for the ids that are there`,
      queue: queue.name,
    });
  }
  const message = bodyRedaction(session)(found);
  if (isDocumentFormat(format)) {
    await printDocument(session, format, toEnvelope(message));
  } else {
    const { stdout } = session.host;
    const strong = (text: string): string => session.paint(stdout, 'bold', text);
    await stdout.write(`${messageText(message, session.host.now(), strong)}\n`);
  }
  return EXIT.done;
}
