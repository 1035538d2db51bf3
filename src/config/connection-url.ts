import { MqError } from '../contract/errors.ts';
import type { Context, SecretText } from './configuration.ts';
import type { Environment } from './places.ts';
import type { Secrets } from './redact.ts';
import type { SecretRequest } from './secret.ts';

export interface UrlRequest {
  readonly env: Environment;
  /** Learns every secret before anything can print it. */
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
}

/**
 * The URL to connect with, secrets included. `${NAME}` is expanded after the URL is split. So no value, such as an `@`
 * in a password, can move the border between its parts and change the host. Throws `CONFIG_INVALID`.
 */
export async function connectionUrl(context: Context, { env, secrets, signal }: UrlRequest): Promise<string> {
  const at = (key: string) => ({ path: `contexts.${context.name}.${key}`, configFile: context.file, env, signal });
  const written = await fetchText(context.url, at('url'));
  secrets.learnUrl(written);
  // Only a URL that is written in the user's own file is a template. A URL from a variable, file or command is used as
  // it is.
  const expanded = context.url.from === 'text' ? expandUrl(written, { env, secrets, path: at('url').path }) : written;
  const user = context.user === null ? null : await fetchText(context.user, at('user'));
  const password = context.password === null ? null : await fetchText(context.password, at('password'));
  if (password !== null) secrets.learn(password);
  requireText(user, at('user').path);
  requireText(password, at('password').path);
  const url = withLogin(expanded, user, password, context.name);
  secrets.learnUrl(url);
  return url;
}

/**
 * Half of a character (an unpaired surrogate, which JSON and YAML can write) cannot be part of a URL and has no bytes.
 * Throws `CONFIG_INVALID` without quoting it.
 */
export function requireText(text: string | null, what: string): void {
  if (text === null || text.isWellFormed()) return;
  throw new MqError(
    'CONFIG_INVALID',
    `${what} contains half of a character (an unpaired surrogate), which cannot be sent`,
  );
}

/** A plain text needs no further module. */
async function fetchText(secret: SecretText, request: SecretRequest): Promise<string> {
  return secret.from === 'text' ? secret.text : (await import('./secret.ts')).fetchSecret(secret, request);
}

interface UrlParts {
  /** With its `://` or `:`. */
  readonly scheme: string;
  readonly user: string | null;
  readonly password: string | null;
  /** Host and port. */
  readonly host: string;
  readonly path: string;
  /** With its `?`. */
  readonly query: string;
}

/** Splits by text alone, so that `${NAME}` in it needs no escaping. */
function splitUrl(url: string): UrlParts {
  const match = /^([a-z][a-z0-9+.-]*:(?:\/\/)?)(.*)$/is.exec(url);
  const scheme = match?.[1] ?? '';
  const rest = match?.[2] ?? url;
  const queryAt = rest.indexOf('?');
  const beforeQuery = queryAt === -1 ? rest : rest.slice(0, queryAt);
  const query = queryAt === -1 ? '' : rest.slice(queryAt);
  if (!scheme.endsWith('//')) return { scheme, user: null, password: null, host: '', path: beforeQuery, query };
  const pathAt = beforeQuery.indexOf('/');
  const authority = pathAt === -1 ? beforeQuery : beforeQuery.slice(0, pathAt);
  const path = pathAt === -1 ? '' : beforeQuery.slice(pathAt);
  const loginEnd = authority.lastIndexOf('@');
  const login = loginEnd === -1 ? null : authority.slice(0, loginEnd);
  const colon = login?.indexOf(':') ?? -1;
  return {
    scheme,
    user: login === null ? null : colon === -1 ? login : login.slice(0, colon),
    password: login === null || colon === -1 ? null : login.slice(colon + 1),
    host: authority.slice(loginEnd + 1),
    path,
    query,
  };
}

interface Expansion {
  readonly env: Environment;
  readonly secrets: Secrets;
  readonly path: string;
}

function expandUrl(url: string, { env, secrets, path }: Expansion): string {
  const expand = (part: string, encode: (value: string, name: string) => string, isSecret: boolean): string =>
    part.replace(/\$\{([^}]*)\}/g, (_all, name: string) => {
      const value = env[name];
      if (value === undefined || value === '')
        throw new MqError('CONFIG_INVALID', `${path}: the variable ${name} is not set`);
      if (isSecret) secrets.learn(value);
      requireText(value, `${path}: the variable ${name}`);
      return encode(value, name);
    });
  const parts = splitUrl(url);
  if (parts.scheme === '' && url.includes('${')) {
    throw new MqError('CONFIG_INVALID', `${path}: a variable cannot hold the scheme`, {
      hint: 'for a whole URL in a variable write url: {env: NAME}',
    });
  }
  const asHost = (value: string, name: string): string => {
    if (/[\s/?#@\\]/.test(value))
      throw new MqError('CONFIG_INVALID', `${path}: the variable ${name} does not hold a host`);
    return value;
  };
  // The path of a file keeps its slashes. A virtual host or a database is one segment.
  const asPath = parts.scheme.endsWith('//') ? encodeURIComponent : (value: string) => value;
  return joinUrl({
    scheme: parts.scheme,
    user: parts.user === null ? null : expand(parts.user, encodeURIComponent, false),
    password: parts.password === null ? null : expand(parts.password, encodeURIComponent, true),
    host: expand(parts.host, asHost, false),
    path: expand(parts.path, asPath, false),
    query: expand(parts.query, encodeURIComponent, true),
  });
}

function withLogin(url: string, user: string | null, password: string | null, name: string): string {
  if (user === null && password === null) return url;
  const parts = splitUrl(url);
  if (!parts.scheme.endsWith('//')) {
    throw new MqError('CONFIG_INVALID', `contexts.${name}: this kind of URL takes no user and no password`);
  }
  return joinUrl({
    ...parts,
    user: user === null ? (parts.user ?? '') : encodeURIComponent(user),
    password: password === null ? parts.password : encodeURIComponent(password),
  });
}

function joinUrl({ scheme, user, password, host, path, query }: UrlParts): string {
  const login = user === null ? '' : `${user}${password === null ? '' : `:${password}`}@`;
  return `${scheme}${login}${host}${path}${query}`;
}
