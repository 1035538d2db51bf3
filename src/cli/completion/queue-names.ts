import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecretText } from '../../config/configuration.ts';
import { fingerprint } from '../../config/fingerprint.ts';
import { isKnownProject } from '../../config/known-projects.ts';
import type { Settings } from '../../config/load.ts';
import { writePrivateFile } from '../../config/private-file.ts';
import type { Target } from '../../config/target.ts';
import { namesOfQueues } from '../../core/queue-names.ts';
import { safe } from '../../core/safe-text.ts';
import { shownUrl } from '../brokers.ts';
import type { CompletionHost } from './completion-host.ts';

/** How long names are taken from the cache without asking the broker. */
const FRESH_MS = 10_000;

/** Older names are not used, even if the broker does not answer. */
const STALE_MS = 10 * 60_000;

export interface NamesRequest {
  readonly host: CompletionHost;
  readonly settings: Settings;
  readonly target: Target;
  /** Aborted at the deadline of the whole completion. */
  readonly signal: AbortSignal;
}

/**
 * The names of the queues of a broker: from the cache, else from the broker within the deadline, else whatever is
 * known. It never throws, asks, or runs a program for a secret: a person who presses Tab expects none of that.
 */
export async function queueNames(request: NamesRequest): Promise<readonly string[]> {
  const { host, settings, target, signal } = request;
  const file = await cacheFile(settings, target, signal);
  const cached = await readCache(file, host.now());
  const isFresh = cached !== null && cached.ageMs < FRESH_MS;
  const isUnknown = target.settings?.isFromProject === true && !isKnownProject(settings.places, target.settings);
  if (isFresh || isUnknown || !mayConnect(target)) return cached?.names ?? [];
  const live = await namesFromBroker(request);
  const stale = cached !== null && cached.ageMs < STALE_MS ? cached.names : [];
  if (live === null || (!live.isComplete && live.names.length === 0)) return stale;
  if (live.isComplete) await writeCache(file, live.names);
  return live.names;
}

/**
 * Keeps names that a command has read anyway, for a context whose secret comes from a program. Tab never asks such a
 * broker, so these names are all that it can offer there. Never throws.
 */
export async function rememberNames(settings: Settings, target: Target, names: readonly string[]): Promise<void> {
  if (mayConnect(target)) return;
  await writeCache(await cacheFile(settings, target, new AbortController().signal), names.filter(isPrintable));
}

async function cacheFile(settings: Settings, target: Target, signal: AbortSignal): Promise<string> {
  return join(settings.places.cacheFolder, `names-${await keyOf(target, signal)}`);
}

async function writeCache(file: string, names: readonly string[]): Promise<void> {
  await writePrivateFile(file, `${names.join('\n')}\n`).catch(() => {});
}

async function keyOf(target: Target, signal: AbortSignal): Promise<string> {
  const { context, settings } = target;
  const key =
    context === null ? `url ${shownUrl(await target.connectionUrl(signal))}` : `context ${context} ${settings?.file}`;
  return fingerprint(key);
}

interface Cached {
  readonly names: readonly string[];
  readonly ageMs: number;
}

async function readCache(file: string, now: number): Promise<Cached | null> {
  try {
    const ageMs = Math.abs(now - (await stat(file)).mtimeMs);
    return { names: (await readFile(file, 'utf8')).split('\n').filter(isPrintable), ageMs };
  } catch {
    return null;
  }
}

/** A program that fetches a secret may ask for a fingerprint or a password. */
function mayConnect({ settings }: Target): boolean {
  const runs = (text: SecretText | null | undefined): boolean => text?.from === 'command';
  return !runs(settings?.url) && !runs(settings?.user) && !runs(settings?.password);
}

const CONNECT_TIMEOUT_MS = 900;

interface LiveNames {
  readonly names: readonly string[];
  /** False if the deadline came first. */
  readonly isComplete: boolean;
}

async function namesFromBroker({ host, target, signal }: NamesRequest): Promise<LiveNames | null> {
  const names: string[] = [];
  const work = async (): Promise<boolean> => {
    const url = await target.connectionUrl(signal);
    const broker = await host.openBroker(url, { connectTimeoutMs: CONNECT_TIMEOUT_MS, notice: () => {}, signal });
    try {
      for await (const name of namesOfQueues(broker, signal)) if (isPrintable(name)) names.push(name);
      return !signal.aborted;
    } finally {
      await broker.close();
    }
  };
  const deadline = new Promise<boolean>((resolve) => {
    signal.addEventListener('abort', () => resolve(false), { once: true });
  });
  try {
    const isComplete = await Promise.race([work(), deadline]);
    return { names: names.toSorted(), isComplete };
  } catch {
    return null;
  }
}

/**
 * These names have to be typed. A name with control characters, such as a line feed, cannot pass through the shells'
 * protocols. A name with invisible letters would be taken for another.
 */
function isPrintable(name: string): boolean {
  return name !== '' && safe(name) === name;
}
