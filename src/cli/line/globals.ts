import { type Command, InvalidArgumentError, Option } from 'commander';
import { COLOR_CHOICES } from '../../config/configuration.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import { parseDeadlineMs, parseDurationMs, parseWaitMs } from '../../core/duration.ts';
import { knownForms } from '../brokers.ts';

export const OUTPUT_FORMATS = ['table', 'json', 'ndjson', 'yaml', 'text', 'body', 'markdown'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** The options that every verb takes, anywhere on the line. */
export interface Globals {
  readonly url?: string;
  /** More than one only for a verb that can watch several brokers. */
  readonly context?: readonly string[];
  readonly output?: OutputFormat;
  /** False with `--no-headers`. */
  readonly headers: boolean;
  /** The columns of a table, in their order. */
  readonly columns?: readonly string[];
  /** False with `--no-trunc`. */
  readonly trunc: boolean;
  readonly quiet?: boolean;
  /** How often it was given: 1 and 2 make a difference. */
  readonly verbose?: number;
  readonly color: (typeof COLOR_CHOICES)[number];
  /** The longest wait for one answer of the broker, milliseconds. */
  readonly timeout: number;
  readonly connectTimeout: number;
  readonly yes?: boolean;
  /** Names of queues on protected contexts that are confirmed beforehand. */
  readonly confirm?: readonly string[];
  /** False with `--no-input`. */
  readonly input: boolean;
}

/** The heading under which help shows them. */
export const GLOBAL_OPTIONS = 'Global options:';

export function addGlobalOptions(program: Command): void {
  program.optionsGroup(GLOBAL_OPTIONS);
  options ??= globalOptions();
  for (const option of options) program.addOption(option);
}

/**
 * Made once: the line is searched for its verb before it is parsed, and each option takes a tenth of a millisecond to
 * make.
 */
let options: readonly Option[] | null = null;

function globalOptions(): readonly Option[] {
  return [
    new Option(
      '--url <url>',
      `the broker: ${knownForms()} (default: $MQ_URL, the current context, an embedded database)`,
    ),
    new Option(
      '-c, --context <context>',
      "a connection of the configuration, see 'mq context ls'; - is the previous one",
    ).argParser(collect),
    new Option('-o, --output <format>', 'how results are printed').choices(OUTPUT_FORMATS),
    new Option('--no-headers', 'leave out the headings of tables').default(true),
    new Option('--columns <list>', 'only these columns of a table, in this order: queue,ready,dead').argParser(
      commaList,
    ),
    new Option('--no-trunc', 'do not cut lines to the width of the terminal').default(true),
    new Option('-q, --quiet', 'no notes, progress or summaries'),
    new Option('-v, --verbose', 'say more on stderr; repeatable').argParser(
      (_value, previous: number | undefined) => (previous ?? 0) + 1,
    ),
    new Option('--color <when>', 'colours').choices(COLOR_CHOICES).default('auto'),
    new Option('--timeout <duration>', 'the longest wait for one answer of the broker')
      .argParser(deadline)
      .default(30_000, '30s'),
    new Option('--connect-timeout <duration>', 'the longest wait for a connection')
      .argParser(deadline)
      .default(5_000, '5s'),
    new Option('-y, --yes', 'do not ask before removing or moving messages'),
    new Option(
      '--confirm <queue>',
      'with --yes, on a protected context: the queue that is meant; repeatable',
    ).argParser(collect),
    new Option('--no-input', 'never ask anything: fail instead').default(true),
  ];
}

/** For commander: a duration option as milliseconds. */
export function duration(text: string): number {
  return usage(() => parseDurationMs(text));
}

/** The same for waiting times: at most 24 days. */
export function wait(text: string): number {
  return usage(() => parseWaitMs(text));
}

/** The same for the longest wait for an answer: more than 0. */
function deadline(text: string): number {
  return usage(() => parseDeadlineMs(text));
}

/** For commander: a whole number of at least `minimum`. */
export function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < minimum) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${minimum}.`);
    }
    return value;
  };
}

/** For commander: an option that may be given several times. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** For commander: `a,b,c`. */
function commaList(text: string): readonly string[] {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length > 0) return items;
  throw new MqError('USAGE', '--columns names no column', { hint: 'for example: --columns queue,ready,dead' });
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** For commander: `50/s`, `10/m` → per second. */
export function rate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\/(s|m|h)$/.exec(text);
  const perSecond = Number(match?.[1]) / (SECONDS[match?.[2] ?? ''] ?? Number.NaN);
  if (!(perSecond > 0)) throw new InvalidArgumentError('Write a number per second, minute or hour: 50/s, 10/m, 1/h.');
  return perSecond;
}

function usage<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (isMqError(error)) {
      throw new InvalidArgumentError(
        error.hint === null ? `${error.message}.` : `${capital(error.message)}; ${error.hint}.`,
      );
    }
    throw error;
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
