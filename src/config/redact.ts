import { schemeOf } from '../contract/address.ts';
import type { Known } from './known.ts';

const HIDDEN = '***';
/**
 * A shorter secret would be found inside many words, and hiding it there would make messages unreadable. So it is
 * hidden only if no letter or digit is next to it: in a URL, a parameter, or a protocol's own text.
 */
const SHORT = 4;

/**
 * The secrets of this run. Everything that goes to stderr passes through `redact`, because client libraries and
 * operating systems repeat URLs and passwords in unexpected places.
 */
export class Secrets {
  readonly #brokers: Known['brokers'];
  readonly #values = new Set<string>();
  #longestFirst: readonly string[] | null = null;

  constructor(brokers: Known['brokers']) {
    this.#brokers = brokers;
  }

  /**
   * Registers the password in a URL, both as written and decoded. Also registers the values of parameters that the
   * broker declares as secret, or whose names sound secret.
   */
  learnUrl(url: string): void {
    for (const secret of secretsIn(url, this.#brokers)) this.learn(secret);
  }

  /**
   * The same for any word of the command line: if a URL is typed in place of a queue or a context, the error repeats
   * it. Short values are not taken from a URL inside a longer text (a body, a command): `?key=5` would hide a count of
   * messages.
   */
  learnWord(word: string): void {
    const at = urlAt(word);
    if (at === -1) return;
    const isText = /[\s"']/.test(word);
    for (const secret of secretsIn(word.slice(at), this.#brokers))
      if (!isText || secret.length >= SHORT) this.learn(secret);
  }

  /** Registers a secret in every form in which it may be repeated. */
  learn(secret: string): void {
    if (secret.length === 0) return;
    for (const form of formsOf(secret)) this.#values.add(form);
    this.#longestFirst = null;
  }

  /**
   * Replaces every registered secret, the longest first, so that no part of one remains. A short one is replaced only
   * if it stands alone.
   */
  redact(text: string): string {
    this.#longestFirst ??= [...this.#values].sort((a, b) => b.length - a.length);
    let redacted = text;
    for (const secret of this.#longestFirst) {
      redacted = redacted.replaceAll(secret, (found, at: number, whole: string) =>
        secret.length < SHORT && isInWord(whole, at, found.length) ? found : HIDDEN,
      );
    }
    return redacted;
  }

  /** The same value with every text in it redacted. Keys, numbers and the structure stay. */
  redactValue(value: unknown): unknown {
    if (this.#values.size === 0) return value;
    if (typeof value === 'string') return this.redact(value);
    if (Array.isArray(value)) return value.map((item) => this.redactValue(item));
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.redactValue(item)]));
  }
}

/**
 * The position of the first `scheme://` in a text; -1: there is none. The search looks for `://` first, because an
 * expression that begins with the scheme takes quadratic time on a body without spaces: minutes for 200 KB.
 */
export function urlAt(text: string): number {
  for (let end = text.indexOf('://'); end !== -1; end = text.indexOf('://', end + 1)) {
    let start = end;
    while (start > 0 && /[a-z0-9+.-]/i.test(text.charAt(start - 1))) start -= 1;
    const letter = text.slice(start, end).search(/[a-z]/i);
    if (letter !== -1) return start + letter;
  }
  return -1;
}

function isInWord(text: string, at: number, length: number): boolean {
  return (
    /[\p{L}\p{N}]$/u.test(text.slice(Math.max(0, at - 2), at)) ||
    /^[\p{L}\p{N}]/u.test(text.slice(at + length, at + length + 2))
  );
}

/**
 * The forms of a secret: as it is; percent-encoded in the ways of forms, `encodeURI` and WHATWG URLs; inside JSON; and
 * inside a quoted JavaScript text.
 */
function formsOf(secret: string): readonly string[] {
  const wellFormed = secret.toWellFormed();
  const encoded = encodeURIComponent(wellFormed);
  const login = new URL('mq://host');
  login.password = wellFormed;
  const json = JSON.stringify(secret).slice(1, -1);
  return [
    secret,
    encoded,
    encoded.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`),
    encoded.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    encodeURI(wellFormed),
    login.password,
    json,
    json.replaceAll('\\"', '"').replaceAll("'", "\\'"),
  ].filter((form) => form !== '');
}

const SOUNDS_SECRET = /pass|secret|token|key/i;

type IsSecret = (parameter: string) => boolean;

/**
 * The parameters that the broker of a URL declares as secret. Names that sound secret count as well, because some
 * schemes are unknown.
 */
function isSecretIn(url: string, brokers: Known['brokers']): IsSecret {
  const declared = schemeOf(url, brokers)?.manifest.parameters ?? [];
  const names = new Set(declared.filter(({ secret }) => secret === true).map(({ name }) => name));
  return (parameter) => names.has(decoded(parameter)) || SOUNDS_SECRET.test(parameter);
}

/**
 * Finds the values of secret parameters in one pass: a single expression takes minutes on a text with many question
 * marks.
 */
function secretValues(text: string, isSecret: IsSecret): readonly { readonly start: number; readonly end: number }[] {
  const found: { start: number; end: number }[] = [];
  let begin = 0;
  for (const piece of text.split(/[&#]/)) {
    const end = begin + piece.length;
    let name = text.charAt(begin - 1) === '&' ? 0 : afterMark(piece, 0);
    while (name !== -1) {
      const equals = piece.indexOf('=', name);
      if (equals === -1) break;
      if (isSecret(piece.slice(name, equals))) {
        found.push({ start: begin + equals + 1, end });
        break;
      }
      name = afterMark(piece, equals);
    }
    begin = end + 1;
  }
  return found;
}

/** -1: there is none. */
function afterMark(text: string, from: number): number {
  const mark = text.indexOf('?', from);
  return mark === -1 ? -1 : mark + 1;
}

/**
 * A URL that is safe to show: the password and secret parameters are hidden. It also works on text that is not a valid
 * URL.
 */
export function redactUrl(url: string, brokers: Known['brokers']): string {
  const { start, end } = passwordRange(url);
  const withoutPassword = start === end ? url : url.slice(0, start) + HIDDEN + url.slice(end);
  let shown = '';
  let shownTo = 0;
  for (const value of secretValues(withoutPassword, isSecretIn(url, brokers))) {
    shown += withoutPassword.slice(shownTo, value.start) + HIDDEN;
    shownTo = value.end;
  }
  return shown + withoutPassword.slice(shownTo);
}

function secretsIn(url: string, brokers: Known['brokers']): readonly string[] {
  const { start, end } = passwordRange(url);
  const password = url.slice(start, end);
  const user = url
    .slice(0, start)
    .replace(/^[^/]*\/\//, '')
    .replace(/:$/, '');
  // The form that HTTP sends as "Basic".
  const basic = password === '' ? '' : Buffer.from(`${decoded(user)}:${decoded(password)}`).toString('base64');
  const values = secretValues(url, isSecretIn(url, brokers)).map(({ start, end }) => url.slice(start, end));
  const raw = [password, ...partsOf(password), ...values];
  return [...raw.flatMap((secret) => [secret, decoded(secret)]), basic].filter((secret) => secret !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Where the password is in `scheme://user:password@host…`: up to the last `@` before the path, because people forget to
 * encode one. The authority would also seem to end too early at an unencoded slash, question mark or hash. So an `@`
 * after a question mark or a hash counts as well.
 */
function passwordRange(url: string): { readonly start: number; readonly end: number } {
  const authority = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0].length;
  if (authority === undefined) return { start: 0, end: 0 };
  const pathAt = url.slice(authority).search(/[/?#]/);
  const limit = pathAt === -1 ? url.length : authority + pathAt;
  const colon = url.indexOf(':', authority);
  const before = url.lastIndexOf('@', limit);
  const behind = url.slice(limit);
  const query = behind.search(/[?#]/);
  const isPath = before > authority && (query === -1 || behind.lastIndexOf('@') < query);
  const at = isPath ? before : url.lastIndexOf('@');
  if (at <= authority || colon === -1 || colon > at) return { start: 0, end: 0 };
  return { start: colon + 1, end: at };
}

/**
 * The parts between letters that should have been encoded: parsers take some of them for a host, a port, a path or a
 * parameter, and errors quote those.
 */
function partsOf(password: string): readonly string[] {
  return /[?@#/&=;]/.test(password) ? password.split(/[?@#/&=:;]/).filter((part) => part !== '') : [];
}
