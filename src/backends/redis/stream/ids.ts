/** Greater than every possible id: a group that is set to it is delivered nothing. */
export const MAX_ID = '18446744073709551615-18446744073709551615';
export const MIN_ID = '0-0';

function parts(id: string): readonly [bigint, bigint] {
  const [ms = '0', sequence = '0'] = id.split('-');
  return [BigInt(ms), BigInt(sequence)];
}

/** Negative, zero, positive: as for sorting. Both halves of an id are 64-bit numbers. */
export function compareIds(a: string, b: string): number {
  const [aMs, aSeq] = parts(a);
  const [bMs, bSeq] = parts(b);
  if (aMs !== bMs) return aMs < bMs ? -1 : 1;
  return aSeq === bSeq ? 0 : aSeq < bSeq ? -1 : 1;
}

const MAX_HALF = 0xffff_ffff_ffff_ffffn;

/** The smallest id greater than this one. The exclusive `(id` needs Redis 6.2. */
export function nextId(id: string): string {
  const [ms, sequence] = parts(id);
  return sequence === MAX_HALF ? `${ms + 1n}-0` : `${ms}-${sequence + 1n}`;
}

export function isId(text: string): boolean {
  return /^\d{1,20}(-\d{1,20})?$/.test(text);
}
