import { expect, it } from 'vitest';
import { resolveTarget } from '../../../src/config/target.ts';

it('takes the flag before the environment, and the environment before the default', () => {
  const env = { MQ_URL: 'redis://env/', HOME: '/home/me' };
  expect(resolveTarget('amqp://flag/', env).url).toBe('amqp://flag/');
  expect(resolveTarget(undefined, env).url).toBe('redis://env/');
  expect(resolveTarget(undefined, { HOME: '/home/me' }).url).toBe('sqlite:/home/me/.local/share/mq/mq.db');
});

it('follows XDG_DATA_HOME when it is absolute, as its specification says', () => {
  expect(resolveTarget('sqlite:', { XDG_DATA_HOME: '/data', HOME: '/h' }).url).toBe('sqlite:/data/mq/mq.db');
  expect(resolveTarget('sqlite:', { XDG_DATA_HOME: 'data', HOME: '/h' }).url).toBe('sqlite:/h/.local/share/mq/mq.db');
});

it('counts an empty MQ_URL as none', () => {
  expect(resolveTarget(undefined, { MQ_URL: '', HOME: '/h' }).url).toMatch(/^sqlite:/);
});

it('refuses what has no scheme without repeating it, since it may be a password', () => {
  expect(() => resolveTarget('hunter2', {})).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('hunter2') }),
  );
});
