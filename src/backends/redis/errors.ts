import { type ErrorCode, isMqError, MqError } from '../../contract/errors.ts';

interface Translation {
  readonly code: ErrorCode;
  readonly says: string;
  readonly hint?: string;
  readonly retryable?: boolean;
  /** The connection ended in the middle of a call. */
  readonly isCut?: true;
}

/**
 * The first word of a Redis error reply → its meaning for an operator
 * (redis.io/docs/latest/develop/reference/protocol-spec, and `shared` in server.c). The sentences are ours: replies may
 * quote arguments, and an argument of AUTH is a password.
 */
const REPLIES: Readonly<Record<string, Translation>> = {
  NOAUTH: {
    code: 'UNAUTHENTICATED',
    says: 'the server asks for a password',
    hint: 'put it into the URL: redis://user:password@host',
  },
  WRONGPASS: { code: 'UNAUTHENTICATED', says: 'the server refused the user or the password' },
  WRONGTYPE: {
    code: 'PRECONDITION_FAILED',
    says: 'the key holds another type of value',
    hint: 'see its type with redis-cli TYPE, and check ?kind= and ?dlq= in the URL',
  },
  CROSSSLOT: {
    code: 'PRECONDITION_FAILED',
    says: 'the keys of this operation live in different slots of the cluster',
    hint: 'queues need a hash tag in their name or prefix, for example {orders}',
  },
  READONLY: {
    code: 'PRECONDITION_FAILED',
    says: 'the server is a read-only replica',
    hint: 'connect to the master, or through Sentinel with ?sentinel=NAME',
  },
  OOM: {
    code: 'LIMIT_EXCEEDED',
    says: 'the server is out of memory (maxmemory is reached)',
    hint: 'free memory or raise maxmemory; nothing was changed',
  },
  LOADING: { code: 'UNAVAILABLE', says: 'the server is still loading its data', hint: 'try again in a moment' },
  MASTERDOWN: { code: 'UNAVAILABLE', says: 'the replica has lost its master' },
  CLUSTERDOWN: {
    code: 'UNAVAILABLE',
    says: 'the cluster is down, or no node of it serves the slot of this key',
    hint: 'see CLUSTER INFO',
  },
  TRYAGAIN: { code: 'UNAVAILABLE', says: 'the cluster is moving these keys' },
  BUSY: { code: 'UNAVAILABLE', says: 'the server is busy with a script' },
  MISCONF: { code: 'UNAVAILABLE', says: 'the server cannot save to disk and refuses writes', retryable: true },
  NOREPLICAS: { code: 'UNAVAILABLE', says: 'the server has too few replicas and refuses writes' },
  MOVED: {
    code: 'CONFIG_INVALID',
    says: 'the server is a node of a cluster',
    hint: 'add ?cluster=true to the URL',
  },
  NOGROUP: { code: 'PRECONDITION_FAILED', says: 'the stream or its consumer group no longer exists' },
  NOTBUSY: { code: 'UNAVAILABLE', says: 'the server is busy' },
};

const CUT = new Set(['ECONNRESET', 'EPIPE']);

const SYSTEM: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  EACCES: 'the system refused the connection',
};

export interface ErrorPlace {
  readonly operation: string;
  readonly queue?: string | undefined;
}

/** True for an answer of the server: then the request was certainly not carried out. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'ReplyError' || error.name === 'SimpleError' || AFTER_REDIRECTIONS.test(error.message);
}

/** A server that cannot save to disk also refuses PING, and answers every call that only reads. */
export function unlessOnlyWritesAreRefused(error: unknown): void {
  if (!isRefusal(error) || !(error instanceof Error) || !error.message.startsWith('MISCONF')) throw error;
}

/**
 * The server refuses a login because it wants none, or because it is older than users and was told one. It says in
 * another way if it wants another.
 */
export function isLoginNeedless(error: unknown): boolean {
  return isRefusal(error) && error instanceof Error && NEEDLESS_LOGIN.test(error.message);
}

const NEEDLESS_LOGIN =
  /no password is set|without any password configured for the default user|wrong number of arguments for 'auth' command/;

/** The library redirected it until it gave up. Each of the nodes had refused it. */
const AFTER_REDIRECTIONS = /^Too many Cluster redirections\. Last error: (?:ReplyError|SimpleError): /;

/**
 * One `MqError` for everything that ioredis or bullmq throws. It contains only sentences of ours, or parts of a reply
 * that cannot hold an argument. The error objects of ioredis carry the password of a refused login in `command.args`,
 * so they are not kept as the cause either.
 */
export function redisError(error: unknown, place: ErrorPlace): MqError {
  if (isMqError(error)) return error;
  const found = translate(error);
  const on = place.queue === undefined ? '' : ` on ${place.queue}`;
  return new MqError(found.code, `cannot ${place.operation}${on}: ${found.says}`, {
    hint: found.hint,
    backend: 'redis',
    operation: place.operation,
    queue: place.queue,
    retryable: found.retryable,
  });
}

const TLS_HINTS: Readonly<Partial<Record<string, string>>> = {
  // OpenSSL gives it for an answer that is not TLS at all.
  ERR_SSL_WRONG_VERSION_NUMBER: 'is this a port without TLS? then use redis://',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name: use the name that the certificate has',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
};

function translate(error: unknown): Translation {
  if (!(error instanceof Error)) return { code: 'UNEXPECTED_RESPONSE', says: 'the client library failed' };
  const inner = innermost(error);
  const text = inner.message;
  if (isRefusal(inner)) return isDenial(text) ? denial(inner) : translateReply(text);
  const system = systemCode(inner);
  if (system !== null) {
    const says = SYSTEM[system];
    if (says !== undefined) return { code: 'UNAVAILABLE', says, ...(CUT.has(system) && { isCut: true }) };
    if (/^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_SSL)/.test(system)) {
      return {
        code: 'UNAVAILABLE',
        says: `the TLS connection was not made (${system})`,
        hint: TLS_HINTS[system] ?? 'name the authority of its certificate with ?ca=FILE',
        retryable: false,
      };
    }
  }
  if (/connect timed out|ETIMEDOUT|timed? ?out/i.test(text))
    return { code: 'TIMEOUT', says: 'the server did not answer in time' };
  if (/Connection is closed|isn't writeable|max retries per request|Stream isn|Connection lost|closed/i.test(text)) {
    return { code: 'UNAVAILABLE', says: 'the connection was lost', isCut: true };
  }
  if (/[Ss]entinel/.test(text)) {
    return {
      code: 'UNAVAILABLE',
      says: 'no Sentinel knows a reachable master of that name',
      hint: 'check ?sentinel=NAME and the hosts',
    };
  }
  if (/Unknown RESP type|Protocol error/.test(text)) {
    return {
      code: 'UNEXPECTED_RESPONSE',
      says: 'the server there does not speak the protocol of Redis',
      hint: 'is it the port of another service?',
    };
  }
  if (/slots? cache|None of startup nodes|cluster/i.test(text)) {
    return { code: 'UNAVAILABLE', says: 'no node of the cluster can be reached' };
  }
  return { code: 'UNEXPECTED_RESPONSE', says: 'the client library failed in a way that mq does not know' };
}

/** The library's word for a socket that brought nothing for `socketTimeout` while an answer was awaited. */
export function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Socket timeout');
}

/** True if the other side ended the connection, in whatever words ioredis or Node say it. */
export function isCut(error: unknown): boolean {
  return !isMqError(error) && translate(error).isCut === true;
}

/** The key of a command that requires one does not exist. */
export function isNoSuchKey(error: unknown): boolean {
  return error instanceof Error && error.message.includes('no such key');
}

/** About one key among many: it does not hold the expected type. */
export function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE');
}

/** Redis 7.0 says it so of a command within a script, and names neither the command nor the key. */
const IN_SCRIPT = /^ERR The user executing the script can't /;

function isDenial(text: string): boolean {
  return /\bNOPERM\b|^(?:ERR )?ACL failure in script/.test(text) || IN_SCRIPT.test(text);
}

/**
 * A refusal for lack of rights names the command and, if it was about a key, the key. The server names the command but
 * never the key, and the library keeps the arguments. No other argument is shown.
 */
function denial(error: Error): Translation {
  const { command } = error as { command?: unknown };
  const asked = typeof command === 'object' && command !== null ? (command as { name?: unknown; args?: unknown }) : {};
  const name = typeof asked.name === 'string' ? asked.name.toLowerCase() : '';
  const denied = /run the '([^']+)' command/.exec(error.message)?.[1] ?? null;
  const what = (denied ?? name).toUpperCase().replace('|', ' ');
  const keys = keysOf(name, Array.isArray(asked.args) ? asked.args : []);
  const onKey = keys.length === 0 ? '' : ` on the key ${keys.join(' or ')}`;
  const hint = 'ACL GETUSER shows what the user may do; mq doctor, what each verb needs';
  if (IN_SCRIPT.test(error.message))
    return { code: 'PERMISSION_DENIED', says: `the user may not run a command that this needs${onKey}`, hint };
  return {
    code: 'PERMISSION_DENIED',
    says:
      denied === null && onKey !== ''
        ? `the user may not use ${what}${onKey}`
        : `the user may not run ${what === '' ? 'this command' : what}${onKey}`,
    hint,
  };
}

/** Commands whose key is not the first argument, with the number of arguments before it; and commands without a key. */
const BEFORE_KEY: Readonly<Record<string, number>> = { xinfo: 1, xgroup: 1, object: 1, memory: 1 };
const WITHOUT_KEY = new Set('acl auth client cluster config hello info ping role scan select time'.split(' '));

function keysOf(name: string, args: readonly unknown[]): readonly string[] {
  const text = (arg: unknown): string[] =>
    typeof arg === 'string' || Buffer.isBuffer(arg) ? [String(arg).slice(0, 200)] : [];
  if (name === '' || WITHOUT_KEY.has(name)) return [];
  if (name === 'eval' || name === 'evalsha') return args.slice(2, 2 + Number(args[1])).flatMap(text);
  return text(args[BEFORE_KEY[name] ?? 0]);
}

function translateReply(reply: string): Translation {
  const text = reply.replace(AFTER_REDIRECTIONS, '');
  if (text !== reply && /^(?:MOVED|ASK)\b/.test(text)) return translateReply('TRYAGAIN');
  const first = /^[A-Z]+/.exec(text)?.[0] ?? '';
  const known = REPLIES[first] ?? REPLIES[/\b(WRONGTYPE|READONLY|OOM|CROSSSLOT|MISCONF)\b/.exec(text)?.[0] ?? ''];
  if (known !== undefined) return known;
  if (/invalid password|AUTH/i.test(text))
    return { code: 'UNAUTHENTICATED', says: 'the server refused the user or the password' };
  if (/DB index is out of range/.test(text)) {
    return {
      code: 'CONFIG_INVALID',
      says: 'the server has no database of this number',
      hint: 'it is what follows the slash in the URL; servers have 0 to 15 unless they are set otherwise',
    };
  }
  if (/max number of clients/.test(text))
    return { code: 'UNAVAILABLE', says: 'the server has no room for another client' };
  const unknown = /unknown (?:command|subcommand) ['‘`"]?([A-Za-z|]+)/i.exec(text)?.[1];
  if (unknown !== undefined) {
    return { code: 'NOT_SUPPORTED', says: `this server does not know the command ${unknown.toUpperCase()}` };
  }
  return {
    code: 'UNEXPECTED_RESPONSE',
    says: `the server answered: ${text.replace(/,? with args beginning with.*/s, '').slice(0, 200)}`,
  };
}

/**
 * ioredis wraps errors: a cluster that cannot be reached keeps the real cause in `lastNodeError`, an interrupted call
 * in `previousErrors`.
 */
function innermost(error: Error): Error {
  const { lastNodeError, errors } = error as { lastNodeError?: unknown; errors?: unknown };
  if (lastNodeError instanceof Error) return innermost(lastNodeError);
  if (Array.isArray(errors) && errors[0] instanceof Error) return innermost(errors[0]);
  return error;
}

function systemCode(error: Error): string | null {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : null;
}
