import type { Session } from '../session.ts';

/** A small boxed view for people. In a pipe it has no borders, so that `awk` and `cut` can read it. Cells are already made safe. */
export async function printBox(
  session: Session,
  headings: readonly string[] | null,
  rows: readonly (readonly string[])[],
): Promise<void> {
  const { stdout } = session.host;
  const shown = headings === null || !session.globals.headers ? rows : [headings, ...rows];
  if (!stdout.isTerminal) {
    await stdout.write(shown.map((row) => `${row.join('\t')}\n`).join(''));
    return;
  }
  const { default: Table } = await import('cli-table3');
  // Its own colours ignore NO_COLOR.
  const table = new Table({ style: { head: [], border: [] } });
  for (const row of shown) table.push([...row]);
  await stdout.write(`${table.toString()}\n`);
}
