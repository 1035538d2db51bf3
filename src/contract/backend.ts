import type { Broker } from './broker.ts';
import type { Capabilities } from './capabilities.ts';
import type { JsonValue, MetadataField } from './message.ts';
import type { Notice } from './queue.ts';

/**
 * All that is known of a broker before its client library is loaded. `backends/<name>/manifest.ts` exports it as
 * `manifest`, and it is data only: help, completion, redaction and the checks of `doctor` are made from it.
 */
export interface Manifest {
  /** Stands in JSON, in errors and as the key of `native`: `rabbitmq`. */
  readonly name: string;
  /** As its makers write it: `RabbitMQ`. */
  readonly title: string;
  /** The first one is what hints show. */
  readonly schemes: readonly Scheme[];
  /** What its addresses look like, for help: one line each. */
  readonly forms: readonly AddressForm[];
  /** What may follow the `?` of its URLs. An unknown one is refused. */
  readonly parameters: readonly Parameter[];
  /** Flags that mean something to this broker alone. */
  readonly flags: readonly BrokerFlag[];
  /** The kinds of queue that `create --kind` may make, or refuses with a reason. */
  readonly kinds: readonly string[];
  /** A word for the help of flags that only some kinds of this broker hold: `{groupId: 'SQS FIFO'}`. */
  readonly holders: Readonly<Partial<Record<MetadataField, string>>>;
  /** Examples for the help of a verb, where this broker has something of its own to show. */
  readonly examples: Readonly<Record<string, readonly string[]>>;
  /** What else an operator has to know of its URLs: paragraphs of `mq help urls`. */
  readonly remarks: readonly string[];
  /**
   * The schemes of the URLs that are names of its queues; empty: elsewhere a URL in the place of a queue is a mistake,
   * and may hold a password.
   */
  readonly queueUrls: readonly string[];
  /** Present where the address is the path of a file. */
  readonly file?: FileAddress;
}

/** One scheme of a URL. */
export interface Scheme {
  /** Without the colon. */
  readonly name: string;
  /** The port where the URL names none; null: it can name none. */
  readonly port: number | null;
  /**
   * `tls`: encrypted from the first byte. `plain`: not at all. `parameter`: the URL in a parameter of the role `server`
   * says it, and without it the client library sees to it. `none`: there is no network.
   */
  readonly encryption: 'tls' | 'plain' | 'parameter' | 'none';
  /** Of a plain one: the scheme of the same broker that encrypts. */
  readonly encrypted?: string;
}

export interface AddressForm {
  /** `amqp://user:password@host/vhost` */
  readonly form: string;
  readonly meaning: string;
  /** How hints abbreviate it: `amqp://…`. Absent: it is not among the forms that hints show. */
  readonly short?: string;
  /** As it would stand in a configuration that takes the password from elsewhere. */
  readonly example?: string;
}

/** An address that is a path, such as `sqlite:PATH`. */
export interface FileAddress {
  /** The file in the folder of the user's data that the scheme alone means. */
  readonly usual: string;
}

/** What the value of a parameter may be. Numbers include both ends. */
export type ParameterType =
  | { readonly is: 'text' }
  | { readonly is: 'choice'; readonly of: readonly string[] }
  | { readonly is: 'number'; readonly least: number; readonly most: number }
  /** `500ms`, `30s`, `5m`, `2h`, `1d`. */
  | { readonly is: 'duration' }
  /** The path of a PEM file. */
  | { readonly is: 'file' }
  /** `http://…` or `https://…`. */
  | { readonly is: 'url' };

export interface Parameter {
  readonly name: string;
  readonly type: ParameterType;
  /** For help, a phrase: `the dead-letter queue; * stands for the name of the queue`. */
  readonly meaning: string;
  /** What holds where it is left out, as it would be written; absent: nothing, or something that is found out. */
  readonly usual?: string;
  /** How help writes the value, where the type does not say it well: `NAME`. */
  readonly placeholder?: string;
  /** The value is a secret, which no output may hold. */
  readonly secret?: true;
  /** What it says of the encryption; see `Scheme.encryption` for `server`. */
  readonly tls?: 'ca' | 'cert' | 'key' | 'server-name' | 'verify' | 'server';
  /**
   * Whether the URL of a project's context may have it, which a stranger has written. `yes`: it only says how messages
   * are read. `this-machine`: its value is a URL, which must lead to this machine. `same-host`: or to the broker's own
   * host. Absent: it may not, because it names a file, an identity or another server.
   */
  readonly inProject?: 'yes' | 'this-machine' | 'same-host';
}

/** A flag that one broker alone understands. On any other it is refused with `purpose`. */
export interface BrokerFlag {
  /** Without the dashes: `deny-policy`. */
  readonly name: string;
  /** How help writes its value: `<exchange>`; `[field]` where it may be left out; null: it has none. */
  readonly value: string | null;
  readonly verbs: readonly string[];
  readonly meaning: string;
  /** What it is for, as the end of a sentence that refuses it elsewhere. */
  readonly purpose: string;
  readonly becomes: FlagEffect;
}

export type FlagEffect =
  /**
   * A parameter of the URL; `usual`: its value where the flag has none. `demands`: what the links of the named queue
   * must say; else it is refused as no queue of that sort.
   */
  | {
      readonly parameter: string;
      readonly usual: string;
      readonly demands?: { readonly link: 'unwraps'; readonly refusal: string; readonly hint: string };
    }
  /**
   * A member of the broker's own record in `native` of what is sent. `beside`: members that come with it unless other
   * flags set them. `needs`: another flag without which it means nothing.
   */
  | {
      readonly native: string;
      readonly beside?: Readonly<Record<string, JsonValue>>;
      readonly needs?: string;
    };

export interface OpenOptions {
  readonly connectTimeoutMs: number;
  /**
   * `--timeout`: the longest wait for one answer of the broker, also where no signal of a single call can say so (a
   * send that nobody may cut off, a consumer, closing). Absent: the backend's own.
   */
  readonly timeoutMs?: number;
  /**
   * The operator has set it: it ends also what is waited for because the broker has said that it must be (publishers
   * that are blocked).
   */
  readonly isTimeoutAsked?: boolean;
  readonly notice: Notice;
  readonly signal: AbortSignal;
}

/** What `backends/<name>/index.ts` exports as `backend`. */
export interface Backend {
  readonly name: string;
  /** The general abilities of each kind that this broker has, for `mq backends`. */
  readonly kinds: readonly Capabilities[];
  /**
   * Connects, or throws `UNAVAILABLE`, `UNAUTHENTICATED`, `CONFIG_INVALID` … within `connectTimeoutMs`. `url` may hold
   * a password.
   */
  open(url: string, options: OpenOptions): Promise<Broker>;
}

/** A manifest with the way to its implementation, whose client library is loaded by `load` only. */
export interface RegisteredBackend {
  readonly manifest: Manifest;
  load(): Promise<Backend>;
}
