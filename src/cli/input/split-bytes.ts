import type { BareBodies } from '../../contract/message.ts';

/**
 * Splits a stream of bytes at each `separator`, drops the separators, and yields together the parts that a chunk
 * completes. The last part counts even without a separator. If nothing follows the last separator, there is no further
 * part. Parts are positions in their chunk, so that millions of short lines are neither copied nor made objects.
 */
export async function* splitBytes(chunks: AsyncIterable<Uint8Array>, separator: number): AsyncGenerator<BareBodies> {
  let begun: Uint8Array[] = [];
  for await (const chunk of chunks) {
    const last = chunk.lastIndexOf(separator);
    if (last === -1) {
      if (chunk.byteLength > 0) begun.push(chunk);
      continue;
    }
    const bytes = begun.length === 0 ? chunk : Buffer.concat([...begun, chunk]);
    const behind = bytes.byteLength - chunk.byteLength + last + 1;
    const bounds: number[] = [];
    let start = 0;
    // Earlier chunks contain no separator of the part that they began.
    let at = bytes.indexOf(separator, bytes.byteLength - chunk.byteLength);
    while (at !== -1) {
      bounds.push(start, at);
      start = at + 1;
      at = start === behind ? -1 : bytes.indexOf(separator, start);
    }
    begun = behind < bytes.byteLength ? [bytes.subarray(behind)] : [];
    yield { bytes, bounds };
  }
  if (begun.length > 0) {
    const bytes = Buffer.concat(begun);
    yield { bytes, bounds: [0, bytes.byteLength] };
  }
}

/** Views of the parts. */
export function* partsOf({ bytes, bounds }: BareBodies): Generator<Uint8Array> {
  for (let i = 0; i < bounds.length; i += 2) yield bytes.subarray(bounds[i], bounds[i + 1]);
}
