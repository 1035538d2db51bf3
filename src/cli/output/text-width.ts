/**
 * How many terminal cells a text takes. In plain ASCII, each letter takes one. The widths of wide and combining letters
 * come from a library whose tables take 15 ms to load (measured), so it is loaded only if one of `texts` needs it.
 */
export async function textWidth(texts: readonly string[]): Promise<(text: string) => number> {
  if (texts.every((text) => PLAIN.test(text))) return (text) => text.length;
  return (await import('string-width')).default;
}

const PLAIN = /^[\x20-\x7e]*$/;
