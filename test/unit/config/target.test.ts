import { expect, it } from 'vitest';
import { KNOWN } from '../../../src/cli/start/known.ts';
import type { Context } from '../../../src/config/configuration.ts';
import { emptySettings } from '../../../src/config/load.ts';
import type { Environment } from '../../../src/config/places.ts';
import { Secrets } from '../../../src/config/redact.ts';
import { resolveTarget } from '../../../src/config/target.ts';

function urlOf(url: string | null, env: Environment): Promise<string> {
  const target = resolveTarget({ url, context: null }, emptySettings(env, KNOWN), env, new Secrets(KNOWN.brokers));
  return target.connectionUrl(AbortSignal.timeout(1_000));
}

it('takes the flag before the environment, and the environment before the default', async () => {
  const env = { MQ_URL: 'redis://env/', HOME: '/home/me' };
  expect(await urlOf('amqp://flag/', env)).toBe('amqp://flag/');
  expect(await urlOf(null, env)).toBe('redis://env/');
  expect(await urlOf(null, { HOME: '/home/me' })).toBe('sqlite:/home/me/.local/share/mq/mq.db');
});

it('follows XDG_DATA_HOME when it is absolute, as its specification says', async () => {
  expect(await urlOf('sqlite:', { XDG_DATA_HOME: '/data', HOME: '/h' })).toBe('sqlite:/data/mq/mq.db');
  expect(await urlOf('sqlite:', { XDG_DATA_HOME: 'data', HOME: '/h' })).toBe('sqlite:/h/.local/share/mq/mq.db');
});

it('counts an empty MQ_URL as none', async () => {
  expect(await urlOf(null, { MQ_URL: '', HOME: '/h' })).toMatch(/^sqlite:/);
});

it('refuses what has no scheme without repeating it, since it may be a password', async () => {
  await expect(async () => urlOf('hunter2', {})).rejects.toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('hunter2') }),
  );
});

it('refuses half of a character in every part of a URL, without repeating it', async () => {
  const VARIABLE = '$' + '{HALF}';
  const half = 'hunter\ud800';
  const rest = {
    ...{ name: 'prod', user: null, password: null, queue: null, isReadonly: false, isProtected: false },
    ...{ rules: [], redact: [], color: null, file: '/mq.yaml', isFromProject: false },
  };
  const prod = (context: Pick<Context, 'url'> & Partial<Context>) => {
    const settings = emptySettings({}, KNOWN);
    const contexts = new Map(settings.configuration.contexts).set('prod', { ...rest, ...context });
    return resolveTarget(
      { url: null, context: 'prod' },
      { ...settings, configuration: { ...settings.configuration, contexts } },
      { HALF: half },
      new Secrets(KNOWN.brokers),
    ).connectionUrl(AbortSignal.timeout(1_000));
  };
  const text = (value: string) => ({ from: 'text' as const, text: value });
  const url = text('amqp://host/');
  for (const asked of [
    async () => urlOf(`amqp://u:${half}@host/`, {}),
    async () => urlOf(null, { MQ_URL: `amqp://${half}@host/` }),
    () => prod({ url, password: text(half) }),
    () => prod({ url, user: text(half) }),
    () => prod({ url: text(`redis://host/${half}`) }),
    () => prod({ url: text(`amqp://u:${VARIABLE}@host/`) }),
    () => prod({ url: text(`amqp://${VARIABLE}@host/`) }),
  ]) {
    await expect(asked).rejects.toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('hunter') }),
    );
  }
});
