import { expect, test } from 'vitest';
import { abortedError, isMqError, MqError } from '../../../src/contract/errors.ts';

const NAMED = Symbol.for('mqops.error');

test('an error of another copy of the contract is known', async () => {
  const path = '../../../src/contract/errors.ts?another';
  const other: { MqError: typeof MqError } = await import(path);
  const error = new other.MqError('THROTTLED', 'slow down');
  expect(error).not.toBeInstanceOf(MqError);
  expect(isMqError(error)).toBe(true);
  expect(abortedError(AbortSignal.abort(error))).toBe(error);
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['an error of Node', Object.assign(new Error('gone'), { code: 'ECONNRESET' })],
  ['one with our code and not ours', Object.assign(new Error('gone'), { code: 'UNAVAILABLE' })],
  ['ours, with a code that nobody knows', Object.assign(new Error('gone'), { code: 'WHATEVER', [NAMED]: true })],
  ['what is no error', { code: 'UNAVAILABLE', [NAMED]: true }],
])('%s is none', (_, value) => {
  expect(isMqError(value)).toBe(false);
});
