import { expect, test } from 'vitest';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { Publisher } from '../../../src/contract/queue.ts';
import { wrapPublisher } from '../../../src/contract/wrap.ts';

/** It keeps its state where only its own methods reach, as a class of a client library does. */
class Counting implements Publisher {
  #sent = 0;
  readonly window: number = 7;
  get sent() {
    return this.#sent;
  }
  misfits() {
    return [];
  }
  async send() {
    this.#sent += 1;
    return { status: 'sent' as const, id: String(this.#sent) };
  }
  async sendAll(messages: readonly unknown[]) {
    return await Promise.all(messages.map(() => this.send()));
  }
  async close() {}
}

test('what is not changed is kept, and works on the state of the inner one', async () => {
  const inner = new Counting();
  const wrapped = wrapPublisher(inner, { window: 3 });
  expect(wrapped.window).toBe(3);
  expect(inner.window).toBe(7);
  expect(await wrapped.sendAll?.([outgoing(), outgoing()])).toHaveLength(2);
  expect(await wrapped.send(outgoing())).toEqual({ status: 'sent', id: '3' });
  expect(inner.sent).toBe(3);
});

test('a member that is changed to undefined is gone', () => {
  const wrapped = wrapPublisher(new Counting(), { sendAll: undefined });
  expect(wrapped.sendAll).toBeUndefined();
  expect('sendAll' in wrapped).toBe(false);
  expect('send' in wrapped).toBe(true);
});

test('a member that comes later, or that changes, is seen', async () => {
  const inner: Publisher & { window?: number } = new Counting();
  const wrapped = wrapPublisher(inner, {});
  expect((await wrapped.send(outgoing())).status).toBe('sent');
  Object.assign(inner, { window: 9, send: async () => ({ status: 'failed', reason: 'full' }) });
  expect(wrapped.window).toBe(9);
  expect((await wrapped.send(outgoing())).status).toBe('failed');
});
