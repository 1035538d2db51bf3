import { describe, expect, test } from 'vitest';
import { Guard, type Policy } from '../../../src/change/guard.ts';
import { guarded } from '../../../src/change/question.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';

const never = new AbortController().signal;

function policy(name: string, special: Partial<Policy> = {}): Policy {
  return { name, file: 'config.yaml', isReadonly: false, isProtected: false, rules: [], ...special };
}

const prod = policy('prod', { isProtected: true });
const asks = policy('ruled', { rules: [{ pattern: 'pay-*', verbs: { move: 'confirm' } }] });
const denies = policy('ruled', { rules: [{ pattern: 'pay-*', verbs: { '*': 'deny' } }] });

describe('a queue that nobody named', () => {
  test('is asked for while a question can be, and refused once it cannot', () => {
    const guard = new Guard('move');
    guard.require('pay-in', asks);
    expect(guard).toMatchObject({ toConfirm: ['pay-in'], confirmingContexts: ['ruled'] });
    const late = new Guard('move');
    late.seal();
    expect(() => late.require('pay-in', asks)).toThrow(/move of pay-in on ruled has to be confirmed by name/);
    expect(() => late.require('orders', asks)).not.toThrow();
    expect(() => late.require('pay-in', null)).not.toThrow();
  });

  test('is allowed where a name was typed, and never against a rule that denies', () => {
    const guard = new Guard('move');
    guard.admit({ queue: 'orders', policy: prod });
    guard.seal();
    expect(() => guard.require('pay-in', asks)).not.toThrow();
    expect(() => guard.require('pay-in', denies)).toThrow(/has a rule against this: pay-\*: \{move: deny\}/);
  });

  test('does not come in by an alias: the broker knows it by its own name', async () => {
    const broker = { name: 'memory', queue: async () => ({ name: 'pay-in' }) as Queue } as unknown as Broker;
    const guard = new Guard('move');
    await expect(guard.watch(broker, denies).queue('alias', never)).rejects.toMatchObject({ code: 'USAGE' });
    await guard.watch(broker, asks).queue('alias', never);
    expect(guard.toConfirm).toEqual(['pay-in']);
    expect(guard.watch(broker, policy('free'))).toBe(broker);
  });
});

describe('the question', () => {
  const asked = (typed: string | null, about: string | null, policies: readonly (Policy | null)[], guard: Guard) =>
    guarded({ lines: ['Move?'], typed, about, policies }, guard);

  test('names the contexts, which of them asks, and whose name is wanted', () => {
    const guard = new Guard('move');
    guard.admit({ queue: 'orders', policy: policy('from') });
    guard.admit({ queue: 'archive', policy: prod });
    expect(asked(null, 'orders', [policy('from'), prod], guard)).toEqual({
      lines: ['Move?', '  context: from, to prod (protected)', '  archive is protected: type its name'],
      typed: 'archive',
    });
  });

  test('wants the name that cannot be done without, where that is among those to confirm', () => {
    const guard = new Guard('purge');
    for (const queue of ['a', 'b']) guard.admit({ queue, policy: prod });
    expect(asked('b', 'b', [prod], guard)).toEqual({ lines: ['Move?', '  context: prod (protected)'], typed: 'b' });
    expect(asked('b-dlq', 'b-dlq', [prod], guard)).toMatchObject({ typed: 'a' });
  });

  test('of no context says none, and asks for a yes where nothing wants a name', () => {
    expect(asked(null, 'q', [null], new Guard('move'))).toEqual({ lines: ['Move?'], typed: null });
    expect(asked('q', 'q', [null, null], new Guard('purge'))).toEqual({ lines: ['Move?'], typed: 'q' });
  });
});
