import * as v from 'valibot';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { MqError } from '../contract/errors.ts';
import { CONTEXT_NAME, type Configuration, type Context, NO_DEFAULTS, type SecretText } from './configuration.ts';
import type { Known } from './known.ts';
import { nearest } from './nearest.ts';
import { projectUrlFault } from './project-url.ts';
import { type Schemas, schemasFor, type UserContext, type UserFile } from './schema.ts';

/** How to read a file: its owner decides what it may contain. */
export interface Reading {
  readonly known: Known;
  readonly isProject: boolean;
}

/** One file, checked. */
export interface FileContent extends Omit<Configuration, 'files' | 'notices'> {}

/**
 * Reads the text of a configuration file. Throws `CONFIG_INVALID` with the file, the line and the path of the first
 * mistake (`config.yaml:4: contexts.prod.tmeout: …`). It never shows a value, which may be a secret.
 */
export function readConfiguration(text: string, file: string, reading: Reading): FileContent {
  const { isProject, known } = reading;
  const schemas = schemasFor(known.verbs);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number | undefined): string => (offset === undefined ? '' : `:${lines.linePos(offset).line}`);
  const refuse = (place: string, sentence: string, hint?: string): never => {
    throw new MqError('CONFIG_INVALID', `${file}${place}: ${sentence}`, { hint });
  };

  const syntax = document.errors[0];
  if (syntax !== undefined) refuse(lineOf(syntax.pos[0]), `this is not valid YAML (${syntax.code})`);
  if (document.contents === null)
    return { contexts: new Map(), defaultContext: null, defaults: NO_DEFAULTS, warnings: [] };

  const contexts = document.get('contexts');
  if (isMap(contexts)) {
    // The validator silently skips names such as `constructor`.
    for (const { key } of contexts.items) {
      const name = isScalar(key) ? String(key.value) : '';
      const offset = isNode(key) ? key.range?.[0] : undefined;
      if (!CONTEXT_NAME.test(name) || name in {}) {
        refuse(
          lineOf(offset),
          `contexts.${printable(name)}: not a name for a context`,
          'letters, digits, ".", "_" and "-", the first a letter or a digit',
        );
      }
    }
  }

  let plain: unknown;
  try {
    plain = document.toJS({ maxAliasCount: 100 });
  } catch {
    refuse('', 'too many YAML aliases');
  }
  const checked = v.safeParse(isProject ? schemas.projectFile : schemas.userFile, plain);
  if (!checked.success) {
    // An unknown key explains why the required key that it was meant to be is missing.
    const issue = checked.issues.find(({ expected }) => expected === 'never') ?? checked.issues[0];
    const path = (issue.path ?? []).map(({ key }) => String(key));
    const { sentence, hint } = explain(issue, path, isProject, schemas);
    refuse(
      lineOf(keyOffset(document, path)),
      `${path.length === 0 ? '' : `${path.map(printable).join('.')}: `}${sentence}`,
      hint,
    );
  }
  return fromChecked((checked as { output: UserFile }).output, file, reading);
}

/** The position of the last key of the path, or of the nearest existing key above it. */
function keyOffset(document: Document, path: readonly string[]): number | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const parent: unknown = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (!isMap(parent)) continue;
    const key: unknown = parent.items.find(
      (item) => isScalar(item.key) && String(item.key.value) === path[depth - 1],
    )?.key;
    if (isNode(key)) return key.range?.[0];
  }
  return undefined;
}

const PROJECT_LIMIT =
  "a project's file must not hold secrets, start programs or name anything of yours: put this context into your own configuration file";

function explain(
  issue: v.BaseIssue<unknown>,
  path: readonly string[],
  isProject: boolean,
  schemas: Schemas,
): { sentence: string; hint?: string } {
  const key = path.at(-1) ?? '';
  if (issue.type === 'strict_object') {
    if (issue.expected === 'never') {
      if (isProject && (key === 'password' || (key === 'backends' && path.length === 1)))
        return { sentence: 'is not allowed here', hint: PROJECT_LIMIT };
      const guess = nearest(key, knownKeys(path, schemas));
      return { sentence: 'there is no such setting', ...(guess === null ? {} : { hint: `did you mean ${guess}?` }) };
    }
    return { sentence: issue.expected?.startsWith('"') ? 'is missing' : 'must be a mapping' };
  }
  if (isProject && (key === 'url' || key === 'user') && issue.type === 'string')
    return { sentence: 'must be text', hint: PROJECT_LIMIT };
  if (issue.type === 'record') return { sentence: 'must be a mapping' };
  return { sentence: issue.message };
}

function knownKeys(
  path: readonly string[],
  { userFile, userContext, defaults, ruleVerbs }: Schemas,
): readonly string[] {
  if (path.length === 1) return Object.keys(userFile.entries);
  if (path[0] === 'defaults') return Object.keys(defaults.entries);
  if (path.length === 3) return Object.keys(userContext.entries);
  return path.at(-3) === 'rules' ? Object.keys(ruleVerbs.entries) : ['env', 'file', 'command'];
}

/** A key of the file in a message. It is the user's own text, but one line of it is enough. */
function printable(key: string): string {
  return key.length > 80 ? `${key.slice(0, 79)}…` : key;
}

function fromChecked(content: UserFile, file: string, { isProject, known }: Reading): FileContent {
  const warnings: string[] = [];
  const contexts = new Map<string, Context>();
  for (const [name, entry] of Object.entries(content.contexts ?? {})) {
    const context = toContext(name, entry, file, isProject);
    const fault = isProject && context.url.from === 'text' ? projectUrlFault(context.url.text, known.brokers) : null;
    if (fault !== null) {
      throw new MqError('CONFIG_INVALID', `${file}: contexts.${name}.url: ${fault}`, { hint: PROJECT_LIMIT });
    }
    if (isProject && context.url.from === 'text' && refersOrHides(context.url.text)) {
      throw new MqError('CONFIG_INVALID', `${file}: contexts.${name}.url: must not contain a password or \${NAME}`, {
        hint: PROJECT_LIMIT,
      });
    }
    if (isProject && context.user?.from === 'text' && context.user.text.includes('${')) {
      throw new MqError('CONFIG_INVALID', `${file}: contexts.${name}.user: must not contain \${NAME}`, {
        hint: PROJECT_LIMIT,
      });
    }
    if (context.password?.from === 'text' || (context.url.from === 'text' && hasWrittenPassword(context.url.text))) {
      warnings.push(
        `${file}: the password of context ${name} is written out; {env: NAME}, {file: PATH} or {command: […]} keep it elsewhere`,
      );
    }
    contexts.set(name, context);
  }
  const { output, color, timeout, connectTimeout } = content.defaults ?? {};
  return {
    contexts,
    defaultContext: content.context ?? null,
    defaults: {
      output: output ?? null,
      color: color ?? null,
      timeout: timeout ?? null,
      connectTimeout: connectTimeout ?? null,
    },
    warnings,
  };
}

function toContext(name: string, entry: UserContext, file: string, isFromProject: boolean): Context {
  return {
    name,
    url: secretText(entry.url),
    user: entry.user === undefined ? null : secretText(entry.user),
    password: entry.password === undefined ? null : secretText(entry.password),
    queue: entry.queue ?? null,
    isReadonly: entry.readonly ?? false,
    isProtected: entry.protected ?? false,
    rules: Object.entries(entry.rules ?? {}).map(([pattern, verbs]) => ({ pattern, verbs })),
    redact: entry.redact ?? [],
    color: entry.color ?? null,
    file,
    isFromProject,
  };
}

function secretText(value: UserContext['url']): SecretText {
  if (typeof value === 'string') return { from: 'text', text: value };
  if ('env' in value) return { from: 'env', name: value.env };
  if ('file' in value) return { from: 'file', path: value.file };
  return { from: 'command', argv: value.command };
}

/** A password in the URL itself, not behind `${NAME}`. */
function hasWrittenPassword(url: string): boolean {
  const userinfo = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)@/i.exec(url)?.[1] ?? '';
  const password = userinfo.includes(':') ? userinfo.slice(userinfo.indexOf(':') + 1) : '';
  return password.replaceAll(/\$\{[^}]*\}/g, '') !== '';
}

function refersOrHides(url: string): boolean {
  return url.includes('${') || hasWrittenPassword(url);
}
