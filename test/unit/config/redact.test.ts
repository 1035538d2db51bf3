import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactUrl, Secrets, urlAt } from '../../../src/config/redact.ts';
import type { Manifest } from '../../../src/contract/backend.ts';

describe('redactUrl', () => {
  it.each([
    ['amqp://user:pw@host:5672/v', 'amqp://user:***@host:5672/v'],
    ['redis://:pw@host/0', 'redis://:***@host/0'],
    ['amqp://user:p@ss@host/', 'amqp://user:***@host/'],
    ['amqp://user:p/ss@host/', 'amqp://user:***@host/'],
    ['redis://host/0?password=pw&db=1', 'redis://host/0?password=***&db=1'],
    ['redis://host:6379/0', 'redis://host:6379/0'],
    ['sqlite:/tmp/a@b:c.db', 'sqlite:/tmp/a@b:c.db'],
    ['sqs://123@eu-west-1', 'sqs://123@eu-west-1'],
  ])('%s', (url, shown) => {
    expect(redactUrl(url, [])).toBe(shown);
  });
});

describe('a parameter that a broker declares as secret', () => {
  const declared: Manifest = {
    ...{ name: 'post', title: 'Post', schemes: [{ name: 'post', port: 1, encryption: 'plain' }], forms: [], flags: [] },
    ...{ queueUrls: [], kinds: [], holders: {}, examples: {}, remarks: [] },
    parameters: [
      { name: 'stamp', type: { is: 'text' }, meaning: 'the postage', secret: true },
      { name: 'street', type: { is: 'text' }, meaning: 'where' },
    ],
  };
  it('is hidden, however it sounds', () => {
    expect(redactUrl('post://h/?street=a&stamp=b7', [declared])).toBe('post://h/?street=a&stamp=***');
    expect(redactUrl('POST://h/?stamp=b7', [declared])).toBe('POST://h/?stamp=***');
    const secrets = new Secrets([declared]);
    secrets.learnWord('--url=post://h/?stamp=b%2F7777');
    expect(secrets.redact('the stamp b/7777 is no stamp')).toBe('the stamp *** is no stamp');
  });
  it('is no secret of another broker', () => {
    expect(redactUrl('mail://h/?stamp=b7&token=c', [declared])).toBe('mail://h/?stamp=b7&token=***');
  });
});

describe('Secrets', () => {
  it('hides a password as it was written, decoded, and encoded again', () => {
    const secrets = new Secrets([]);
    secrets.learnUrl('amqp://user:s3cr%40t%2F@host/');
    const text = 's3cr%40t%2F s3cr@t/ refused';
    expect(secrets.redact(text)).toBe('*** *** refused');
  });

  it('hides a short password where it stands by itself, and leaves words readable', () => {
    const secrets = new Secrets([]);
    secrets.learnUrl('amqp://user:a@host/');
    const text = 'mq: error: cannot reach amqp://user:a@host/v: ACCESS_REFUSED - PLAIN login\0user\0a, password=a, "a"';
    expect(secrets.redact(text)).toBe(
      'mq: error: cannot reach amqp://user:***@host/v: ACCESS_REFUSED - PLAIN login\0user\0***, password=***, "***"',
    );
    expect(secrets.redact('a')).toBe('***');
    // What HTTP sends is long enough to be hidden anywhere.
    expect(secrets.redact(`x${Buffer.from('user:a').toString('base64')}x`)).toBe('x***x');
  });

  it.each(['7', 'é', '%', '😀', 'ab', 'p@s'])(
    'hides the short password %j in a URL, as written and encoded',
    (password) => {
      const secrets = new Secrets([]);
      const url = `amqp://user:${encodeURIComponent(password)}@host/`;
      secrets.learnUrl(url);
      expect(secrets.redact(`${url} amqp://user:${password}@host/`)).toBe(
        'amqp://user:***@host/ amqp://user:***@host/',
      );
    },
  );

  it('lets no password through, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6, unit: 'grapheme' }), (password) => {
        fc.pre(password.isWellFormed());
        const secrets = new Secrets([]);
        secrets.learnUrl(`amqp://user:${encodeURIComponent(password)}@host/`);
        const said = secrets.redact(`a ${password} b ${encodeURIComponent(password)} c`);
        expect(said).toBe('a *** b *** c');
      }),
    );
  });
});

describe('long words', () => {
  const long = 300_000;
  it.each([
    ['letters', 'b'.repeat(long)],
    ['question marks', `redis://u:p@h/${'?key'.repeat(long / 4)}`],
    ['question marks and no host', `redis://${'?'.repeat(long)}`],
    ['slashes', '://'.repeat(long / 3)],
  ])('of %s are read in one pass', (_what, word) => {
    const startedAt = performance.now();
    new Secrets([]).learnWord(word);
    redactUrl(word, []);
    // What goes over the word anew at each letter takes minutes.
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('are read as an expression would read them', () => {
    const pieces = fc.constantFrom('?', '&', '=', '#', 'key', 'pass', 'a', '/', 'x:', '://', ' ', '1', '+');
    const texts = fc.array(pieces, { maxLength: 20 }).map((found) => found.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        expect(urlAt(text)).toBe(text.search(/[a-z][a-z0-9+.-]*:\/\//i));
        const shown = text.replace(/([?&](?:[^=&#]*(?:pass|key)[^=&#]*)=)([^&#]*)/gi, '$1***');
        expect(redactUrl(text, [])).toBe(shown);
      }),
    );
  });
});
