import { Option } from 'commander';
import { type ErrorCode, isMqError, MqError } from '../../contract/errors.ts';
import { counted } from '../../core/counted.ts';
import { enqueueAll } from '../../core/enqueue.ts';
import { EXIT, type ExitCode, exitCodeOf } from '../../core/exit-codes.ts';
import { openPublisher } from '../../core/publishers.ts';
import { pacer } from '../../core/rate-limit.ts';
import { onlyFor } from '../brokers.ts';
import { type EnqueueFlags, type MessageTemplate, templateFrom } from '../input/enqueue-template.ts';
import { type EnqueueInput, inputFrom, outgoingBatches } from '../input/message-input.ts';
import { refuseFlags } from '../input/misfits.ts';
import { addBrokerFlags } from '../line/broker-flags.ts';
import { collect, duration, rate, wholeNumber } from '../line/globals.ts';
import { openIdPrinter } from '../output/id-printer.ts';
import { SendFaults } from '../output/send-faults.ts';
import { queueToFill, sayMadeByDefault } from '../session/queues.ts';
import { defineVerb, word, words } from '../verb.ts';

export interface EnqueueVerbOptions {
  readonly queue: string;
  readonly input: EnqueueInput;
  readonly template: MessageTemplate;
  readonly ratePerSec: number | null;
  readonly lossy: boolean;
}

export const enqueue = defineVerb<EnqueueFlags, EnqueueVerbOptions>({
  effect: "Adds messages to the queue. Prints one id per line, or '-' if the kind gives none and no --id was set.",
  examples: [
    'mq enqueue orders \'{"order":42}\' -H type=order.created --delay 5m',
    'mq enqueue orders --ndjson --file dead.ndjson --rate 50/s',
  ],
  declare(command) {
    command
      .argument('<queue>', 'the queue')
      .argument('[body...]', 'each is a message; - or nothing: stdin')
      .optionsGroup('Where the messages are (one message is the whole input without --lines, --null or --ndjson):')
      .option('--file <file>', 'read this file instead of stdin')
      .option('--lines', 'each line is a message')
      .option('--null', 'each part that ends with a NUL is a message')
      .option('--ndjson', 'each line is an envelope, as peek and drain print them')
      .option('--allow-empty', "send an empty message when the file or stdin is empty; so does the BODY ''")
      .optionsGroup('Metadata (refused where the kind of queue cannot hold it, never dropped):')
      .option('-H, --header <key=value>', 'a header; repeatable', collect)
      .option('--id <id>', 'the id of the message')
      .addOption(new Option('--delay <duration>', 'not deliverable before').argParser(duration))
      .option('--priority <n>', 'its priority', wholeNumber(0))
      .addOption(new Option('--ttl <duration>', 'dead or gone if it is not taken by then').argParser(duration))
      .option('--group <group>', onlyFor('groupId', 'messages of one group stay in order'))
      .option('--dedup <id>', 'a second message with the same deduplication id is not stored')
      .option('--name <name>', onlyFor('name', 'the name of the job'))
      .option('--attempts <n>', 'deliveries before it is dead', wholeNumber(1))
      .option('--backoff <type:duration>', onlyFor('backoff', 'wait between attempts: fixed:5s or exponential:1s'))
      .option('--content-type <type>', 'such as application/json');
    addBrokerFlags(command);
    command
      .optionsGroup('How:')
      .option('--rate <rate>', 'evenly paced: 50/s, 10/m', rate)
      .option('--lossy', 'send even if the queue cannot hold everything of a message');
  },
  parse([queue, bodies], flags, session) {
    session.format('text', 'table', 'json', 'ndjson', 'yaml');
    const input = inputFrom(words(bodies), flags, session.host.stdin);
    if (flags.allowEmpty === true && (input.split !== 'whole' || input.bodies.length > 0)) {
      throw new MqError('USAGE', '--allow-empty is for a file or stdin that is one message');
    }
    for (const flag of ['id', 'dedup'] as const) {
      if (flags[flag] === undefined || (input.split === 'whole' && input.bodies.length <= 1)) continue;
      const [id, field] = flag === 'id' ? ['id', 'id'] : ['deduplication id', 'deduplicationId'];
      throw new MqError('USAGE', `--${flag} would give several messages the same ${id}`, {
        hint: `envelopes carry one each, as "${field}": --ndjson`,
      });
    }
    return {
      queue: word(queue),
      input,
      template: templateFrom(flags),
      ratePerSec: flags.rate ?? null,
      lossy: flags.lossy ?? false,
    };
  },
  async run({ queue: name, input, template, ratePerSec, lossy }, session) {
    const { messages, notice } = session;
    // The reader of the ids may go away. The messages are sent all the same.
    const signal = session.host.interruption;
    return session.withBroker(async (broker): Promise<ExitCode> => {
      const { queue, isNew } = await queueToFill(session, broker, name);
      template.native.requireBroker(queue.capabilities.broker, name);
      const expected = input.bodies.length > 0 ? input.bodies.length : null;
      // It outlives the signal: messages that are in the air when the operator interrupts are still settled.
      const lasting = new AbortController().signal;
      const publisher = await openPublisher(queue, { expected, lossy, notice, signal: lasting });
      const printer = await openIdPrinter(session, queue.name);
      const counts = { sent: 0, failed: 0, unknown: 0 };
      let already = 0;
      const codes = new Set<ErrorCode | null>();
      const faults = new SendFaults((text) => messages.fault(text));
      try {
        if (!lossy) refuseFlags(publisher, template, queue, input.split === 'ndjson');
        await enqueueAll({
          publisher,
          to: queue.name,
          notice,
          batches: outgoingBatches({
            input,
            template,
            publisher,
            queue,
            lossy,
            stdin: session.host.stdin,
            notice,
            signal,
          }),
          pacer: ratePerSec === null ? null : pacer(ratePerSec),
          signal,
          onOutcome(outcome, index) {
            counts[outcome.status] += 1;
            if (outcome.status === 'failed') codes.add(outcome.code ?? null);
            if (outcome.status === 'sent') {
              if (outcome.already === true) already += 1;
              return printer.sent(outcome);
            }
            faults.add(outcome, index + 1);
          },
        });
      } catch (error) {
        if (!isMqError(error) || counts.sent + counts.unknown === 0) throw error;
        // Something was sent, so "nothing was attempted" would be the wrong exit code.
        messages.error(error);
        messages.summary(`${counted(counts.sent, 'message')} sent before that`);
        return EXIT.partly;
      } finally {
        for (const status of ['sent', 'failed', 'unknown'] as const) {
          if (counts[status] > 0) session.change?.learnCount(status, counts[status]);
        }
        faults.end();
        if (already > 0)
          messages.note(
            `${counted(already, 'message was', 'messages were')} in ${queue.name} already, with the same id and content, and ${already === 1 ? 'was' : 'were'} not stored again`,
          );
        await printer.end();
        await publisher.close();
      }
      const { sent, failed, unknown } = counts;
      if (isNew && sent > 0) sayMadeByDefault(session, broker, name);
      if (signal.aborted) messages.summary(`interrupted after ${counted(sent, 'message')}`);
      else if (sent + failed + unknown === 0) messages.note('no message in the input: nothing was sent');
      if (failed + unknown === 0) return EXIT.done;
      messages.summary(`${sent} sent, ${failed} not sent${unknown === 0 ? '' : `, ${unknown} uncertain`}`);
      if (sent + unknown > 0) return EXIT.partly;
      const [only = null] = codes;
      return codes.size === 1 && only !== null ? exitCodeOf(only) : EXIT.failed;
    });
  },
});
