/** A text that is written out, or a place to get it from. Only the last three are fit for secrets. */
export type SecretText =
  | { readonly from: 'text'; readonly text: string }
  | { readonly from: 'env'; readonly name: string }
  | { readonly from: 'file'; readonly path: string }
  /** A program and its arguments, started without a shell. The first line of its output is the text. */
  | { readonly from: 'command'; readonly argv: readonly string[] };

/** The effect of a rule for one verb on the queues that its pattern matches. */
export type RuleEffect = 'deny' | 'confirm';

export interface Rule {
  /** A glob for names of queues. */
  readonly pattern: string;
  /** Verb → effect. `*` stands for every verb that changes something. */
  readonly verbs: Readonly<Record<string, RuleEffect | undefined>>;
}

/** A named connection. */
export interface Context {
  readonly name: string;
  /** A URL in the file may contain `${NAME}`: see `connectionUrl`. */
  readonly url: SecretText;
  readonly user: SecretText | null;
  readonly password: SecretText | null;
  /** The queue of a command that does not name one. */
  readonly queue: string | null;
  /** Refuse every change. */
  readonly isReadonly: boolean;
  /** Every change asks for the queue's name. `--yes` counts only together with `--confirm QUEUE`. */
  readonly isProtected: boolean;
  readonly rules: readonly Rule[];
  /** Paths in bodies whose values must not be shown: `card.number`, `customers.*.email`. */
  readonly redact: readonly string[];
  /** For prompts and the live view. */
  readonly color: ContextColor | null;
  /** The file that the context was read from. */
  readonly file: string;
  readonly isFromProject: boolean;
}

/** When colours are used. */
export const COLOR_CHOICES = ['auto', 'always', 'never'] as const;

/** How results may be printed by default: what every verb can do, or do without. */
export const DEFAULT_OUTPUTS = ['table', 'json', 'ndjson', 'yaml'] as const;

export const CONTEXT_COLORS = ['red', 'yellow', 'green', 'cyan', 'blue', 'magenta', 'gray'] as const;
export type ContextColor = (typeof CONTEXT_COLORS)[number];

/** Defaults for flags. A flag or a variable (`MQ_OUTPUT` …) wins over them. */
export interface Defaults {
  readonly output: string | null;
  readonly color: string | null;
  readonly timeout: string | null;
  readonly connectTimeout: string | null;
}

/** The content of all the files. */
export interface Configuration {
  readonly contexts: ReadonlyMap<string, Context>;
  /** The context used if neither the line, the environment nor `mq context use` chose one. */
  readonly defaultContext: string | null;
  readonly defaults: Defaults;
  /** The files that were read, the user's own first. */
  readonly files: readonly string[];
  /** Warnings about what is allowed, one sentence each. */
  readonly warnings: readonly string[];
  /** The warnings that a command does not go where a file asks for it: these are said at once. */
  readonly notices: readonly string[];
}

export const NO_DEFAULTS: Defaults = { output: null, color: null, timeout: null, connectTimeout: null };

/** Names that need no quoting in a shell, in `queue@context` and in YAML. */
export const CONTEXT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
