import { MqError } from '../../contract/errors.ts';

export interface PasswordFlags {
  readonly passwordEnv?: string;
  readonly passwordFile?: string;
  readonly passwordCommand?: string;
}

/**
 * Where a context finds its password, in the form of the file; null: no flag says so. Throws `USAGE` for two places, or
 * for a command without words.
 */
export function passwordFrom({ passwordEnv, passwordFile, passwordCommand }: PasswordFlags): object | null {
  const given = [
    ...(passwordEnv === undefined ? [] : [{ env: passwordEnv }]),
    ...(passwordFile === undefined ? [] : [{ file: passwordFile }]),
    ...(passwordCommand === undefined ? [] : [{ command: argvFrom(passwordCommand) }]),
  ];
  if (given.length > 1) throw new MqError('USAGE', 'a password has one source: give one of the --password flags');
  return given[0] ?? null;
}

/** A JSON array of words, or words with spaces between them. */
function argvFrom(text: string): readonly string[] {
  const words: unknown = text.trimStart().startsWith('[')
    ? parsed(text)
    : text.split(/\s+/).filter((part) => part !== '');
  if (Array.isArray(words) && words.length > 0 && words.every((part): part is string => typeof part === 'string'))
    return words;
  throw new MqError('USAGE', '--password-command needs words, or a JSON array of texts');
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
