import type { Parameter } from '../../contract/backend.ts';
import { MANIFESTS } from '../brokers.ts';

/** `mq help urls`: the forms of the addresses of every broker, one per line. */
export function urlForms(): string {
  return columns(MANIFESTS.flatMap(({ forms }) => forms.map(({ form, meaning }) => [form, meaning] as const)));
}

/** The parameters of every broker that has some. */
export function urlParameters(): string {
  return MANIFESTS.filter(({ parameters }) => parameters.length > 0)
    .map(({ title, parameters }) => `  ${title}\n${columns(parameters.map(line), 4)}`)
    .join('\n');
}

/** Further remarks on the addresses. */
export function urlRemarks(): string {
  return MANIFESTS.flatMap(({ remarks }) => remarks.map((text) => wrapped(text, MOST_COLUMNS))).join('\n\n');
}

/** The addresses of servers as they would be in a configuration. */
export function exampleUrls(): readonly string[] {
  return MANIFESTS.flatMap(({ forms }) => forms.flatMap(({ example }) => example ?? []));
}

const MOST_COLUMNS = 120;

function line(parameter: Parameter): readonly [string, string] {
  const { name, meaning, usual } = parameter;
  const value = placeholder(parameter);
  return [`${name}=${value}`, usual === undefined || usual === value ? meaning : `${meaning} (${usual})`];
}

function placeholder({ type, placeholder, usual }: Parameter): string {
  if (placeholder !== undefined) return placeholder;
  switch (type.is) {
    case 'choice':
      return type.of.join('|');
    case 'file':
      return 'FILE';
    case 'url':
      return 'http://HOST:PORT';
    default:
      return usual ?? 'VALUE';
  }
}

function columns(rows: readonly (readonly [string, string])[], indent = 2): string {
  const width = Math.max(...rows.map(([term]) => term.length));
  return rows.map(([term, text]) => `${' '.repeat(indent)}${term.padEnd(width)}  ${text}`).join('\n');
}

function wrapped(text: string, width: number): string {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current].join('\n');
}
