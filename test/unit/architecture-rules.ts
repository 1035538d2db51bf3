import { posix } from 'node:path';
import { ABILITY_NAMES, membersFor } from '../../src/contract/abilities.ts';

/** A file below `src`, by its path from there: `core/transfer.ts`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Which folders a folder may import from, beside itself. The map is `src/README.md`. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  core: ['contract'],
  backends: ['contract'],
  conformance: ['core', 'contract'],
  config: ['contract'],
  feed: ['core', 'contract'],
  change: ['feed', 'core', 'contract', 'config'],
  top: ['change', 'feed', 'core', 'contract'],
  cli: ['top', 'change', 'feed', 'core', 'contract', 'config'],
};

/** Client libraries and the one backend that may use each. */
const CLIENTS: readonly (readonly [RegExp, string])[] = [
  [/^(amqplib|amqp-|rhea)/, 'backends/rabbitmq/'],
  [/^(ioredis|redis|bullmq\d*|bull)$/, 'backends/redis/'],
  [/^@(aws-sdk|smithy)\//, 'backends/sqs/'],
  [/^(node:sqlite|better-sqlite3)$/, 'backends/sqlite/'],
];
const REACT = /^(react|react\/.*|ink|ink-.*)$/;
/** The files that may touch `process`, and why those. */
const PROCESS_ALLOWED: ReadonlyMap<string, string> = new Map([
  ['cli/main.ts', 'the one place where arguments, streams, signals and the exit code come in'],
  ['backends/sqs/index.ts', 'the variables that every client of AWS honours: proxies, authorities, region, endpoint'],
  [
    'backends/sqlite/file/driver.ts',
    'the warning that Node prints while it loads its SQLite can only be held back there',
  ],
  ['backends/sqlite/consumer.ts', 'a claim in the file names the process that holds it'],
]);
/**
 * The files that may decide by the text of an error, because a server or a client library gives nothing else for it.
 * They turn it into a code, or into an answer to one question; everybody else asks them.
 */
const READS_FOREIGN_ERRORS = /^backends\/[a-z]+\/errors\.ts$/;
/** A decision by the text of an error: `/gone/.test(error.message)`, `message.startsWith('no')`. */
const BY_WORDING =
  /\.(test|exec)\((?:[\w?]+\.)*message\)|\bmessage\)?\??\.(includes|startsWith|endsWith|match|matchAll|search|indexOf)\(|\bmessage [!=]== ['"`]/;

/** The one file above `src` that may be imported, and by whom: the version has one source. */
const MANIFEST = { from: 'cli/version.ts', to: '../package.json' };
const REGISTRY = 'backends/registry.ts';
const MAX_LINES = 500;
/** A backend's folder of more is a heap: what belongs together in it has a name. */
const MAX_FILES = 39;
const GATED = ABILITY_NAMES.flatMap((ability) => membersFor(ability, 'queue'));
const PAST_THE_GATE = new RegExp(String.raw`\.(${GATED.join('|')})\?\.\(`);

/** Every breach of the rules, in words; empty: none. */
export function breaches(files: readonly SourceFile[]): string[] {
  const known = new Set(files.map(({ path }) => path));
  const graph = new Map<string, string[]>();
  const found: string[] = [];
  for (const file of files) {
    const { path, text } = file;
    const imports = importsOf(text);
    const own = imports.filter((name) => name.startsWith('.'));
    const targets = own.map((name) => posix.join(posix.dirname(path), name));
    graph.set(path, targets);
    for (const target of targets) {
      if (path === MANIFEST.from && target === MANIFEST.to) continue;
      if (!known.has(target)) found.push(`${path} imports ${target}, which is not a file below src`);
      else if (!mayImport(path, target)) found.push(`${path} imports ${target}: that arrow is not in the map`);
    }
    for (const name of imports.filter((one) => !one.startsWith('.'))) found.push(...packageBreaches(path, name));
    const lines = text.split('\n').length - 1;
    if (lines > MAX_LINES) found.push(`${path} has ${lines} lines`);
    if (/instanceof MqError\b/.test(withoutComments(text))) found.push(`${path} misses an MqError of another copy`);
    if (PAST_THE_GATE.test(withoutComments(text)) && !/^(backends|conformance)\//.test(path))
      found.push(`${path} calls what a queue may not be able to do without asking (contract/ask.ts)`);
    if (BY_WORDING.test(withoutComments(text)) && !READS_FOREIGN_ERRORS.test(path))
      found.push(`${path} decides by the wording of a message`);
    if (/util/.test(path)) found.push(`${path}: its name says nothing of what it is for`);
    if (!/^[a-z0-9-]+(\/[a-z0-9-]+)*\.tsx?$/.test(path)) found.push(`${path}: not in kebab-case`);
    if (!PROCESS_ALLOWED.has(path) && touchesProcess(text)) found.push(`${path} touches process`);
  }
  const reaching = files.filter(({ path }) => path.startsWith('cli/') && graph.get(path)?.includes(REGISTRY));
  if (reaching.length > 1) found.push(`the registry is reached from ${reaching.map(({ path }) => path).join(' and ')}`);
  return [
    ...found,
    ...heaps(files),
    ...circles(graph).map((trail) => `circle: ${trail.join(' → ')}`),
    ...circlesOfRooms(graph).map((trail) => `rooms in a circle: ${trail.join(' → ')}`),
  ];
}

/** The modules that a file names: static, re-exported, dynamic, and as types. */
export function importsOf(text: string): string[] {
  const code = withoutComments(text);
  const statement = /(?:^|[\s;}])(?:import|export)\b[^'"`;]*?\bfrom\s*(['"])(.+?)\1/g;
  const bare = /(?:^|[\s;}])import\s*(['"])(.+?)\1/g;
  const dynamic = /\bimport\s*\(\s*(['"`])(.+?)\1/g;
  return [statement, bare, dynamic].flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[2] ?? ''));
}

function mayImport(from: string, to: string): boolean {
  const [fromLayer = '', fromBackend = ''] = from.split('/');
  const [toLayer = '', toBackend = ''] = to.split('/');
  if (from === REGISTRY) return toLayer === 'contract' || /^backends\/[^/]+\/(index|manifest)\.ts$/.test(to);
  if (to === REGISTRY) return fromLayer === 'cli';
  if (fromLayer === 'backends' && toLayer === 'backends') return fromBackend === toBackend || toBackend === 'common';
  return fromLayer === toLayer || (ARROWS[fromLayer]?.includes(toLayer) ?? false);
}

function heaps(files: readonly SourceFile[]): string[] {
  const folders = Map.groupBy(files, ({ path }) => posix.dirname(path));
  return [...folders].flatMap(([folder, inIt]) =>
    folder.startsWith('backends/') && inIt.length > MAX_FILES ? [`${folder} has ${inIt.length} files in one heap`] : [],
  );
}

function packageBreaches(path: string, name: string): string[] {
  const found: string[] = [];
  const client = CLIENTS.find(([pattern]) => pattern.test(name));
  if (client !== undefined && !path.startsWith(client[1])) found.push(`${path} imports ${name}: only ${client[1]} may`);
  if (REACT.test(name) && !path.startsWith('top/')) found.push(`${path} imports ${name}: only top/ may`);
  if (path.startsWith('contract/')) found.push(`${path} imports ${name}: the contract stands on nothing`);
  if (path.startsWith('backends/common/') && !name.startsWith('node:'))
    found.push(`${path} imports ${name}: what backends share stands on no library`);
  if (/^(node:)?process$/.test(name) && !PROCESS_ALLOWED.has(path)) found.push(`${path} imports ${name}`);
  return found;
}

/**
 * As code, not as a word in a text: `process.x`, `process[x]`, `= process`, `f(process)`. To load one of Node's modules
 * at its first use is no touch.
 */
function touchesProcess(text: string): boolean {
  const code = withoutComments(text).replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, "''");
  return /(?<![\w.$])process(\.(?!getBuiltinModule\()\w|\[|\?\.)|=\s*process\b(?![\w.])|[(,]\s*process\s*[,)]|globalThis\.process/.test(
    code,
  );
}

/** Comments become blanks; what looks like one in a string stays. */
function withoutComments(text: string): string {
  const pattern = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(pattern, (part) => (part.startsWith('//') || part.startsWith('/*') ? ' ' : part));
}

/**
 * Circles between what stands side by side in one folder, in every folder below `src`. A folder is one room with all
 * that is in it; a file beside folders is a door, and a room of its own. A circle of files alone is told as that, and
 * an arrow that is not in the map as that.
 */
function circlesOfRooms(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const folders = new Set([...graph.keys()].flatMap(foldersOf));
  return [...folders].flatMap((folder) =>
    circles(roomsIn(folder, graph)).filter((rooms) => !rooms.every((room) => graph.has(room))),
  );
}

/** `cli/start/run.ts`: `cli/` and `cli/start/`. */
function foldersOf(path: string): readonly string[] {
  const folders = path.split('/').slice(0, -1);
  return folders.map((_, depth) => `${folders.slice(0, depth + 1).join('/')}/`);
}

/** The arrows between the rooms of one folder. */
function roomsIn(folder: string, graph: ReadonlyMap<string, readonly string[]>): Map<string, readonly string[]> {
  const roomOf = (path: string): string => folder + (path.slice(folder.length).split('/')[0] ?? '');
  const rooms = new Map<string, Set<string>>();
  for (const [path, targets] of graph) {
    if (!path.startsWith(folder)) continue;
    const from = roomOf(path);
    const known = rooms.get(from) ?? new Set();
    rooms.set(from, known);
    for (const target of targets.filter((one) => one.startsWith(folder) && mayImport(path, one))) {
      if (roomOf(target) !== from) known.add(roomOf(target));
    }
  }
  return new Map([...rooms].map(([room, targets]) => [room, [...targets]]));
}

/** Each with its first member once more at its end. */
function circles(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const found: (readonly string[])[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push([...trail.slice(start), path]);
      return;
    }
    if (done.has(path)) return;
    for (const target of graph.get(path) ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}
