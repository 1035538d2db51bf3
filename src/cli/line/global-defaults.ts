import type { Command } from 'commander';
import type { Defaults } from '../../config/configuration.ts';
import type { Environment } from '../../config/places.ts';
import { MqError } from '../../contract/errors.ts';
import { parseDeadlineMs } from '../../core/duration.ts';
import { type Globals, OUTPUT_FORMATS, type OutputFormat } from './globals.ts';

export interface EffectiveGlobals {
  readonly globals: Globals;
  /** The format was given on the line: a verb without it refuses. A format from a default gives way. */
  readonly outputIsAsked: boolean;
  /** The time limit was set, on the line or elsewhere. */
  readonly timeoutIsAsked: boolean;
}

/**
 * Options that the line left open come from `MQ_OUTPUT`, `MQ_TIMEOUT`, `MQ_CONNECT_TIMEOUT`, `MQ_NO_INPUT`, and then
 * from the files. Throws `USAGE`.
 */
export function withDefaults(
  globals: Globals,
  program: Command,
  defaults: Defaults,
  env: Environment,
): EffectiveGlobals {
  const isOpen = (option: keyof Globals): boolean => {
    const source = program.getOptionValueSource(option);
    return source === undefined || source === 'default';
  };
  const pick = (
    option: keyof Globals,
    variable: string,
    fallback: string | null,
  ): { value: string; from: string } | null => {
    if (!isOpen(option)) return null;
    const value = env[variable];
    if (value !== undefined && value !== '') return { value, from: variable };
    return fallback === null ? null : { value: fallback, from: 'the configuration' };
  };
  const output = pick('output', 'MQ_OUTPUT', defaults.output);
  const timeout = pick('timeout', 'MQ_TIMEOUT', defaults.timeout);
  const connectTimeout = pick('connectTimeout', 'MQ_CONNECT_TIMEOUT', defaults.connectTimeout);
  const color = isOpen('color') ? defaults.color : null;
  return {
    globals: {
      ...globals,
      ...(output === null ? {} : { output: formatOf(output.value, output.from) }),
      ...(timeout === null ? {} : { timeout: parseDeadlineMs(timeout.value) }),
      ...(connectTimeout === null ? {} : { connectTimeout: parseDeadlineMs(connectTimeout.value) }),
      ...(color === 'always' || color === 'never' ? { color } : {}),
      ...(env.MQ_NO_INPUT !== undefined && env.MQ_NO_INPUT !== '' && env.MQ_NO_INPUT !== '0' ? { input: false } : {}),
    },
    outputIsAsked: !isOpen('output'),
    timeoutIsAsked: timeout !== null || !isOpen('timeout'),
  };
}

function formatOf(text: string, from: string): OutputFormat {
  const format = OUTPUT_FORMATS.find((candidate) => candidate === text);
  if (format === undefined) {
    throw new MqError('USAGE', `${from} asks for the output format ${text}`, {
      hint: `there are ${OUTPUT_FORMATS.join(', ')}`,
    });
  }
  return format;
}
