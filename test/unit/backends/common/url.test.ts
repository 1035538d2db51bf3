import { expect, it } from 'vitest';
import { portOf, readUrl, shownHost } from '../../../../src/backends/common/url.ts';
import type { Manifest } from '../../../../src/contract/backend.ts';

const POST: Manifest = {
  ...{ name: 'post', title: 'Post', schemes: [{ name: 'post', port: 17, encryption: 'plain' }], forms: [], flags: [] },
  ...{ queueUrls: [], kinds: [], holders: {}, examples: {}, remarks: [] },
  parameters: [{ name: 'street', type: { is: 'text' }, meaning: 'where' }],
};

it.each([
  ['post:', { hosts: null, user: null, password: null, path: '' }],
  ['post://', { hosts: [] }],
  ['post://[fe80::1%25eth0]', { hosts: [{ host: 'fe80::1%25eth0', port: null }] }],
  ['POST://h:1/p/q#f', { hosts: [{ host: 'h', port: 1 }], path: 'p/q', fragment: 'f' }],
  ['post://u@ser:p@ss%2F@h', { hosts: [{ host: 'h', port: null }], user: 'u@ser', password: 'p@ss/' }],
  [
    'post://:p:q@[::1]:2,b\n',
    {
      hosts: [
        { host: '::1', port: 2 },
        { host: 'b', port: null },
      ],
      password: 'p:q',
    },
  ],
])('%s is taken apart', (text, parts) => {
  expect(readUrl(POST, text)).toMatchObject(parts);
});

it.each([
  ['post://h:0', 'the port of the Post URL is not between 1 and 65535'],
  ['post://h:99999999999', 'the port of the Post URL is not between 1 and 65535'],
  ['post://s3cret:h:x', 'a host of the Post URL cannot be read'],
  ['post://[s3cret]', 'a host of the Post URL cannot be read'],
  ['post://u:s3cret%zz@h', 'the user or password in the Post URL has a bad percent escape'],
])('%s is refused, and not quoted', (text, message) => {
  expect(() => readUrl(POST, text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message }));
});

it('another scheme is none of this broker', () => {
  expect(readUrl(POST, 'poster://h')).toBeNull();
  expect(readUrl(POST, 'h')).toBeNull();
});

it('the parameters are checked when they are asked for', () => {
  expect(readUrl(POST, 'post://h?street=a%20b')?.parameters().text('street')).toBe('a b');
  const url = readUrl(POST, 'post://h?strasse=x');
  expect(() => url?.parameters()).toThrow(/parameter that it cannot have/);
});

it('a host is shown as it stands in a URL, and has the usual port', () => {
  expect(
    [
      { host: '::1', port: 2 },
      { host: 'b', port: null },
    ].map(shownHost),
  ).toEqual(['[::1]:2', 'b']);
  expect(portOf({ host: 'b', port: null }, 17)).toBe(17);
});
