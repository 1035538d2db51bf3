import type { Session } from '../session.ts';
import { type Column, columns } from './columns.ts';
import { textWidth } from './text-width.ts';

/** Plain aligned columns on stdout; lines are cut to the width of a terminal and never in a pipe. */
export async function printTable<Row>(
  session: Session,
  rows: readonly Row[],
  spec: readonly Column<Row>[],
): Promise<void> {
  const { stdout } = session.host;
  const cells = rows.map((row) => spec.map((column) => column.cell(row)));
  const lines = columns(cells, spec, {
    headings: session.globals.headers,
    width: stdout.isTerminal ? stdout.columns : null,
    widthOf: await textWidth(cells.flat()),
    paintHeading: (text) => session.paint(stdout, 'bold', text),
  });
  if (lines.length > 0) await stdout.write(`${lines.join('\n')}\n`);
}
