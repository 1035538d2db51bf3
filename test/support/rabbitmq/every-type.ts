import { rawHeader, rawLong, rawProperties, rawShort } from './raw-amqp.ts';

const bytes = (...values: readonly number[]) => Buffer.from(values);

/** Every field type that RabbitMQ knows, with values that JavaScript clients are known to change. */
export const EVERY_HEADER: readonly Buffer[] = [
  rawHeader('text', 'S', rawLong('grüße \u0000 ✓')),
  rawHeader('not-utf8', 'S', rawLong(bytes(0xff, 0xfe, 0x00, 0x80))),
  rawHeader('replacement', 'S', rawLong('\ufffd')),
  rawHeader('int8', 'b', bytes(0x85)),
  rawHeader('uint8', 'B', bytes(0x85)),
  rawHeader('int16', 's', bytes(0x80, 0x01)),
  rawHeader('uint16', 'u', bytes(0x80, 0x01)),
  rawHeader('int32', 'I', bytes(0x80, 0, 0, 1)),
  rawHeader('uint32', 'i', bytes(0x80, 0, 0, 1)),
  rawHeader('int64', 'l', bytes(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
  rawHeader('small int64', 'l', bytes(0, 0, 0, 0, 0, 0, 0, 5)),
  rawHeader('float', 'f', bytes(0x3d, 0xcc, 0xcc, 0xcd)),
  rawHeader('double', 'd', bytes(0x3f, 0xf0, 0, 0, 0, 0, 0, 0)),
  rawHeader('minus zero', 'd', bytes(0x80, 0, 0, 0, 0, 0, 0, 0)),
  rawHeader('decimal', 'D', bytes(2, 0, 0, 0x30, 0x39)),
  rawHeader('time', 'T', bytes(0, 0, 0, 0, 0x65, 0, 0, 0)),
  rawHeader('far time', 'T', bytes(0x00, 0xff, 0, 0, 0, 0, 0, 0)),
  rawHeader('true', 't', bytes(1)),
  rawHeader('nothing', 'V', bytes()),
  rawHeader('bytes', 'x', rawLong(bytes(0, 1, 2, 0xff))),
  rawHeader(
    'list',
    'A',
    rawLong(Buffer.concat([Buffer.from('b'), bytes(7), Buffer.from('S'), rawLong('x'), Buffer.from('V')])),
  ),
  rawHeader(
    'table',
    'F',
    rawLong(
      Buffer.concat([
        rawHeader('deep', 'F', rawLong(rawHeader('n', 'l', bytes(0, 0, 0, 0, 0, 0, 0, 1)))),
        rawHeader('__proto__', 'b', bytes(3)),
      ]),
    ),
  ),
  rawHeader('__proto__', 'S', rawLong('just a name')),
  rawHeader('', 'b', bytes(1)),
];

/** All properties but `user-id` and `expiration`, with the given header entries. */
export function everyProperty(headers: readonly Buffer[]): Buffer {
  return rawProperties(0b1111_1110_1110_1100, [
    rawShort('application/json'),
    rawShort('gzip'),
    rawLong(Buffer.concat(headers)),
    bytes(2),
    bytes(7),
    rawShort('correlation'),
    rawShort('reply'),
    rawShort('id-1'),
    bytes(0, 0, 0, 0, 0x65, 0, 0, 0),
    rawShort('order.created'),
    rawShort('shop'),
    rawShort('cluster'),
  ]);
}
