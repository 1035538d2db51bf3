/**
 * Cuts a stream of bytes after each `separator`, without it. The last part counts also when nothing ends it; nothing after the last
 * separator is no part. Memory holds one part and one chunk.
 */
export async function* splitBytes(chunks: AsyncIterable<Uint8Array>, separator: number): AsyncGenerator<Uint8Array> {
  let begun: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = chunk.indexOf(separator); at !== -1; at = chunk.indexOf(separator, start)) {
      const end = chunk.subarray(start, at);
      // Each part is copied out of the chunk, so that a message in the air does not keep 64 KiB alive.
      yield Buffer.concat([...begun, end]);
      begun = [];
      start = at + 1;
    }
    if (start < chunk.byteLength) begun.push(chunk.subarray(start));
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}
