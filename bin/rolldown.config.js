// The bundles that npm publishes. The program: one entry, split chunks, every client library inside, so that installing
// `mqops` installs one package and a command loads only the chunks that it needs. And what others may import.
import { defineConfig } from 'rolldown';
import { FEW_FILES } from './few-files.js';
import {
  ASCII_ONLY,
  LEAN_BUILTINS,
  LIGHT_COMMANDER,
  LIGHT_REQUIRE,
  MODULES_OF_AWS,
  PLAIN_FIELDS,
  SILENT_LOGIN,
} from './light-start.js';
import { RENDERED_HELP } from './rendered-help.js';
import { THIRD_PARTY_LICENSES } from './third-party-licenses.js';

/**
 * Loading a module costs half a millisecond to two, whatever its size. So there is one chunk of what every command
 * needs, and alone answers `--version` and `--help`; one of what all others need, with what the most frequent verbs
 * import; and what is further imported by the verbs that move messages is a third one.
 */
const TOGETHER = [
  { name: 'main', entries: ['main'], verbs: [] },
  { name: 'command-line', entries: ['start/running'], verbs: ['enqueue', 'ls', 'stats', 'peek'] },
  { name: 'transfer', entries: [], verbs: ['redrive', 'move', 'copy', 'purge'] },
  // What several brokers need, or else the client of one would have it.
  { name: 'conventions', entries: ['../backends/common/conventions/framework-death'], verbs: [] },
  // Without the group, what the ways to credentials import too is in a dozen small chunks.
  {
    name: 'sqs-client',
    entries: ['../backends/sqs/broker'],
    verbs: [],
    later: /\/protocols\/json\/codec-v2\/JsonCodec2/,
    only: /\/node_modules\/@(aws|aws-sdk|smithy)\/|\/src\/backends\/sqs\//,
  },
];

/** These are small, and at least two backends need each. */
const SHARED_BY_BACKENDS = /\0(lean|lazy|light):|src\/(contract\/(?!traits)|backends\/common\/(?!conventions))/;

const GROUPS = TOGETHER.map(({ name, entries, verbs, later, only = /./ }, index) => {
  let found;
  return {
    debugName: name,
    // A module goes to the first group that wants it.
    priority: TOGETHER.length - index,
    name(id, context) {
      found ??= new Set([...withImports(entries, context), ...importsOf(verbs, context)]);
      if (later?.test(id)) for (const imported of closure([id], context)) found.add(imported);
      return (only.test(id) && found.has(id)) || (name === 'command-line' && SHARED_BY_BACKENDS.test(id)) ? name : null;
    },
  };
});

/** What the verbs import, without the verbs: each of them is a chunk of its own. */
function importsOf(verbs, context) {
  const ids = verbs.map((verb) => source(`commands/${verb}`));
  const found = withImports(
    verbs.map((verb) => `commands/${verb}`),
    context,
  );
  for (const id of ids) found.delete(id);
  return found;
}

/** The modules, and all that they import statically. */
function withImports(names, context) {
  return closure(names.map(source), context);
}

function closure(ids, context) {
  const found = new Set(ids);
  for (const id of found) for (const imported of context.getModuleInfo(id)?.importedIds ?? []) found.add(imported);
  return found;
}

function source(name) {
  return new URL(`../src/cli/${name}.ts`, import.meta.url).pathname;
}

const PROGRAM = defineConfig({
  input: { main: 'src/cli/main.ts' },
  platform: 'node',
  plugins: [
    LIGHT_COMMANDER,
    LEAN_BUILTINS,
    LIGHT_REQUIRE,
    MODULES_OF_AWS,
    PLAIN_FIELDS,
    SILENT_LOGIN,
    RENDERED_HELP,
    FEW_FILES,
    ASCII_ONLY,
    THIRD_PARTY_LICENSES,
  ],
  // Ink imports it only with DEV=true; it is not installed.
  external: ['react-devtools-core'],
  transform: { define: { 'process.env.NODE_ENV': '"production"' } },
  output: {
    dir: 'dist',
    format: 'esm',
    minify: true,
    cleanDir: true,
    // The chunk of the entry passes on what the chunk `main` has. So `bin/mq.js` loads that one: see `FEW_FILES`.
    entryFileNames: 'entry.js',
    chunkFileNames: ({ name }) => (name === 'main' ? 'main.js' : '[name]-[hash].js'),
    minifyInternalExports: false,
    codeSplitting: {
      groups: GROUPS,
    },
  },
});

/** What others may import: for backends of their own. It shares no chunk with the program, which loads none of it. */
const FOR_OTHERS = defineConfig({
  input: { backend: 'src/backends/third-party/published.ts', conformance: 'src/conformance/published.ts' },
  platform: 'node',
  plugins: [ASCII_ONLY, THIRD_PARTY_LICENSES],
  output: { dir: 'dist/published', format: 'esm', cleanDir: true, chunkFileNames: '[name]-[hash].js' },
});

export default [PROGRAM, FOR_OTHERS];
