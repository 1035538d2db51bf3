import stringWidth from 'string-width';

/** Cells that a text takes on a terminal. */
export function widthOf(text: string): number {
  // Most text of a view is plain; measuring graphemes costs a hundred times as much.
  return /^[\x20-\x7e]*$/.test(text) ? text.length : stringWidth(text);
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The text cut to `width` cells, with `ellipsis` (one cell) where something is missing. Never cuts through a character. */
export function cut(text: string, width: number, ellipsis: string): string {
  if (width <= 0) return '';
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    const cells = stringWidth(segment);
    if (used + cells > width - 1) break;
    kept += segment;
    used += cells;
  }
  return kept + ellipsis;
}

/** Exactly `width` cells. */
export function padded(text: string, width: number, align: 'left' | 'right', ellipsis: string): string {
  const shown = cut(text, width, ellipsis);
  const gap = ' '.repeat(Math.max(0, width - widthOf(shown)));
  return align === 'left' ? shown + gap : gap + shown;
}

/** Text broken into lines of at most `width` cells, at blanks where there are any. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.match(/\s*\S+|\s+$/g) ?? ['']) {
      let rest = word;
      if (line !== '' && widthOf(line + rest) > width) {
        lines.push(line);
        line = '';
        rest = rest.trimStart();
      }
      while (widthOf(rest) > width) {
        const head = cut(rest, width, '').slice(0, Math.max(1, width));
        lines.push(head);
        rest = rest.slice(head.length);
      }
      line += rest;
    }
    lines.push(line);
  }
  return lines;
}
