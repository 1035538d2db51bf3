import fc from 'fast-check';

/** The code points of surrogates, which no text in UTF-8 holds. */
const SURROGATES = { first: 0xd800, count: 0x800 };

/** Every code point alike. As `unit: 'binary'` of fast-check, which takes more than a second of a processor to make. */
export const anyCodePoint = fc.integer({ min: 0, max: 0x10ffff - SURROGATES.count }).map((at) => {
  return String.fromCodePoint(at < SURROGATES.first ? at : at + SURROGATES.count);
});
