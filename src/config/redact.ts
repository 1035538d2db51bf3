const HIDDEN = '***';

/**
 * The secrets of this run. Whatever goes to stderr passes through `redact`, because client libraries and operating systems repeat
 * URLs and passwords in places that nobody expects.
 */
export class Secrets {
  readonly #values = new Set<string>();

  /** Registers the password in a URL, as written and decoded, and the values of parameters that sound secret. */
  learnUrl(url: string): void {
    for (const secret of secretsIn(url)) this.learn(secret);
  }

  learn(secret: string): void {
    if (secret.length === 0) return;
    for (const form of [secret, encodeURIComponent(secret), encodeURI(secret), JSON.stringify(secret).slice(1, -1)]) {
      this.#values.add(form);
    }
  }

  /** Replaces every registered secret, the longest first, so that no part of one is left. */
  redact(text: string): string {
    let redacted = text;
    for (const secret of [...this.#values].sort((a, b) => b.length - a.length)) {
      redacted = redacted.replaceAll(secret, HIDDEN);
    }
    return redacted;
  }
}

const SECRET_PARAMETER = /([?&](?:[^=&#]*(?:pass|secret|token|key)[^=&#]*)=)([^&#]*)/gi;

/** A URL fit for eyes: the password and secret parameters hidden. Works on text that is no valid URL as well. */
export function redactUrl(url: string): string {
  const { start, end } = passwordRange(url);
  const withoutPassword = start === end ? url : url.slice(0, start) + HIDDEN + url.slice(end);
  return withoutPassword.replace(SECRET_PARAMETER, `$1${HIDDEN}`);
}

function secretsIn(url: string): readonly string[] {
  const { start, end } = passwordRange(url);
  const raw = [url.slice(start, end), ...[...url.matchAll(SECRET_PARAMETER)].map((match) => match[2] ?? '')];
  return raw.flatMap((secret) => [secret, decoded(secret)]).filter((secret) => secret !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Where the password stands in `scheme://user:password@host…`: up to the last `@` before the path, as people forget to encode one. */
function passwordRange(url: string): { readonly start: number; readonly end: number } {
  const authority = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0].length;
  if (authority === undefined) return { start: 0, end: 0 };
  const pathAt = url.slice(authority).search(/[/?#]/);
  const limit = pathAt === -1 ? url.length : authority + pathAt;
  // A slash in an unencoded password ends the authority too early; then the last @ of the whole text is the safer guess.
  const at = url.lastIndexOf('@', limit) > authority ? url.lastIndexOf('@', limit) : url.lastIndexOf('@');
  const colon = url.indexOf(':', authority);
  if (at <= authority || colon === -1 || colon > at) return { start: 0, end: 0 };
  return { start: colon + 1, end: at };
}
