import { MqError } from '../../contract/errors.ts';
import type { Session } from '../session/session.ts';
import { type Column, columns } from './columns.ts';
import { textWidth } from './text-width.ts';

/** Plain aligned columns on stdout. Lines are cut to the width of a terminal, and never in a pipe. */
export async function printTable<Row>(
  session: Session,
  rows: readonly Row[],
  spec: readonly Column<Row>[],
): Promise<void> {
  const { stdout } = session.host;
  const chosen = chosenColumns(spec, session.globals.columns);
  const cells = rows.map((row) => chosen.map((column) => column.cell(row)));
  const lines = columns(cells, chosen, {
    headings: session.globals.headers,
    width: stdout.isTerminal && session.globals.trunc ? stdout.columns : null,
    widthOf: await textWidth(cells.flat()),
    paintHeading: (text) => session.paint(stdout, 'bold', text),
  });
  if (lines.length > 0) await stdout.write(`${lines.join('\n')}\n`);
}

/** The columns that `--columns` names, by heading or by the part of it before a unit, in any case. Throws `USAGE`. */
function chosenColumns<Row>(
  spec: readonly Column<Row>[],
  asked: readonly string[] | undefined,
): readonly Column<Row>[] {
  if (asked === undefined) return spec;
  return asked.map((name) => {
    const column = spec.find(({ heading }) => heading.toLowerCase() === name.toLowerCase());
    if (column !== undefined) return column;
    throw new MqError('USAGE', `no column ${name}`, {
      hint: `there are ${spec.map(({ heading }) => heading.toLowerCase()).join(', ')}`,
    });
  });
}
