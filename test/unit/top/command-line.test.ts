import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { ActionRequest } from '../../../src/top/state/action.ts';
import { commandLine } from '../../../src/top/state/command-line.ts';

const request = (special: Partial<ActionRequest> & { readonly queue: string }): ActionRequest => ({
  verb: 'redrive',
  key: { context: 'prod', queue: special.queue },
  group: null,
  max: null,
  state: 'dead',
  to: null,
  ...special,
});

test.each<[ActionRequest, string]>([
  [request({ queue: 'orders' }), 'mq -c prod redrive orders'],
  [request({ queue: 'orders', max: 5 }), 'mq -c prod redrive --max 5 orders'],
  [request({ queue: 'a b', verb: 'purge', state: 'dead' }), "mq -c prod purge --state dead 'a b'"],
  [request({ queue: 'a', verb: 'purge', state: 'ready' }), 'mq -c prod purge a'],
  [request({ queue: 'a', verb: 'move', to: 'b@dev', state: 'ready' }), 'mq -c prod move a b@dev'],
  [request({ queue: '--yes', verb: 'pause' }), 'mq -c prod pause -- --yes'],
])('%#: %s', (asked, line) => {
  expect(commandLine(asked, ['-c', 'prod'])).toBe(line);
});

test.each([
  '$(touch /tmp/x)',
  "it's",
  '`id`',
  'a\nb',
  '\u001b[2J',
  '"; rm -rf /',
  '\\',
  'ü界',
  '\u202e',
  '*',
  '!x',
  "'\u0007'",
])('bash reads %j back as one word', (queue) => {
  const line = commandLine(request({ queue }), []).replace(/^mq/, 'printf "%s|"');
  expect(execFileSync('bash', ['-c', line], { encoding: 'utf8' })).toBe(`redrive|${queue}|`);
  expect(line).not.toMatch(/\p{Cc}|\u202e/u);
});
