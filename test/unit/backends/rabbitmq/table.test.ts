import { expect, test } from 'vitest';
import { decodeTable, type TablePath } from '../../../../src/backends/rabbitmq/wire/table.ts';

test('whole numbers of 64 bits are exact: as a number up to 2^53 − 1, else as digits, with their place', () => {
  const cases: readonly (readonly [string, bigint])[] = [
    ['l', 0n],
    ['l', -1n],
    ['l', 2n ** 53n - 1n],
    ['l', -(2n ** 53n - 1n)],
    ['l', 2n ** 53n],
    ['l', -(2n ** 53n)],
    ['l', 2n ** 53n + 1n],
    ['l', -(2n ** 53n) - 1n],
    ['l', 2n ** 63n - 1n],
    ['l', -(2n ** 63n)],
    ['L', 2n ** 32n],
    ['L', 2n ** 64n - 1n],
  ];
  for (const [tag, number] of cases) {
    const bytes = Buffer.alloc(9);
    bytes.write(tag);
    if (tag === 'l') bytes.writeBigInt64BE(number, 1);
    else bytes.writeBigUInt64BE(number, 1);
    const integers: TablePath[] = [];
    const list = tagged('A', Buffer.concat([Buffer.from('V'), bytes]));
    const [entry] = decodeTable(member('n', list), integers);
    const isSafe = number >= -(2n ** 53n) + 1n && number <= 2n ** 53n - 1n;
    expect(entry?.value).toEqual([null, isSafe ? Number(number) : String(number)]);
    expect(integers).toEqual(isSafe ? [] : [['n', 1]]);
  }
});

test('a text is what its bytes say, whatever text of the same length came before', () => {
  const texts = ['orders', 'ordérs', 'order\u0000', '\ufffd\ufffd', 'x'.repeat(64), 'x'.repeat(65), 'é'.repeat(40), ''];
  for (const text of [...texts, ...texts.toReversed(), ...texts]) {
    expect(decodeTable(member(text, tagged('S', Buffer.from(text))))).toMatchObject([{ name: text, value: text }]);
  }
  for (const bytes of [Buffer.from([0xff, 0x41]), Buffer.from([0xc3]), Buffer.from([0x6f, 0x80, 0x64])]) {
    const [entry] = decodeTable(member('b', tagged('S', bytes)));
    expect(entry?.value).toEqual({ base64: bytes.toString('base64') });
  }
});

test('what is nested may not end behind the table that contains it', () => {
  const inner = Buffer.from(tagged('S', Buffer.from('ab')));
  inner.writeUInt32BE(3, 1);
  const table = Buffer.concat([member('t', tagged('F', member('s', inner))), member('after', Buffer.from('V'))]);
  expect(() => decodeTable(table)).toThrow(RangeError);
});

function member(name: string, value: Buffer): Buffer {
  const bytes = Buffer.from(name);
  return Buffer.concat([Buffer.from([bytes.length]), bytes, value]);
}

function tagged(tag: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([Buffer.from(tag), length, content]);
}
