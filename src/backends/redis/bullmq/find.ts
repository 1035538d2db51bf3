import type { MqError } from '../../../contract/errors.ts';
import type { Asking } from '../connection/asked-together.ts';
import { isOfSilentNode } from '../connection/cluster-nodes.ts';
import type { Call } from '../connection/connection.ts';
import { asList, asText, asTextOrNull } from '../connection/reply.ts';
import { redisError } from '../errors.ts';
import type { RedisSettings } from '../url.ts';
import { type Layout, layoutOf } from './version.ts';

/** A BullMQ queue and where its keys are. */
export interface BullPlace {
  /** The library's name for it: without a colon. */
  readonly name: string;
  /** Everything before the name; it may contain colons. */
  readonly prefix: string;
  /** `<prefix>:<name>`: each key of the queue is this, a colon, and more. */
  readonly base: string;
  /** The operator's name for it: the name alone under the expected prefix, else the whole base. */
  readonly shown: string;
  /** `bull4`: the library before BullMQ, read-only here. */
  readonly generation: 'bullmq' | 'bull4';
  /** The version whose keys it has. */
  readonly layout: Layout;
}

export const DEFAULT_PREFIX = 'bull';

/** The queue of that name, or null. Reads only. */
export async function findBull(
  connection: Asking,
  name: string,
  signal: AbortSignal,
  onDenied?: (base: string, error: MqError) => void,
): Promise<BullPlace | null> {
  const found = await verifyBull(connection, basesOf(connection.settings, name), signal, onDenied);
  return found.find(({ shown }) => shown === name) ?? null;
}

/** The places where a queue of that name may be. */
function basesOf({ prefix }: RedisSettings, name: string): readonly string[] {
  return [`${prefix ?? DEFAULT_PREFIX}:${name}`, ...(prefix === null && name.includes(':') ? [name] : [])];
}

/** All that `findBull` asks. */
export function bullCalls(settings: RedisSettings, name: string): readonly Call[] {
  return callsFor(basesOf(settings, name));
}

function callsFor(bases: readonly string[]): readonly Call[] {
  return [
    ...bases.flatMap((base) => KEYS.map((key): Call => ['TYPE', `${base}:${key}`])),
    ...bases.map((base): Call => ['HMGET', `${base}:meta`, 'version', 'opts.maxLenEvents', 'paused', 'concurrency']),
  ];
}

const KEYS = [
  'meta',
  'id',
  'events',
  'wait',
  'paused',
  'active',
  'completed',
  'failed',
  'delayed',
  'meta-paused',
  'priority',
  'marker',
] as const;
type KeyTypes = Readonly<Record<(typeof KEYS)[number], string>>;
const BATCH = 200;

/**
 * Which of these bases are queues. BullMQ writes a `meta` hash with a version or its options (unless told not to), and
 * an `events` stream. Bull 4 has neither: it has the counter `id`, the lists and sorted sets of states, and, while it
 * is paused, a `meta` with only that flag.
 */
export async function verifyBull(
  connection: Asking,
  bases: readonly string[],
  signal: AbortSignal,
  onDenied: (base: string, error: MqError) => void = () => {},
): Promise<readonly BullPlace[]> {
  const found: BullPlace[] = [];
  for (let i = 0; i < bases.length; i += BATCH) {
    const batch = bases.slice(i, i + BATCH);
    const place = { operation: 'look for BullMQ queues', signal };
    const answers = await connection.each(callsFor(batch), place);
    const metas = answers.slice(batch.length * KEYS.length);
    // Nothing can be said about keys of other programs, and nothing needs to be.
    const denied = new Map<string, MqError>();
    const types = answers.slice(0, batch.length * KEYS.length).map((answer, index) => {
      if (answer.ok) return asText(answer.reply);
      const error = redisError(answer.error, place);
      if (error.code !== 'PERMISSION_DENIED' && !isOfSilentNode(error)) throw error;
      denied.set(batch[Math.floor(index / KEYS.length)] ?? '', error);
      return 'none';
    });
    for (const [index, base] of batch.entries()) {
      const type = Object.fromEntries(KEYS.map((key, k) => [key, types[index * KEYS.length + k]])) as KeyTypes;
      const meta = metas[index];
      const [version = null, events, paused, concurrency] =
        meta?.ok === true ? asList(meta.reply).map(asTextOrNull) : [];
      const isMarked = [version, events, concurrency].some((field) => (field ?? null) !== null);
      const generation = generationOf(type, isMarked, (paused ?? null) !== null);
      const error = denied.get(base);
      if (generation === null && error !== undefined) onDenied(base, error);
      if (generation === null) continue;
      const layout = layoutOf(version, { priority: type.priority === 'zset', marker: type.marker === 'zset' });
      found.push(placeOf(base, generation, connection.settings.prefix ?? DEFAULT_PREFIX, layout));
    }
  }
  return found;
}

/** `isMarked`: its `meta` contains what only BullMQ writes. */
function generationOf(type: KeyTypes, isMarked: boolean, isPaused: boolean): BullPlace['generation'] | null {
  if (isMarked) return 'bullmq';
  if (type['meta-paused'] !== 'none') return 'bull4';
  if (isPaused || (type.events === 'stream' && type.id === 'string')) return 'bullmq';
  const hasStates =
    [type.wait, type.paused, type.active].includes('list') ||
    [type.completed, type.failed, type.delayed].includes('zset');
  return type.id === 'string' && hasStates ? 'bull4' : null;
}

export function placeOf(
  base: string,
  generation: BullPlace['generation'],
  expectedPrefix: string,
  layout: Layout,
): BullPlace {
  const colon = base.lastIndexOf(':');
  const prefix = base.slice(0, Math.max(0, colon));
  const name = base.slice(colon + 1);
  return { name, prefix, base, shown: prefix === expectedPrefix ? name : base, generation, layout };
}

/** True for the keys that belong to one of these queues, whatever their type. */
export function isBullKey(key: string, bases: ReadonlySet<string>): boolean {
  for (let colon = key.indexOf(':'); colon !== -1; colon = key.indexOf(':', colon + 1)) {
    if (bases.has(key.slice(0, colon))) return true;
  }
  return false;
}
