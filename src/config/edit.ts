import { Document, isMap, parseDocument } from 'yaml';
import { MqError } from '../contract/errors.ts';
import type { Known } from './known.ts';
import { errnoOf, writePrivateFile } from './private-file.ts';
import { readConfiguration } from './read-file.ts';
import { readSmallFileOrPipe, UnfitFile } from './small-file.ts';

export interface Edit {
  readonly known: Known;
  readonly replace: boolean;
}

/** A context as it is in the file. */
export type ContextEntry = Readonly<Record<string, unknown>>;

/**
 * Adds a context to the file, and creates the file if it is missing. Everything else in it stays the same, comments
 * included. Throws `ALREADY_EXISTS` (unless `replace`), and `CONFIG_INVALID` if the file or the entry is wrong. The
 * file is then unchanged.
 */
export async function addContext(
  file: string,
  name: string,
  entry: ContextEntry,
  { known, replace }: Edit,
): Promise<void> {
  const document = await open(file, known);
  if (document.hasIn(['contexts', name]) && !replace) {
    throw new MqError('ALREADY_EXISTS', `there is a context ${name} already`, {
      hint: `--replace overwrites it; see 'mq context show ${name}'`,
    });
  }
  if (!isMap(document.get('contexts'))) document.set('contexts', document.createNode({}));
  document.setIn(['contexts', name], document.createNode(entry));
  await save(file, document, known);
}

/** Removes a context from the file, with the comments that belong to it. Throws `CONTEXT_NOT_FOUND`. */
export async function removeContext(file: string, name: string, known: Known): Promise<void> {
  const document = await open(file, known);
  if (!document.deleteIn(['contexts', name])) throw new MqError('CONTEXT_NOT_FOUND', `no context ${name} in ${file}`);
  await save(file, document, known);
}

/**
 * Changes which third-party backends the file names, and creates the file if it is missing. Throws `CONFIG_INVALID` if
 * the file is wrong: then it is unchanged.
 */
export async function nameBackends(
  file: string,
  known: Known,
  change: (names: readonly string[]) => readonly string[],
): Promise<void> {
  const document = await open(file, known);
  const named: unknown = document.toJS().backends;
  const names = change(Array.isArray(named) ? named.map(String) : []);
  if (names.length === 0) document.delete('backends');
  else document.set('backends', document.createNode(names));
  await save(file, document, known);
}

async function open(file: string, known: Known): Promise<Document> {
  let text = '';
  try {
    text = (await readSmallFileOrPipe(file, null)).text;
  } catch (error) {
    if (error instanceof UnfitFile) throw new MqError('CONFIG_INVALID', `cannot read ${file}: ${error.message}`);
    if (errnoOf(error) !== 'ENOENT') throw new MqError('CONFIG_INVALID', `cannot read ${file}: ${errnoOf(error)}`);
  }
  // A file that could not be read must not be overwritten.
  readConfiguration(text, file, { known, isProject: false });
  const document = parseDocument(text);
  return document.contents === null ? emptyLike(document) : document;
}

/** A file that contains only comments keeps them. */
function emptyLike(document: Document): Document {
  const fresh = new Document({});
  fresh.commentBefore = [document.commentBefore, document.comment].filter(Boolean).join('\n') || null;
  return fresh;
}

async function save(file: string, document: Document, known: Known): Promise<void> {
  const text = document.toString({ lineWidth: 0 });
  readConfiguration(text, file, { known, isProject: false });
  await writePrivateFile(file, text);
}
