import { dirname, isAbsolute, join } from 'node:path';
import { addressForms, schemeNameOf, schemeOf } from '../contract/address.ts';
import { MqError } from '../contract/errors.ts';
import type { Context } from './configuration.ts';
import { connectionUrl, requireText } from './connection-url.ts';
import type { Settings } from './load.ts';
import { nearest } from './nearest.ts';
import type { Environment } from './places.ts';
import type { Secrets } from './redact.ts';

export type { Environment } from './places.ts';

/** The broker that a command talks to. */
export interface Target {
  /** The name of its context; null: it is from `--url`, `MQ_URL` or the default. */
  readonly context: string | null;
  /** The configuration of that context; null without one. */
  readonly settings: Context | null;
  /**
   * Fetches secrets if there are any. The URL may contain a password; `Secrets` has learnt it. Throws `CONFIG_INVALID`.
   */
  connectionUrl(signal: AbortSignal): Promise<string>;
  /** No broker was chosen: this is the embedded default. */
  readonly isDefault?: true;
  /** The target that this one was derived from: see `withParameter`. */
  readonly base?: Target;
}

/** A flag that only one backend knows, and that it reads from its URL. */
export interface UrlFlag {
  /** As the user types it: `--unwrap`. */
  readonly flag: string;
  readonly parameter: string;
  readonly value: string;
  readonly schemes: readonly string[];
  /** Its purpose, told when it is refused. */
  readonly purpose: string;
}

/**
 * The same broker with one more parameter in its URL. On any other backend, its URL rejects with `NOT_SUPPORTED`. If
 * the URL has the parameter already, it rejects with `USAGE`.
 */
export function withParameter(target: Target, { flag, parameter, value, schemes, purpose }: UrlFlag): Target {
  return {
    ...target,
    base: target,
    async connectionUrl(signal) {
      const url = await target.connectionUrl(signal);
      if (!schemes.includes(schemeNameOf(url) ?? '')) {
        throw new MqError('NOT_SUPPORTED', `${flag} is for ${purpose}`, { hint: `leave ${flag} out` });
      }
      requireText(value, flag);
      if (new RegExp(`[?&]${parameter}=`).test(url)) {
        throw new MqError('USAGE', `${flag} and ${parameter}= in the URL contradict each other`);
      }
      return `${url}${url.includes('?') ? '&' : '?'}${parameter}=${encodeURIComponent(value)}`;
    },
  };
}

/** The choice on the command line. */
export interface TargetChoice {
  readonly url: string | null;
  /** From `--context` or `queue@context`. */
  readonly context: string | null;
}

/**
 * Order: the line (`--url`, `--context`, `queue@context`) → `MQ_URL` or `MQ_CONTEXT` → the current context (`mq context
 * use`, else the files' `context:`) → the embedded default under `XDG_DATA_HOME/mq`. Throws `CONFIG_INVALID`,
 * `CONTEXT_NOT_FOUND` or `USAGE`.
 */
export function resolveTarget(choice: TargetChoice, settings: Settings, env: Environment, secrets: Secrets): Target {
  const fromContext = (name: string): Target => contextTarget(findContext(settings, name), settings, env, secrets);
  if (choice.url !== null && choice.context !== null) {
    throw new MqError('USAGE', `a URL and the context ${choice.context} name two brokers`, {
      hint: 'give one of them',
    });
  }
  if (choice.url !== null) return urlTarget(choice.url, '--url', settings, secrets);
  if (choice.context !== null) return fromContext(choice.context);
  const envUrl = env.MQ_URL || null;
  const envContext = env.MQ_CONTEXT || null;
  if (envUrl !== null && envContext !== null) {
    throw new MqError('USAGE', 'MQ_URL and MQ_CONTEXT are both set and name two brokers', {
      hint: 'unset one, or choose with --url or --context',
    });
  }
  if (envUrl !== null) return urlTarget(envUrl, 'MQ_URL', settings, secrets);
  if (envContext === null && settings.current !== null) requireOwn(findContext(settings, settings.current));
  const chosen = envContext ?? settings.current ?? settings.configuration.defaultContext;
  if (chosen !== null) return fromContext(chosen);
  return { ...urlTarget(`${embedded(settings)}:`, 'the default', settings, secrets), isDefault: true };
}

/**
 * A choice of `mq context use` applies in every folder. A project's names apply only inside the project: in another
 * repository, the same name would mean another broker. Throws `CONTEXT_NOT_FOUND`.
 */
export function requireOwn({ name, file, isFromProject }: Context): void {
  if (!isFromProject) return;
  throw new MqError('CONTEXT_NOT_FOUND', `${name} is a context of this project (${file}), not one of your own`, {
    hint: `in this project: -c ${name}; to use it everywhere, add it to your own file with mq context add`,
  });
}

/** Throws `CONTEXT_NOT_FOUND`, with the nearest name. `-` is the previous one. */
export function findContext(settings: Settings, asked: string): Context {
  const name = asked === '-' ? settings.previous : asked;
  if (name === null) throw new MqError('CONTEXT_NOT_FOUND', 'there is no previous context');
  const context = settings.configuration.contexts.get(name);
  if (context !== undefined) return context;
  const guess = nearest(name, settings.configuration.contexts.keys());
  throw new MqError('CONTEXT_NOT_FOUND', `no context ${name}`, {
    hint: guess === null ? "see 'mq context ls', or add one with 'mq context add'" : `did you mean ${guess}?`,
  });
}

/**
 * Splits `queue@context` if the part after the last `@` is the name of a known context. Otherwise the whole is the
 * queue.
 */
export function splitQueueAddress(
  address: string,
  settings: Settings,
): { readonly queue: string; readonly context: string | null } {
  const at = address.lastIndexOf('@');
  const name = address.slice(at + 1);
  if (at === -1 || !settings.configuration.contexts.has(name)) return { queue: address, context: null };
  return { queue: address.slice(0, at), context: name };
}

function contextTarget(context: Context, settings: Settings, env: Environment, secrets: Secrets): Target {
  let url: Promise<string> | null = null;
  return {
    context: context.name,
    settings: context,
    connectionUrl(signal) {
      // Fetched once: a password manager should not ask twice for one command.
      url ??= connectionUrl(context, { env, secrets, signal }).then((text) =>
        withFilePath(requireScheme(text, `contexts.${context.name}.url`, settings), settings, dirname(context.file)),
      );
      return url;
    },
  };
}

function urlTarget(url: string, source: string, settings: Settings, secrets: Secrets): Target {
  secrets.learnUrl(url);
  requireScheme(url, source, settings);
  const full = withFilePath(url, settings, null);
  return { context: null, settings: null, connectionUrl: () => Promise.resolve(full) };
}

/** The scheme of the broker that needs no server. Throws `USAGE` if there is none. */
function embedded({ brokers }: Settings): string {
  const scheme = brokers.find(({ file }) => file !== undefined)?.schemes[0];
  if (scheme !== undefined) return scheme.name;
  throw new MqError('USAGE', 'no broker is chosen', { hint: 'choose one with --url, MQ_URL or a context' });
}

/**
 * For brokers whose address is a path: the scheme alone means the default file. A relative path in a configuration file
 * is relative to that file.
 */
function withFilePath(url: string, { places, brokers }: Settings, folder: string | null): string {
  const [, scheme = '', path = ''] = /^([a-z][a-z0-9+.-]*):([^?]*)/i.exec(url) ?? [];
  const file = schemeOf(url, brokers)?.manifest.file;
  if (file === undefined || path.startsWith(':')) return url;
  const query = url.slice(scheme.length + 1 + path.length);
  if (path === '') return `${scheme}:${join(places.dataFolder, file.usual)}${query}`;
  if (folder === null || isAbsolute(path)) return url;
  return `${scheme}:${join(folder, path)}${query}`;
}

function requireScheme(url: string, source: string, { brokers }: Settings): string {
  requireText(url, source);
  if (schemeNameOf(url) !== null) return url;
  throw new MqError('CONFIG_INVALID', `${source} is not a URL: it has no scheme`, {
    hint: `write ${addressForms(brokers)}`,
  });
}
