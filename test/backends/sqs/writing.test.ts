import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_MESSAGE_BYTES } from '../../../src/backends/sqs/message-attributes/limits.ts';
import {
  decodeAttribute,
  encodeAttribute,
  fromRecord,
  recordOf,
} from '../../../src/backends/sqs/message-attributes/values.ts';
import { readMessage } from '../../../src/backends/sqs/message-in.ts';
import { type Target, writeMessage } from '../../../src/backends/sqs/message-out.ts';
import type { JsonValue } from '../../../src/contract/message.ts';
import { outgoing } from '../../support/sqs/harness.ts';

const STANDARD: Target = { fifo: false, once: false, run: 'this', maxBytes: MAX_MESSAGE_BYTES };
const FIFO: Target = { ...STANDARD, fifo: true };
const READING = { queue: 'q', foreign: false, retentionMs: null };

describe('header values', () => {
  const values: JsonValue[] = [
    'text',
    12,
    -0.5,
    true,
    null,
    '',
    [1, 'a'],
    { a: { b: null } },
    { base64: 'AAEC' },
    { base64: '' },
    1e300,
    -1e-300,
    0,
  ];
  it.each(values.map((value) => [JSON.stringify(value), value] as const))('keep %s', (_, value) => {
    const attribute = encodeAttribute(value);
    expect(attribute.StringValue === '').toBe(false);
    expect(decodeAttribute(attribute)).toEqual(value);
  });

  it('are numbers of SQS only as far as those reach', () => {
    const types = [0, 1e-128, -1e125, 1e-129, 1e126].map((value) => encodeAttribute(value).DataType);
    expect(types).toEqual(['Number', 'Number', 'Number', 'String.json', 'String.json']);
  });

  it('survive whatever JSON can hold', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(JSON.stringify(decodeAttribute(encodeAttribute(value as JsonValue)))).toBe(JSON.stringify(value));
      }),
    );
  });

  const exact = [
    { DataType: 'Number', StringValue: '007' },
    { DataType: 'Number', StringValue: '1.50' },
    { DataType: 'Number', StringValue: '12345678901234567890123456789012345678' },
    { DataType: 'Number.price', StringValue: '12.5' },
    { DataType: 'String.lang', StringValue: 'de' },
    { DataType: 'Binary.png', BinaryValue: Buffer.from([0, 255, 1]) },
    { DataType: 'String.json', StringValue: '{ "spaced": 1 }' },
    { DataType: 'String.json', StringValue: 'not json' },
  ];
  it.each(exact)('keep the exact form of $DataType $StringValue in a record', (attribute) => {
    const record = recordOf(attribute);
    expect(record).not.toBeNull();
    expect(fromRecord(JSON.parse(JSON.stringify(record)), decodeAttribute(attribute))).toEqual(attribute);
  });

  it('need no record when they say it all', () => {
    expect(recordOf({ DataType: 'Number', StringValue: '7' })).toBeNull();
    expect(recordOf({ DataType: 'Binary', BinaryValue: Buffer.from([1]) })).toBeNull();
  });

  it('win over a record that reads differently', () => {
    expect(fromRecord({ type: 'Number.price', value: '12.50' }, 13)).toBeNull();
    expect(fromRecord({ type: 'Evil\n', value: 'x' }, 'x')).toBeNull();
  });
});

describe('what does not fit', () => {
  const misfits = (message: Parameters<typeof writeMessage>[0], target = STANDARD) => {
    const written = writeMessage(message, target);
    return [...written.impossible, ...written.misfits].join('; ');
  };

  it('is nothing for a plain message', () => {
    expect(misfits(outgoing('x', { headers: { a: 1 }, groupId: 'g', delayMs: 900_000 }))).toBe('');
    expect(misfits(outgoing('x', { groupId: 'g', deduplicationId: 'd' }), FIFO)).toBe('');
  });

  const cases: [string, Parameters<typeof writeMessage>[0], Target, RegExp][] = [
    ['a long delay', outgoing('x', { delayMs: 900_001 }), STANDARD, /delay of 901 s/],
    ['any delay on FIFO', outgoing('x', { groupId: 'g', delayMs: 1000 }), FIFO, /FIFO queue has one delay/],
    ['no group on FIFO', outgoing('x'), FIFO, /without a message group/],
    ['a deduplication id on standard', outgoing('x', { deduplicationId: 'd' }), STANDARD, /deduplication id/],
    ['a priority', outgoing('x', { priority: 3 }), STANDARD, /a priority/],
    ['a content type', outgoing('x', { contentType: 'a/b' }), STANDARD, /a content type/],
    ['a time to live', outgoing('x', { ttlMs: 1 }), STANDARD, /time to live/],
    ['a control character in the body', outgoing('a\u0000b'), STANDARD, /control characters/],
    ['U+FFFE in the body', outgoing('a\uFFFEb'), STANDARD, /control characters/],
    ['a body that is not UTF-8', outgoing(new Uint8Array([0xff, 0xfe])), STANDARD, /not UTF-8/],
    ['an empty body', outgoing(''), STANDARD, /an empty body/],
    ['a body over 1 MiB', outgoing('x'.repeat(MAX_MESSAGE_BYTES + 1)), STANDARD, /1048577 bytes/],
    ['a header with a control character', outgoing('x', { headers: { a: '\u0001' } }), STANDARD, /the header "a"/],
    ['a header name with a space', outgoing('x', { headers: { 'a b': 1 } }), STANDARD, /the header "a b"/],
    ['a header name of AWS', outgoing('x', { headers: { 'AWS.x': 1 } }), STANDARD, /the header "AWS.x"/],
    [
      'eleven headers',
      outgoing('x', { headers: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`h${i}`, i])) }),
      STANDARD,
      /11 headers: SQS takes 10/,
    ],
  ];
  it.each(cases)('names %s', (_, message, target, expected) => {
    expect(misfits(message, target)).toMatch(expected);
  });

  it('counts headers into the size', () => {
    const body = 'x'.repeat(MAX_MESSAGE_BYTES - 10);
    expect(misfits(outgoing(body))).toBe('');
    expect(misfits(outgoing(body, { headers: { name: 'value' } }))).toMatch(/bytes with its headers/);
  });

  it('is an id that a producer set, not one that a broker gave', () => {
    expect(misfits(outgoing('x', { id: '7' }))).toMatch(/an id of its own/);
    expect(misfits(outgoing('x', { id: '7', idFrom: 'broker' }))).toBe('');
    expect(misfits(outgoing('x', { id: '7', idFrom: 'broker', groupId: 'g' }), FIFO)).toBe('');
    expect(readMessage({ MessageId: 'm', Body: 'x' }, READING)).toMatchObject({ id: 'm', idFrom: 'broker' });
  });

  it('keeps a byte-order mark', () => {
    expect(writeMessage(outgoing('\uFEFFx'), STANDARD).entry.MessageBody).toBe('\uFEFFx');
  });
});

describe('the deduplication id on FIFO', () => {
  const id = (message: Parameters<typeof writeMessage>[0], target = FIFO) =>
    writeMessage(message, target).entry.MessageDeduplicationId;
  const messageId = '0f78afce-912a-486d-a1a5-7fb268329dc1';

  it('is the one that was given', () => {
    expect(id(outgoing('x', { groupId: 'g', deduplicationId: 'mine', id: messageId }))).toBe('mine');
  });

  const read = (text: string, id: string) =>
    readMessage(
      { MessageId: id, Body: text, Attributes: { MessageGroupId: 'g', MessageDeduplicationId: 'first' } },
      READING,
    );
  const ONCE = { ...FIFO, once: true };

  it('is not the one of its first send, which SQS would take for a duplicate', () => {
    const source = read('x', messageId);
    expect(source.deduplicationId).toBe('first');
    for (const target of [FIFO, ONCE])
      expect(id(outgoing('x', { ...source, delayMs: null, from: 'here' }), target)).not.toBe('first');
    // As an envelope that was printed and comes back: each time it is another message.
    expect(id(outgoing('x', { ...source, delayMs: null }))).not.toBe('first');
    expect(id(outgoing('x', { ...source, delayMs: null }))).not.toBe(id(outgoing('x', { ...source, delayMs: null })));
  });

  it('of a move is the same when it is sent again, and another for every other message', () => {
    const sent = (text: string, messageId: string, from: string) =>
      id(outgoing(text, { ...read(text, messageId), delayMs: null, from }), ONCE);
    const ids = [sent('x', '1', 'here'), sent('x', '2', 'here'), sent('x', '1', 'there')];
    expect(new Set(ids).size).toBe(3);
    expect(sent('x', '1', 'here')).toBe(ids[0]);
  });

  it('of a copy is another in each run, and the same within one', () => {
    const copied = outgoing('x', { ...read('x', messageId), delayMs: null, from: 'here' });
    expect(id(copied)).toBe(id({ ...copied }));
    expect(id(copied)).not.toBe(id(copied, ONCE));
    expect(id(copied)).not.toBe(id(copied, { ...FIFO, run: 'the next' }));
  });

  it('tells two messages apart that carry the same id of their producer, or none, and the same content', () => {
    const target = { ...ONCE };
    const ids = [
      id(outgoing('one', { groupId: 'g', id: '7', from: 'here' }), target),
      id(outgoing('one', { groupId: 'g', id: '7', from: 'here' }), target),
      id(outgoing('one', { groupId: 'g' }), target),
      id(outgoing('one', { groupId: 'g' })),
      // A producer's own, which it has perhaps given to another message of the target.
      id(outgoing('one', { groupId: 'g', id: '7', deduplicationId: 'd', from: 'here' }), target),
    ];
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain('d');
  });
});

describe('reading', () => {
  it('takes the origin from the message alone: without a mark it is unknown', () => {
    const arn = 'arn:aws:sqs:us-east-1:123456789012:orders';
    const marked = { MessageId: 'm', Body: 'x', Attributes: { DeadLetterQueueSourceArn: arn } };
    const plain = { MessageId: 'm', Body: 'x' };
    expect(readMessage(marked, READING).dead?.from).toBe('orders');
    expect(readMessage(plain, READING).dead).toBeNull();
  });

  it('tells when the message expires, counted from its first send', () => {
    const message = { MessageId: 'm', Body: 'x', Attributes: { SentTimestamp: '1000' } };
    expect(readMessage(message, { ...READING, retentionMs: 5000 }).native.sqs).toMatchObject({ expiresAt: 6000 });
  });

  it('counts no trace header into the size, and names one that SQS would refuse', () => {
    const largest = 'x'.repeat(MAX_MESSAGE_BYTES);
    const traced = (traceHeader: JsonValue) =>
      writeMessage(outgoing(largest, { native: { sqs: { traceHeader } } }), STANDARD);
    expect(traced('Root=1-5')).toMatchObject({ bytes: MAX_MESSAGE_BYTES, impossible: [], misfits: [] });
    for (const odd of ['', 'a\u0000b', 7, null]) {
      const { entry, misfits } = traced(odd);
      expect(misfits).toEqual([expect.stringMatching(/trace header/)]);
      expect(entry.MessageSystemAttributes).toBeUndefined();
    }
  });

  it('passes the trace header and the exact form of a header through', () => {
    const source = readMessage(
      {
        MessageId: 'm',
        Body: 'x',
        Attributes: { AWSTraceHeader: 'Root=1-5' } as Record<string, string>,
        MessageAttributes: { price: { DataType: 'Number', StringValue: '1.50' } },
      },
      READING,
    );
    const { entry } = writeMessage(outgoing('x', { ...source, delayMs: null }), STANDARD);
    expect(entry.MessageSystemAttributes).toEqual({ AWSTraceHeader: { DataType: 'String', StringValue: 'Root=1-5' } });
    expect(Object.entries(entry.MessageAttributes ?? {})).toEqual([
      ['price', { DataType: 'Number', StringValue: '1.50' }],
    ]);
  });
});
