/**
 * How many terminal cells a text takes. Plain ASCII takes one a letter; what wide and combining letters take is known
 * to a library whose tables cost 15 ms to load (measured), so it loads only when one of `texts` needs it.
 */
export async function textWidth(texts: readonly string[]): Promise<(text: string) => number> {
  if (texts.every((text) => PLAIN.test(text))) return (text) => text.length;
  return (await import('string-width')).default;
}

const PLAIN = /^[\x20-\x7e]*$/;
