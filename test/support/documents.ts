import { readFile, writeFile } from 'node:fs/promises';
import { allBackends } from '../../src/backends/registry.ts';
import { capabilityRows } from '../../src/cli/commands/backends.ts';
import { EXIT, EXIT_MEANINGS, type ExitName } from '../../src/core/exit-codes.ts';

export const README = new URL('../../README.md', import.meta.url);

/** The README with the text between each pair of markers made anew from the code. */
export async function withTables(readme: string): Promise<string> {
  const kinds = (await allBackends()).flatMap((backend) => backend.kinds);
  const capabilities = markdownTable(['', ...kinds.map(({ kind }) => `\`${kind}\``)], ...capabilityRows(kinds));
  const names = Object.keys(EXIT) as ExitName[];
  const exitCodes = markdownTable(
    ['Exit', 'Meaning'],
    ...names.map((name) => [String(EXIT[name]), EXIT_MEANINGS[name]]),
  );
  return between(between(readme, 'capabilities', capabilities), 'exit-codes', exitCodes);
}

function between(text: string, name: string, content: string): string {
  const marked = new RegExp(`(<!-- ${name}:[^>]*-->\n)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!marked.test(text)) throw new Error(`the README has no place for ${name}`);
  return text.replace(marked, (_all, start: string, end: string) => `${start}\n${content}\n\n${end}`);
}

function markdownTable(...lines: readonly (readonly string[])[]): string {
  const columns = lines[0]?.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0))) ?? [];
  const line = (cells: readonly string[]): string =>
    `| ${columns.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  const [heading = [], ...rows] = lines;
  return [line(heading), line(columns.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

// `npm run docs`
if (import.meta.main) await writeFile(README, await withTables(await readFile(README, 'utf8')));
