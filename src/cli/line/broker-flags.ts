import type { Command } from 'commander';
import { type Target, withParameter } from '../../config/target.ts';
import { askIfAble } from '../../contract/ask.ts';
import type { BrokerFlag, Manifest } from '../../contract/backend.ts';
import { MqError } from '../../contract/errors.ts';
import type { JsonValue } from '../../contract/message.ts';
import type { Queue } from '../../contract/queue.ts';
import { MANIFESTS, manifestOf } from '../brokers.ts';

interface Owned {
  readonly flag: BrokerFlag;
  readonly manifest: Manifest;
}

/** Adds the flags that only one broker understands, of every broker that has some for this verb. */
export function addBrokerFlags(command: Command): void {
  for (const { flag } of flagsOf(command.name()))
    command.option(`--${flag.name}${flag.value === null ? '' : ` ${flag.value}`}`, flag.meaning);
}

/** The target with the parameters that such flags set. Its URL rejects on another broker, see `withParameter`. */
export function withBrokerFlags(verb: string, target: Target, flags: object): Target {
  let made = target;
  for (const { flag, manifest, value } of givenFlags(verb, flags)) {
    if (!('parameter' in flag.becomes)) continue;
    made = withParameter(made, {
      flag: `--${flag.name}`,
      parameter: flag.becomes.parameter,
      value: typeof value === 'string' ? value : flag.becomes.usual,
      schemes: manifest.schemes.map(({ name }) => name),
      purpose: flag.purpose,
    });
  }
  return made;
}

/**
 * Such a flag may apply to one sort of queue only: on another, the verb would do something that was not asked for.
 * Throws `NOT_SUPPORTED`.
 */
export async function requireDemanded(verb: string, flags: object, queue: Queue, signal: AbortSignal): Promise<void> {
  for (const { flag } of givenFlags(verb, flags)) {
    if (!('parameter' in flag.becomes) || flag.becomes.demands === undefined) continue;
    const { link, refusal, hint } = flag.becomes.demands;
    if ((await askIfAble(queue, 'deadLetters')?.deadLetters(signal))?.[link] === true) continue;
    throw new MqError('NOT_SUPPORTED', `${queue.name} ${refusal}`, { hint, operation: verb, queue: queue.name });
  }
}

/** The properties that such flags add to the brokers' own records of a message that is sent. */
export interface NativeFlags {
  /** By the broker's name; empty: no such flag was given. */
  readonly records: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
  /** Throws `NOT_SUPPORTED` if the messages go to another broker than the one that a flag is for. */
  requireBroker(broker: string, queue: string): void;
}

/** Throws `USAGE` if a flag is there without the one that it needs. */
export function nativeFlags(verb: string, flags: object): NativeFlags {
  const given = givenFlags(verb, flags).filter(({ flag }) => 'native' in flag.becomes);
  const records: Record<string, Record<string, JsonValue>> = {};
  // The extra values first, so that a flag of its own overrides them.
  for (const { flag, manifest } of given) {
    if (!('native' in flag.becomes)) continue;
    const { needs, beside } = flag.becomes;
    if (needs !== undefined && !given.some((other) => other.flag.name === needs))
      throw new MqError('USAGE', `--${flag.name} needs --${needs}`);
    records[manifest.name] = { ...records[manifest.name], ...beside };
  }
  for (const { flag, manifest, value } of given) {
    if (!('native' in flag.becomes)) continue;
    records[manifest.name] = { ...records[manifest.name], [flag.becomes.native]: value };
  }
  return {
    records,
    requireBroker(broker, queue) {
      const [foreign] = given.filter(({ manifest }) => manifest.name !== broker);
      if (foreign === undefined) return;
      const { name, purpose } = foreign.flag;
      const title = manifestOf(broker)?.title ?? broker;
      throw new MqError('NOT_SUPPORTED', `--${name} is for ${purpose}`, {
        hint: `leave --${name} out: ${queue} is on ${title}`,
        queue,
      });
    },
  };
}

function flagsOf(verb: string): readonly Owned[] {
  return MANIFESTS.flatMap((manifest) =>
    manifest.flags.filter(({ verbs }) => verbs.includes(verb)).map((flag) => ({ flag, manifest })),
  );
}

function givenFlags(verb: string, flags: object): readonly (Owned & { readonly value: string | true })[] {
  const all = new Map<string, unknown>(Object.entries(flags));
  return flagsOf(verb).flatMap((owned) => {
    const value = all.get(camelCase(owned.flag.name));
    return typeof value === 'string' || value === true ? [{ ...owned, value }] : [];
  });
}

/** The name under which commander stores the value of a flag. */
function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_all, letter: string) => letter.toUpperCase());
}
