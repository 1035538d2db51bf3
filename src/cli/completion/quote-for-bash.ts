import type { OpenQuote } from './split-line.ts';

/** Letters that no shell gives a meaning to, wherever they stand in a word. All of Unicode beyond ASCII is such. */
const PLAIN = /[A-Za-z0-9_\-./,+%\u{80}-\u{10ffff}:=@]/u;

const ALL_PLAIN = /^[A-Za-z0-9_\-./,+%:=@]*$/;

/**
 * A text as it must be typed in bash to be read back as itself, after the quote that is open. Nothing in it is ever
 * expanded: each letter that could mean something gets a backslash, or stands in single quotes.
 */
export function quoteForBash(text: string, quote: OpenQuote): string {
  const quoted = quotedInside(text, quote);
  // Readline closes the open quote, except where the text before it ends with one.
  return quote !== null && quoted.endsWith(quote) ? quoted + quote : quoted;
}

function quotedInside(text: string, quote: OpenQuote): string {
  switch (quote) {
    case "'":
      return text.replaceAll("'", "'\\''");
    case '"':
      // History expansion works inside double quotes, where a backslash does not end it without staying itself.
      return text.replace(/[\\"$`]/g, '\\$&').replaceAll('!', `"'!'"`);
    case null:
      if (ALL_PLAIN.test(text)) return text;
      return [...text].map((character) => (PLAIN.test(character) ? character : `\\${character}`)).join('');
  }
}
