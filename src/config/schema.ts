import * as v from 'valibot';
import { CONTEXT_COLORS, CONTEXT_NAME } from './configuration.ts';

const text = v.pipe(v.string('must be text'), v.minLength(1, 'must not be empty'));
const flag = v.boolean('must be true or false');

const reference = v.union(
  [
    v.strictObject({ env: text }),
    v.strictObject({ file: text }),
    v.strictObject({ command: v.pipe(v.array(text), v.minLength(1)) }),
  ],
  'must be one of {env: NAME}, {file: PATH}, {command: [PROGRAM, ARGUMENT, …]}',
);
const secretText = v.union(
  [text, reference],
  'must be text, {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT, …]}',
);

/** The form of a duration; its meaning belongs to the flag that it is the default of. */
const duration = v.pipe(
  v.string('must be a duration such as 30s'),
  v.regex(/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/, 'must be a duration such as 30s or 1m30s'),
);

const effect = v.picklist(['deny', 'confirm'], 'must be deny or confirm');
/** The verbs that a rule can speak of: those that change something. */
export const ruleVerbs = v.strictObject({
  '*': v.optional(effect),
  enqueue: v.optional(effect),
  drain: v.optional(effect),
  redrive: v.optional(effect),
  move: v.optional(effect),
  copy: v.optional(effect),
  purge: v.optional(effect),
  pause: v.optional(effect),
  resume: v.optional(effect),
  create: v.optional(effect),
  delete: v.optional(effect),
});

const contextName = v.pipe(
  v.string(),
  v.regex(CONTEXT_NAME, 'is no name for a context: letters, digits, ".", "_" and "-", the first a letter or a digit'),
);

const commonContext = {
  queue: v.optional(text),
  readonly: v.optional(flag),
  protected: v.optional(flag),
  rules: v.optional(v.record(text, ruleVerbs, 'must be a mapping of name patterns to {verb: deny|confirm}')),
  redact: v.optional(v.array(text, 'must be a list of paths such as card.number')),
  color: v.optional(v.picklist(CONTEXT_COLORS, `must be one of ${CONTEXT_COLORS.join(', ')}`)),
};

export const defaults = v.strictObject({
  output: v.optional(v.picklist(['table', 'json', 'ndjson', 'yaml'], 'must be table, json, ndjson or yaml')),
  color: v.optional(v.picklist(['auto', 'always', 'never'], 'must be auto, always or never')),
  timeout: v.optional(duration),
  connectTimeout: v.optional(duration),
});

export const userContext = v.strictObject({
  url: secretText,
  user: v.optional(secretText),
  password: v.optional(secretText),
  ...commonContext,
});

/**
 * A project's file comes with a repository: it must not read secrets, run programs or send either to a server of its
 * choice.
 */
const projectContext = v.strictObject({ url: text, user: v.optional(text), ...commonContext });

export const userFile = v.strictObject({
  context: v.optional(text),
  defaults: v.optional(defaults),
  contexts: v.optional(v.record(contextName, userContext)),
});

export const projectFile = v.strictObject({
  context: v.optional(text),
  defaults: v.optional(defaults),
  contexts: v.optional(v.record(contextName, projectContext)),
});

export type UserFile = v.InferOutput<typeof userFile>;
export type UserContext = v.InferOutput<typeof userContext>;
