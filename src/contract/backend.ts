import type { Broker } from './broker.ts';
import type { Call } from './call.ts';
import type { Capabilities } from './capabilities.ts';
import type { JsonValue, MetadataField } from './message.ts';

/**
 * Everything that is known of a broker before its client library is loaded. `backends/<name>/manifest.ts` exports it as
 * `manifest`, and it is only data. Help, completion, redaction and the checks of `doctor` are made from it.
 */
export interface Manifest {
  /** Used in JSON, in errors and as the key of `native`: `rabbitmq`. */
  readonly name: string;
  /** The name as its makers write it: `RabbitMQ`. */
  readonly title: string;
  /** The first one is the one that hints show. */
  readonly schemes: readonly Scheme[];
  /** The forms of its addresses, for help: one line each. */
  readonly forms: readonly AddressForm[];
  /** The parameters that may follow the `?` of its URLs. An unknown one is refused. */
  readonly parameters: readonly Parameter[];
  /** Flags that only this broker understands. */
  readonly flags: readonly BrokerFlag[];
  /** The kinds of queue that `create --kind` may make, or refuses with a reason. */
  readonly kinds: readonly string[];
  /** A word for the help of flags that only some kinds of this broker have: `{groupId: 'SQS FIFO'}`. */
  readonly holders: Readonly<Partial<Record<MetadataField, string>>>;
  /** Examples for the help of a verb, if this broker has something special to show. */
  readonly examples: Readonly<Record<string, readonly string[]>>;
  /** What else an operator has to know of its URLs: paragraphs of `mq help urls`. */
  readonly remarks: readonly string[];
  /**
   * The schemes of the URLs that are names of its queues. For a broker without such names it is empty: there, a URL
   * instead of a queue is a mistake, and may contain a password.
   */
  readonly queueUrls: readonly string[];
  /** Present if the address is the path of a file. */
  readonly file?: FileAddress;
}

/** One scheme of a URL. */
export interface Scheme {
  /** Without the colon. */
  readonly name: string;
  /** The port if the URL names none; null: a URL cannot name one. */
  readonly port: number | null;
  /**
   * `tls`: encrypted from the first byte. `plain`: not at all. `parameter`: the URL in a parameter of the role `server`
   * decides; without it the client library does. `none`: there is no network.
   */
  readonly encryption: 'tls' | 'plain' | 'parameter' | 'none';
  /** For a plain scheme: the encrypted scheme of the same broker. */
  readonly encrypted?: string;
}

export interface AddressForm {
  /** `amqp://user:password@host/vhost` */
  readonly form: string;
  readonly meaning: string;
  /** How hints abbreviate it: `amqp://…`. Absent: hints do not show this form. */
  readonly short?: string;
  /** The form in a configuration that takes the password from elsewhere. */
  readonly example?: string;
}

/** An address that is a path, such as `sqlite:PATH`. */
export interface FileAddress {
  /** The file in the folder of the user's data that the scheme alone means. */
  readonly usual: string;
}

/** The form that the value of a parameter must have. Numbers include both ends. */
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
  /** The value that applies if it is left out, as it would be written. Absent: there is none, or it is found out. */
  readonly usual?: string;
  /** How help writes the value, if the type does not say it well: `NAME`. */
  readonly placeholder?: string;
  /** The value is a secret, and no output may contain it. */
  readonly secret?: true;
  /** What it says about the encryption. See `Scheme.encryption` for `server`. */
  readonly tls?: 'ca' | 'cert' | 'key' | 'server-name' | 'verify' | 'server';
  /**
   * Whether the URL of a project's context may have it: a stranger may have written that URL. `yes`: it only says how
   * messages are read. `this-machine`: its value is a URL that must lead to this machine. `same-host`: or to the
   * broker's own host. Absent: it may not, because it names a file, an identity or another server.
   */
  readonly inProject?: 'yes' | 'this-machine' | 'same-host';
}

/** A flag that only one broker understands. Any other broker refuses it with `purpose`. */
export interface BrokerFlag {
  /** Without the dashes: `deny-policy`. */
  readonly name: string;
  /** How help writes its value: `<exchange>`; `[field]` if it may be left out; null: it has none. */
  readonly value: string | null;
  readonly verbs: readonly string[];
  readonly meaning: string;
  /** Its purpose, as the end of a sentence that refuses it elsewhere. */
  readonly purpose: string;
  readonly becomes: FlagEffect;
}

export type FlagEffect =
  /**
   * A parameter of the URL. `usual`: its value if the flag has none. `demands`: what the links of the named queue must
   * say; otherwise the flag is refused, because the queue is of another sort.
   */
  | {
      readonly parameter: string;
      readonly usual: string;
      readonly demands?: { readonly link: 'unwraps'; readonly refusal: string; readonly hint: string };
    }
  /**
   * A member of the broker's own record in `native` of a sent message. `beside`: members that come with it unless other
   * flags set them. `needs`: another flag that it requires.
   */
  | {
      readonly native: string;
      readonly beside?: Readonly<Record<string, JsonValue>>;
      readonly needs?: string;
    };

export interface OpenOptions extends Call {
  readonly connectTimeoutMs: number;
  /**
   * `--timeout`: the longest wait for one answer of the broker. It also applies where no signal of a single call can
   * say so (a send that must not be cut off, a consumer, closing). Absent: the backend's own limit.
   */
  readonly timeoutMs?: number;
  /**
   * The queue that is looked at first. The questions about it may be sent with those of the opening, which spares a
   * round trip. It changes no result: neither that of the opening nor what the queue's own opening finds.
   */
  readonly expects?: string;
  /** The operator has set it. Then it also ends waits that the broker has asked for (publishers that are blocked). */
  readonly isTimeoutAsked?: boolean;
}

/** The value that `backends/<name>/index.ts` exports as `backend`. */
export interface Backend {
  readonly name: string;
  /** The general abilities of each kind that this broker has, for `mq backends`. */
  readonly kinds: readonly Capabilities[];
  /**
   * Connects, or throws `UNAVAILABLE`, `UNAUTHENTICATED`, `CONFIG_INVALID` … within `connectTimeoutMs`. `url` may
   * contain a password.
   */
  open(url: string, options: OpenOptions): Promise<Broker>;
}

/** A manifest with the way to its implementation. Only `load` loads the client library. */
export interface RegisteredBackend {
  readonly manifest: Manifest;
  load(): Promise<Backend>;
}
