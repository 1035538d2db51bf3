import { Option } from 'commander';
import type { Kind } from '../../contract/capabilities.ts';
import { MqError } from '../../contract/errors.ts';
import type { JsonValue } from '../../contract/message.ts';
import { EXIT } from '../../core/exit-codes.ts';
import { MANIFESTS } from '../brokers.ts';
import { collect, wholeNumber } from '../line/globals.ts';
import { splitPair } from '../line/pairs.ts';
import { isDocumentFormat, printDocument } from '../output/documents.ts';
import { sayMadeByDefault } from '../session/queues.ts';
import { defineVerb, word } from '../verb.ts';

interface CreateFlags {
  readonly kind?: Kind;
  readonly dlq?: string;
  readonly maxReceives?: number;
  readonly set?: readonly string[];
}

export interface CreateQueueOptions {
  readonly queue: string;
  readonly kind: Kind | null;
  readonly deadLetterQueue: string | null;
  readonly maxReceives: number | null;
  readonly settings: Readonly<Record<string, JsonValue>>;
}

export const create = defineVerb<CreateFlags, CreateQueueOptions>({
  effect: 'Creates a queue, and its dead-letter queue when that is missing.',
  examples: ['mq create orders --dlq orders-dlq --max-receives 5', 'mq create orders'],
  declare(command) {
    command
      .argument('<queue>', 'its name')
      .addOption(
        new Option('--kind <kind>', "what sort of queue (default: the broker's usual)").choices(
          MANIFESTS.flatMap(({ kinds }) => kinds),
        ),
      )
      .option('--dlq <queue>', 'the queue for its dead letters')
      .option('--max-receives <n>', 'deliveries before a message is dead', wholeNumber(1))
      .option('--set <key=value>', "a setting under the broker's own name; repeatable; JSON, else text", collect);
  },
  parse([queue], flags) {
    const name = word(queue);
    if (name === '') throw new MqError('USAGE', 'a queue needs a name');
    return {
      queue: name,
      kind: flags.kind ?? null,
      deadLetterQueue: flags.dlq ?? null,
      maxReceives: flags.maxReceives ?? null,
      settings: Object.fromEntries(
        (flags.set ?? []).map((pair) => {
          const [key, value] = splitPair(pair, '--set');
          return [key, jsonOrText(value)];
        }),
      ),
    };
  },
  async run({ queue, ...options }, session) {
    const format = session.format('table', 'json', 'ndjson', 'yaml');
    await session.withBroker(async (broker) => {
      if (broker.create === undefined) {
        throw new MqError('NOT_SUPPORTED', `queues cannot be created on ${broker.name}`, {
          backend: broker.name,
          queue,
        });
      }
      const make = broker.create.bind(broker);
      await session.within('create', (signal) => make(queue, { ...options, signal }));
      const dlq = options.deadLetterQueue === null ? '' : `, whose dead letters go to ${options.deadLetterQueue},`;
      if (isDocumentFormat(format)) {
        const { deadLetterQueue } = options;
        await printDocument(session, format, { operation: 'create', queue, broker: broker.name, deadLetterQueue });
      }
      session.messages.summary(`created ${queue}${dlq} on ${broker.name}`);
      sayMadeByDefault(session, broker, queue);
    });
    return EXIT.done;
  },
});

function jsonOrText(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
