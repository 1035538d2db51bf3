import { expect, it } from 'vitest';
import { readParameters } from '../../../../src/backends/common/parameters.ts';
import type { Manifest } from '../../../../src/contract/backend.ts';
import type { MqError } from '../../../../src/contract/errors.ts';

const manifest: Manifest = {
  ...{
    name: 'box',
    title: 'Box',
    schemes: [],
    forms: [],
    flags: [],
    kinds: [],
    holders: {},
    examples: {},
    remarks: [],
  },
  queueUrls: [],
  parameters: [
    { name: 'group', type: { is: 'text' }, meaning: '' },
    { name: 'side', type: { is: 'choice', of: ['left', 'right'] }, meaning: '' },
    { name: 'safe', type: { is: 'choice', of: ['true', 'false'] }, meaning: '' },
    { name: 'wait', type: { is: 'number', least: 0, most: 20 }, meaning: '' },
    { name: 'idle', type: { is: 'duration' }, meaning: '' },
    { name: 'ca', type: { is: 'file' }, meaning: '' },
    { name: 'api', type: { is: 'url' }, meaning: '' },
  ],
};
const read = (query: string) => readParameters(manifest, new URLSearchParams(query));

it('reads each by its type', () => {
  const found = read('group=a%26b&side=left&safe=true&wait=20&idle=2m&ca=/a.pem&api=https://h:1/x');
  expect(found.text('group')).toBe('a&b');
  expect(found.choice('side', ['left', 'right'])).toBe('left');
  expect(found.isTrue('safe')).toBe(true);
  expect(found.number('wait')).toBe(20);
  expect(found.durationMs('idle')).toBe(120_000);
  expect(found.text('ca')).toBe('/a.pem');
  expect(found.text('api')).toBe('https://h:1/x');
});

it('what is not there is null, and no choice that is false', () => {
  const found = read('');
  expect([found.text('group'), found.choice('side', ['left']), found.number('wait'), found.durationMs('idle')]).toEqual(
    [...[null, null, null, null]],
  );
  expect(found.isTrue('safe')).toBe(false);
});

it.each([
  ['hunter2=s3cret', 'the Box URL has a parameter that it cannot have'],
  ['__proto__=1', 'the Box URL has a parameter that it cannot have'],
  ['Group=a', 'the Box URL has a parameter that it cannot have'],
  ['group=', 'group in the Box URL is empty'],
  ['group=a&group=b', 'group in the Box URL is there twice'],
  ['side=up', 'side in the Box URL must be left or right'],
  ['wait=21', 'wait in the Box URL must be a whole number from 0 to 20'],
  ['wait=-1', 'wait in the Box URL must be a whole number from 0 to 20'],
  ['wait=1e1', 'wait in the Box URL must be a whole number from 0 to 20'],
  ['idle=5', 'idle in the Box URL must be a duration such as 500ms, 30s, 5m'],
  ['idle=-5s', 'idle in the Box URL must be a duration such as 500ms, 30s, 5m'],
  ['api=ftp://h', 'api in the Box URL must be an http:// or https:// URL'],
  ['api=http://', 'api in the Box URL must be an http:// or https:// URL'],
])('refuses %s, and repeats nothing of it', (query, message) => {
  let error: MqError | null = null;
  try {
    read(query);
  } catch (caught) {
    error = caught as MqError;
  }
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', message, backend: 'box' });
  expect(`${error?.message}${error?.hint}`).not.toMatch(/hunter2|s3cret/);
});

it('asking for what is not declared is a bug, and shows at once', () => {
  expect(() => read('').number('group')).toThrow('declares no number');
  expect(() => read('').isTrue('nothing')).toThrow('declares no choice');
});
