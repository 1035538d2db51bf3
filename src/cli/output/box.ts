import stringWidth from 'string-width';
import type { Session } from '../session/session.ts';

/**
 * A small boxed view for people. In a pipe it has no borders, so that `awk` and `cut` can read it. The caller makes
 * cells safe.
 */
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
  const keyWidth = Math.max(0, ...shown.map(([key]) => stringWidth(key ?? '')));
  const table = new Table({
    // The library's own colours ignore NO_COLOR.
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    // Two columns are a key and a value. The value is wrapped at the width of the terminal: 7 cells are borders and
    // padding.
    ...(headings === null
      ? {
          colWidths: [keyWidth + 2, Math.max(MIN_VALUE_WIDTH, stdout.columns - keyWidth - 5)],
          wordWrap: true,
          wrapOnWordBoundary: false,
        }
      : {}),
  });
  for (const row of shown) table.push([...row]);
  await stdout.write(`${table.toString()}\n`);
}

const MIN_VALUE_WIDTH = 20;
