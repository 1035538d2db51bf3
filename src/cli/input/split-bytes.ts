/**
 * Cuts a stream of bytes after each `separator`, without it, and yields the parts that a chunk completes together. The last part counts also when
 * nothing ends it; nothing after the last separator is no part. Parts are views of their chunk, so that millions of short lines are not copied.
 */
export async function* splitBytes(
  chunks: AsyncIterable<Uint8Array>,
  separator: number,
): AsyncGenerator<readonly Uint8Array[]> {
  let begun: Uint8Array[] = [];
  for await (const chunk of chunks) {
    const parts: Uint8Array[] = [];
    let start = 0;
    for (let at = chunk.indexOf(separator); at !== -1; at = chunk.indexOf(separator, start)) {
      const end = chunk.subarray(start, at);
      parts.push(begun.length === 0 ? end : Buffer.concat([...begun, end]));
      begun = [];
      start = at + 1;
    }
    if (start < chunk.byteLength) begun.push(chunk.subarray(start));
    if (parts.length > 0) yield parts;
  }
  if (begun.length > 0) yield [Buffer.concat(begun)];
}
