import { Command } from 'commander';
import { loadSettings, type Settings } from '../../config/load.ts';
import { type Candidates, findCandidates } from '../completion/candidates.ts';
import type { CompletionHost } from '../completion/completion-host.ts';
import { quoteForBash } from '../completion/quote-for-bash.ts';
import { splitLine } from '../completion/split-line.ts';
import { locateCursor, verbIn } from '../completion/walk.ts';
import { addGlobalOptions } from '../line/globals.ts';
import { registerNamed } from '../third-party/named.ts';
import type { PreparedVerb } from '../verb.ts';
import { VERBS } from '../verbs.ts';
import { KNOWN } from './known.ts';
import { buildProgram } from './program.ts';

/** Exit code: the shell should complete the name of a file. */
const COMPLETE_FILES = 10;

/** The limit for everything, including the reading of the configuration. */
const DEADLINE_MS = 1_000;

/**
 * The hidden `mq __complete`, which the scripts under `completions/` call. `bash` passes the raw line in
 * MQ_COMPLETE_LINE. `zsh` and `fish` pass the words, the last of which is the current one (`fish-tilde`: it begins with
 * a tilde that is typed escaped or quoted). It prints one candidate per line, and says nothing if something goes wrong.
 */
export async function complete(args: readonly string[], host: CompletionHost): Promise<number> {
  try {
    await registerNamed(host.env);
    const [shell, separator, ...words] = args;
    if (shell === 'bash') return await completeBash(host);
    if (separator !== '--') return 0;
    if (shell === 'zsh') return await completeWords(words, host, () => true);
    if (shell === 'fish-tilde') return await completeWords(words, host, () => true);
    // Fish inserts a leading tilde as it is (everything that `complete` offers is marked so), and would then read
    // another word than the name.
    if (shell === 'fish') return await completeWords(words, host, (word) => !word.startsWith('~'));
    return 0;
  } catch {
    return 0;
  }
}

async function completeBash(host: CompletionHost): Promise<number> {
  const line = splitLine(host.env.MQ_COMPLETE_LINE ?? '');
  const found = await candidates(line.words.slice(1), line.current, host);
  if (found === 'files') return COMPLETE_FILES;
  // Bash has split the word, and replaces only the part after the last split.
  const kept = line.current.slice(0, line.keptByBash);
  const answers = found
    .filter(({ word }) => word.startsWith(kept))
    .map(({ word }) => quoteForBash(word.slice(kept.length), line.quote));
  print(host, answers);
  return 0;
}

async function completeWords(
  words: readonly string[],
  host: CompletionHost,
  canInsert: (word: string) => boolean,
): Promise<number> {
  const found = await candidates(words.slice(0, -1), words.at(-1) ?? '', host);
  if (found === 'files') return COMPLETE_FILES;
  print(
    host,
    found
      .filter(({ word }) => canInsert(word))
      .map(({ word, note }) => (note === '' ? word : `${word}\t${note.replace(/\s+/g, ' ')}`)),
  );
  return 0;
}

function print(host: CompletionHost, lines: readonly string[]): void {
  if (lines.length > 0) host.print(`${lines.join('\n')}\n`);
}

async function candidates(words: readonly string[], current: string, host: CompletionHost): Promise<Candidates> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  // Only the verb of the line knows its options, and the global options tell which verb it is.
  const globals = new Command();
  addGlobalOptions(globals);
  const verb = verbIn(globals, words);
  const entry = VERBS.find(({ name }) => name === verb);
  const loaded = new Map<string, PreparedVerb>(entry === undefined ? [] : [[entry.name, await entry.load()]]);
  const program = buildProgram(
    loaded,
    async () => {},
    () => {},
    80,
  );
  let settings: Promise<Settings> | null = null;
  const load = (): Promise<Settings> => (settings ??= loadSettings(host.env, host.cwd, KNOWN));
  return findCandidates({ program, cursor: locateCursor(program, words, current), host, settings: load, signal });
}
