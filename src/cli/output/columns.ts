export interface Column<Row> {
  readonly heading: string;
  readonly align: 'left' | 'right';
  /** The text of a cell, already made safe. */
  readonly cell: (row: Row) => string;
  /** Is shortened first if a line is too long for the terminal, so that the figures after it stay visible. */
  readonly shrinks?: boolean;
}

export interface ColumnsOptions {
  readonly headings: boolean;
  /** Terminal width; null: never cut a line. */
  readonly width: number | null;
  readonly paintHeading: (text: string) => string;
  /** The terminal cells that a text takes: see text-width.ts. */
  readonly widthOf: (text: string) => number;
}

const GAP = '  ';
/** A name that is cut shorter than this is useless. */
const MIN_SHRUNK = 12;

/** Plain aligned columns without boxes: fast for thousands of rows and easy for `awk`. */
export function columns(
  rows: readonly (readonly string[])[],
  spec: readonly Pick<Column<never>, 'heading' | 'align' | 'shrinks'>[],
  options: ColumnsOptions,
): string[] {
  const { widthOf } = options;
  let cells = rows;
  const widths = spec.map((column, at) => {
    const headingWidth = options.headings ? widthOf(column.heading) : 0;
    return cells.reduce((width, line) => Math.max(width, widthOf(line[at] ?? '')), headingWidth);
  });
  const total = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
  const excess = options.width === null ? 0 : Math.max(0, total - options.width);
  const shrinking = spec.findIndex((column) => column.shrinks === true);
  const shrunk = Math.max(MIN_SHRUNK, (widths[shrinking] ?? 0) - excess);
  if (shrinking !== -1 && excess > 0 && shrunk < (widths[shrinking] ?? 0)) {
    widths[shrinking] = shrunk;
    cells = rows.map((line) => line.with(shrinking, cut(line[shrinking] ?? '', shrunk, widthOf)));
  }
  const lay = (line: readonly string[]): string => {
    const text = line
      .map((cell, at) => pad(cell, widths[at] ?? 0, spec[at]?.align ?? 'left', widthOf))
      .join(GAP)
      .trimEnd();
    return options.width === null ? text : cut(text, options.width, widthOf);
  };
  const lines = cells.map(lay);
  if (options.headings) lines.unshift(options.paintHeading(lay(spec.map((column) => column.heading))));
  return lines;
}

function pad(text: string, width: number, align: 'left' | 'right', widthOf: (text: string) => number): string {
  const filler = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'left' ? text + filler : filler + text;
}

/** Cuts to `width` terminal cells. A text that is cut ends with `…`. */
export function cut(text: string, width: number, widthOf: (text: string) => number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const cells = widthOf(segment);
    if (used + cells > width - 1) break;
    kept += segment;
    used += cells;
  }
  return `${kept}…`;
}
