import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { message } from '../../../src/conformance/messages.ts';
import { fromEnvelope, toEnvelope } from '../../../src/core/envelope.ts';

const throughText = (special: Parameters<typeof message>[0]) =>
  fromEnvelope(JSON.parse(JSON.stringify(toEnvelope(message(special)))));

describe('envelope', () => {
  it('gives back any body byte for byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        expect(Buffer.from(throughText({ body }).body)).toEqual(Buffer.from(body));
      }),
    );
  });

  it('gives back any text body readably, a byte-order mark included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const body = Buffer.from(text);
        expect(toEnvelope(message({ body })).encoding).toBe('utf8');
        expect(Buffer.from(throughText({ body }).body)).toEqual(body);
      }),
    );
    const marked = Buffer.from([0xef, 0xbb, 0xbf, 0x61]);
    expect(Buffer.from(throughText({ body: marked }).body)).toEqual(marked);
  });

  it('gives back headers, metadata and the native record', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (headers, native) => {
          // JSON has no negative zero, and "__proto__" as a literal key is not a property: both are outside what JSON
          // text can carry.
          const plain = (value: object) => JSON.parse(JSON.stringify(value)) as never;
          const special = {
            id: '1',
            headers: plain(headers),
            native: plain(native),
            priority: 3,
            groupId: 'g',
            name: 'n',
            ttlMs: 5,
          };
          expect(throughText(special)).toMatchObject(special);
        },
      ),
    );
  });

  it('has exactly the public keys', () => {
    const dead = { from: 'q', reason: 'rejected', error: null, at: 0, count: 1, replays: 0 };
    const envelope = toEnvelope(message({ dead, enqueuedAt: Date.UTC(2026, 10, 21, 9) }));
    expect(Object.keys(envelope)).toEqual([
      ...[
        'queue',
        'id',
        'state',
        'body',
        'encoding',
        'headers',
        'contentType',
        'enqueuedAt',
        'deliverAt',
        'receiveCount',
      ],
      ...['priority', 'groupId', 'deduplicationId', 'ttlMs', 'name', 'dead', 'native'],
    ]);
    expect(envelope.enqueuedAt).toBe('2026-11-21T09:00:00.000Z');
    expect(envelope.dead?.at).toBe('1970-01-01T00:00:00.000Z');
  });

  it('turns an instant in the future into a delay, and one in the past into none', () => {
    const now = Date.UTC(2026, 0, 1);
    expect(fromEnvelope({ body: '', deliverAt: '2026-01-01T00:00:10Z' }, now).delayMs).toBe(10_000);
    expect(fromEnvelope({ body: '', deliverAt: '2025-01-01T00:00:10Z' }, now).delayMs).toBeNull();
  });

  it.each([
    [[], 'expected a JSON object'],
    [{}, '"body" must be a string'],
    [{ body: 'x', priorty: 1 }, 'unknown field "priorty"'],
    [{ body: 'x', priority: '1' }, '"priority" must be a number'],
    [{ body: 'x', headers: [] }, '"headers" must be an object'],
    [{ body: '%%%', encoding: 'base64' }, 'not valid base64'],
    [{ body: '=', encoding: 'base64' }, 'not valid base64'],
    [{ body: 'YQ=', encoding: 'base64' }, 'not valid base64'],
    [{ body: 'x', encoding: 'rot13' }, '"encoding" must be'],
    [{ body: 'x\ud800y' }, 'half of a surrogate pair'],
    [{ body: 'x', deliverAt: 'soon' }, '"deliverAt" must be'],
  ])('refuses %j: %s', (value, why) => {
    expect(() => fromEnvelope(value)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(why) }),
    );
  });
});
