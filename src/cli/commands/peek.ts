import { Option } from 'commander';
import { askIfAble } from '../../contract/ask.ts';
import { MqError } from '../../contract/errors.ts';
import { MESSAGE_STATES, type Message, type MessageState } from '../../contract/message.ts';
import type { Queue } from '../../contract/queue.ts';
import { EXIT } from '../../core/exit-codes.ts';
import { peekMessages } from '../../core/peek.ts';
import { type SelectionOptions, selection as selectionOf } from '../../core/selection.ts';
import { wholeNumber } from '../line/globals.ts';
import { openMessagePrinter } from '../output/message-printer.ts';
import type { Session } from '../session/session.ts';
import { addSelectionOptions, FORCE, type SelectionFlags, selectionFrom } from '../transfer/selection-flags.ts';
import { defineVerb, word } from '../verb.ts';

interface PeekFlags extends SelectionFlags {
  readonly limit?: number;
  readonly state?: MessageState;
  readonly dead?: boolean;
  readonly id?: string;
  readonly force?: boolean;
  readonly null?: boolean;
}

export interface PeekVerbOptions {
  readonly queue: string;
  /** Null: no state was asked for. */
  readonly state: MessageState | null;
  /** Null: all. */
  readonly limit: number | null;
  /** One message by its id; null: by position. */
  readonly id: string | null;
  readonly force: boolean;
  readonly selection: SelectionOptions;
  /** The separator between bodies with `-o body`. */
  readonly separator: string;
}

const DEFAULT_LIMIT = 10;

export const peek = defineVerb<PeekFlags, PeekVerbOptions>({
  effect: 'Looks without taking: every message stays in its queue. What looking costs on this kind of queue is said.',
  examples: ['mq peek orders', "mq peek orders --dead -n 0 -o ndjson --filter 'body.total > 100' | jq .id"],
  declare(command) {
    command
      .argument('<queue>', 'the queue')
      .addOption(
        new Option('-n, --limit <n>', `maximum number of messages (default: ${DEFAULT_LIMIT}; 0: all)`).argParser(
          wholeNumber(0),
        ),
      )
      .addOption(new Option('--state <state>', 'which messages; ready without it').choices(MESSAGE_STATES))
      .option('--dead', 'the dead letters of the queue, wherever they are kept')
      .option('--id <id>', 'the message with this id')
      .option('--force', FORCE)
      .option('--null', 'with -o body: a NUL between bodies instead of a newline');
    addSelectionOptions(command);
  },
  async parse([queue], flags, session) {
    if (flags.dead === true && flags.state !== undefined && flags.state !== 'dead') {
      throw new MqError('USAGE', `--dead and --state ${flags.state} contradict each other`);
    }
    if (flags.null === true && session.globals.output !== 'body') throw new MqError('USAGE', '--null needs -o body');
    const limit = flags.limit ?? DEFAULT_LIMIT;
    return {
      queue: word(queue),
      state: flags.dead === true ? 'dead' : (flags.state ?? null),
      limit: limit === 0 ? null : limit,
      id: flags.id ?? null,
      force: flags.force ?? false,
      selection: await selectionFrom(flags),
      separator: flags.null === true ? '\0' : '\n',
    };
  },
  async run(options, session) {
    const format = session.format('text', 'table', 'json', 'ndjson', 'yaml', 'body');
    const { id, force, limit, selection } = options;
    const state = options.state ?? 'ready';
    let shown = 0;
    await session.withBroker(async (broker) => {
      const queue = await session.within('peek', (signal) => broker.queue(options.queue, signal));
      const printer = await openMessagePrinter(session, format, options.separator);
      const show = async (message: Message): Promise<void> => {
        shown += 1;
        await printer.message(message);
      };
      try {
        const found = id === null ? null : await lookUp(session, queue, id);
        if (found !== null && isWanted(found, options)) await show(found);
        // Another message with the same id may be wanted, and dead letters may be kept in another queue.
        else if (id === null || found !== null || options.state !== null || queue.get === undefined) {
          const request = { ...selection, broker, queue, state, force, notice: session.notice };
          const messages = session.eachWithin('peek', (signal) =>
            peekMessages({ ...request, signal, limit: id === null ? limit : null }),
          );
          for await (const message of messages) {
            if (id !== null && message.id !== id) continue;
            await show(message);
            if (id !== null) break;
          }
        }
      } finally {
        await printer.end();
      }
      if (shown === 0 && id !== null) {
        const which = options.state === null ? 'message' : `${state} message`;
        const narrowed = selectionOf(selection).everything ? '' : ' that matches';
        throw new MqError('MESSAGE_NOT_FOUND', `no ${which} ${id} in ${queue.name}${narrowed}`, { queue: queue.name });
      }
      if (shown === 0)
        session.messages.note(`no ${state} messages${selection.filter === null ? '' : ' match'} in ${queue.name}`);
    });
    return EXIT.done;
  },
});

/** Null also if the kind finds no message by its id. */
async function lookUp(session: Session, queue: Queue, id: string): Promise<Message | null> {
  const { get } = askIfAble(queue, 'get') ?? { get: null };
  return get === null ? null : await session.within('peek', (signal) => get(id, signal));
}

function isWanted(message: Message, { state, selection }: PeekVerbOptions): boolean {
  return (state === null || message.state === state) && selectionOf(selection).verdict(message) !== 'leave';
}
