import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { ABILITY_NAMES, membersFor } from '../../../src/contract/abilities.ts';
import { declare } from '../../../src/contract/capabilities.ts';
import { TRAITS, type TraitHolder } from '../../../src/contract/traits.ts';

/** Where each holder is declared. */
const HOLDERS: Readonly<Record<TraitHolder, readonly [file: string, name: string]>> = {
  broker: ['broker', 'Broker'],
  queue: ['queue', 'Queue'],
  publisher: ['queue', 'Publisher'],
  consumer: ['queue', 'Consumer'],
  peek: ['queue', 'Peek'],
  receipt: ['message', 'Receipt'],
  delivery: ['message', 'Delivery'],
  deadLetters: ['queue', 'DeadLetters'],
  nativeMove: ['queue', 'NativeMove'],
};

describe('every optional member is an ability or a declared trait', () => {
  it.each(Object.entries(HOLDERS) as [TraitHolder, readonly [string, string]][])('of %s', (holder, [file, name]) => {
    const traits = Object.entries(TRAITS)
      .filter(([, { of }]) => (of as readonly string[]).includes(holder))
      .map(([trait]) => trait);
    const abilities =
      holder === 'queue' || holder === 'broker' ? ABILITY_NAMES.flatMap((name) => membersFor(name, holder)) : [];
    expect(optionalMembers(file, name).toSorted()).toEqual([...traits, ...abilities].toSorted());
  });
});

function optionalMembers(file: string, name: string): readonly string[] {
  const path = fileURLToPath(new URL(`../../../src/contract/${file}.ts`, import.meta.url));
  const [, body] =
    new RegExp(`^export interface ${name}\\b[^{]*\\{\\n(.*?)^\\}`, 'ms').exec(readFileSync(path, 'utf8')) ?? [];
  if (body === undefined) throw new Error(`no interface ${name} in ${path}`);
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\?[:(]/gm)].map(([, member]) => String(member));
}

test('an ability that a backend does not name is absent, and so is a trait', () => {
  const { abilities, traits } = declare({
    ...{ kind: 'small', broker: 'small', rates: 'none', order: 'best-effort', holds: [], maxBodyBytes: null },
    counts: { ready: 'unknown', inFlight: 'absent', delayed: 'absent', dead: 'absent' },
    abilities: { enqueue: { supported: true, degree: 'native', note: null } },
  });
  expect(traits).toEqual([]);
  expect(abilities.enqueue.supported).toBe(true);
  expect(abilities.pause).toEqual({ supported: false, reason: 'this kind of queue does not offer it', instead: null });
});
