import type { Manifest } from '../../src/contract/backend.ts';

/** Kinds that are ordinary words too: these count only where a kind is compared or set. */
const ORDINARY: ReadonlySet<string> = new Set(['list', 'standard', 'stream', 'fifo']);

/** What a source file says of single brokers: names, schemes, ports, kinds, parameters; comments aside. */
export function factsIn(text: string, manifests: readonly Manifest[]): readonly string[] {
  const code = withoutComments(text);
  const words = new Set(manifests.flatMap(wordsOf));
  const found = [...words].filter((word) => new RegExp(`(?<![A-Za-z0-9_-])${word}(?![A-Za-z0-9_-])`).test(code));
  const compared = manifests
    .flatMap(({ kinds }) => kinds)
    .filter((kind) => ORDINARY.has(kind))
    .flatMap((kind) => new RegExp(`\\bkind\\s*(?:[!=]==?|:)\\s*'${kind}'`).exec(code)?.[0] ?? []);
  const parameters = new Set(manifests.flatMap(({ parameters }) => parameters.map(({ name }) => name)));
  const asked = [...parameters].flatMap((name) => new RegExp(`[?&]${name}=`).exec(code)?.[0] ?? []);
  return [...found, ...compared, ...asked];
}

function wordsOf({ name, title, schemes, kinds }: Manifest): readonly string[] {
  return [
    name,
    title,
    ...schemes.flatMap(({ name: scheme, port }) => [scheme, ...(port === null ? [] : [String(port)])]),
    ...kinds.filter((kind) => !ORDINARY.has(kind)),
  ];
}

/** Comments become blanks; what looks like one in a string stays. */
function withoutComments(text: string): string {
  const pattern = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(pattern, (part) => (part.startsWith('//') || part.startsWith('/*') ? ' ' : part));
}
