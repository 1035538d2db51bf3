import * as v from 'valibot';
import { COLOR_CHOICES, CONTEXT_COLORS, CONTEXT_NAME, DEFAULT_OUTPUTS } from './configuration.ts';

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

/** The form of a duration. The flag whose default it is checks the value. */
const duration = v.pipe(
  v.string('must be a duration such as 30s'),
  v.regex(/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/, 'must be a duration such as 30s or 1m30s'),
);

/** `must be table, json or yaml` */
function oneOf<const T extends readonly string[]>(words: T) {
  return v.picklist(words, `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`);
}

const effect = v.picklist(['deny', 'confirm'], 'must be deny or confirm');
const contextName = v.pipe(
  v.string(),
  v.regex(
    CONTEXT_NAME,
    'is not a name for a context: letters, digits, ".", "_" and "-", the first a letter or a digit',
  ),
);

/** The form that npm requires for names of packages. */
const packageName = v.pipe(
  v.string(),
  v.regex(/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/, "is not a name of a package; see 'mq backend'"),
);

const defaults = v.strictObject({
  output: v.optional(oneOf(DEFAULT_OUTPUTS)),
  color: v.optional(oneOf(COLOR_CHOICES)),
  timeout: v.optional(duration),
  connectTimeout: v.optional(duration),
});

/** The schemas of both files. `ruleVerbs`: the verbs that a rule can name. */
export function schemasFor(verbs: readonly string[]) {
  const ruleVerbs = v.strictObject(Object.fromEntries(['*', ...verbs].map((verb) => [verb, v.optional(effect)])));
  const commonContext = {
    queue: v.optional(text),
    readonly: v.optional(flag),
    protected: v.optional(flag),
    rules: v.optional(v.record(text, ruleVerbs, 'must be a mapping of name patterns to {verb: deny|confirm}')),
    redact: v.optional(v.array(text, 'must be a list of paths such as card.number')),
    color: v.optional(v.picklist(CONTEXT_COLORS, `must be one of ${CONTEXT_COLORS.join(', ')}`)),
  };
  const userContext = v.strictObject({
    url: secretText,
    user: v.optional(secretText),
    password: v.optional(secretText),
    ...commonContext,
  });
  // This file comes with a repository: it must not read secrets, run programs, or send either to a server of its
  // choice.
  const projectContext = v.strictObject({ url: text, user: v.optional(text), ...commonContext });
  const userFile = v.strictObject({
    context: v.optional(text),
    defaults: v.optional(defaults),
    contexts: v.optional(v.record(contextName, userContext)),
    backends: v.optional(v.array(packageName)),
  });
  const projectFile = v.strictObject({
    context: v.optional(text),
    defaults: v.optional(defaults),
    contexts: v.optional(v.record(contextName, projectContext)),
  });
  return { ruleVerbs, defaults, userContext, userFile, projectFile };
}

export type Schemas = ReturnType<typeof schemasFor>;
export type UserFile = v.InferOutput<Schemas['userFile']>;
export type UserContext = v.InferOutput<Schemas['userContext']>;
