import fc from 'fast-check';
import { expect, it } from 'vitest';
import { partsOf, splitBytes } from '../../../src/cli/input/split-bytes.ts';

async function parts(chunks: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  const source = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk);
  })();
  for await (const batch of splitBytes(source, 0x0a)) {
    for (const part of partsOf(batch)) found.push(Buffer.from(part).toString());
  }
  return found;
}

it.each([
  [[''], []],
  [['a\n'], ['a']],
  [['a'], ['a']],
  [['a\n\nb'], ['a', '', 'b']],
  [['\n'], ['']],
  [
    ['a', 'b', '\nc\n', 'd'],
    ['ab', 'c', 'd'],
  ],
])('splits %j into %j', async (chunks, expected) => {
  expect(await parts(chunks)).toEqual(expected);
});

it('does not depend on how the bytes are cut into chunks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.stringMatching(/^[ab\n]*$/)), async (chunks) => {
      expect(await parts(chunks)).toEqual(await parts([chunks.join('')]));
    }),
  );
});
