import stringWidth from 'string-width';

/** One cell for each character: ASCII, and the glyphs of the theme. */
const PLAIN = /^[\x20-\x7e\u2581-\u2588\u2026\u25bc\u25b2\u2500\u00b7]*$/;

/** The cells that a text takes on a terminal. */
export function widthOf(text: string): number {
  // Most text of a view is plain. Measuring graphemes takes a hundred times as long.
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The text cut to `width` cells, with `ellipsis` (one cell) at the cut. Never cuts through a character. */
export function cut(text: string, width: number, ellipsis: string): string {
  if (width <= 0) return '';
  if (widthOf(text) <= width) return text;
  return head(text, width - widthOf(ellipsis)) + ellipsis;
}

/** As many whole characters as fit. */
function head(text: string, width: number): string {
  let kept = '';
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    const cells = stringWidth(segment);
    if (used + cells > width) break;
    kept += segment;
    used += cells;
  }
  return kept;
}

/** The end of the text, with `ellipsis` before it if something is missing. */
export function end(text: string, width: number, ellipsis: string): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = widthOf(ellipsis);
  for (const { segment } of [...graphemes.segment(text)].toReversed()) {
    used += stringWidth(segment);
    if (used > width) break;
    kept = segment + kept;
  }
  return ellipsis + kept;
}

/** Exactly `width` cells. */
export function padded(text: string, width: number, align: 'left' | 'right', ellipsis: string): string {
  const shown = cut(text, width, ellipsis);
  const gap = ' '.repeat(Math.max(0, width - widthOf(shown)));
  return align === 'left' ? shown + gap : gap + shown;
}

/**
 * Breaks text into lines of at most `width` cells, at blanks if there are any. Each character is measured only once: a
 * body is mostly one long word, and the keys wait meanwhile.
 */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    let used = 0;
    for (const word of paragraph.match(/\s*\S+|\s+$/g) ?? ['']) {
      let rest = word;
      let cells = widthOf(word);
      if (line !== '' && used + cells > width) {
        lines.push(line);
        [line, used] = ['', 0];
        rest = word.trimStart();
        cells = widthOf(rest);
      }
      if (cells <= width) {
        line += rest;
        used += cells;
        continue;
      }
      const pieces = broken(rest, width);
      line = pieces.pop() ?? '';
      used = widthOf(line);
      lines.push(...pieces);
    }
    lines.push(line);
  }
  return lines;
}

/**
 * Splits a word that is wider than a line into pieces that fit. A character that is wider than a whole line cannot be
 * shown.
 */
function broken(word: string, width: number): string[] {
  if (PLAIN.test(word)) return word.match(new RegExp(`.{1,${Math.max(1, width)}}`, 'g')) ?? [];
  const pieces: string[] = [];
  let piece = '';
  let used = 0;
  for (const { segment } of graphemes.segment(word)) {
    const cells = stringWidth(segment);
    if (cells > width) continue;
    if (used + cells > width) {
      pieces.push(piece);
      [piece, used] = ['', 0];
    }
    piece += segment;
    used += cells;
  }
  return [...pieces, piece];
}

/** `start`, followed by as many of the keys as fit completely. */
export function withKeys(start: string, keys: readonly string[], width: number): string {
  let text = start;
  for (const key of keys) {
    const longer = text === '' ? key : `${text}  ${key}`;
    if (widthOf(longer) > width) break;
    text = longer;
  }
  return text;
}

/** Short texts beside each other, as many as fit into a line. A text is broken only if it is wider than a line. */
export function packed(texts: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  for (const text of texts) {
    const last = lines.at(-1);
    const longer = last === undefined ? text : `${last}   ${text}`;
    if (last !== undefined && widthOf(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(text);
  }
  return lines.flatMap((line) => wrapped(line, width));
}
