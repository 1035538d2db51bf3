/** Stands before the term of an item and before its description. No help text contains it. */
export const ITEM_MARK = '\t';

const ITEM = new RegExp(`^${ITEM_MARK}(.*)${ITEM_MARK}(.*)$`, 'gm');
/** Commander wraps no description into less. */
const LEAST_COLUMNS = 40;

/** The help on a terminal of this many columns, as commander would wrap it. */
export function layOut(marked: string, columns: number): string {
  return marked.replace(ITEM, (_, term: string, description: string) => {
    const room = columns - term.length;
    const lines = room < LEAST_COLUMNS ? [description] : wrapped(description, room);
    return term + lines.join(`\n${' '.repeat(term.length)}`);
  });
}

/** Words that fit into a line, with the spaces between them. A longer word has a line of its own. */
function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line: string | null = null;
  for (const word of text.match(/\s*\S+/g) ?? []) {
    if (line === null) line = word;
    else if (line.length + word.length <= columns) line += word;
    else {
      lines.push(line);
      line = word.trimStart();
    }
  }
  return [...lines, line ?? ''];
}
