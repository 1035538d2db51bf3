// The bundles that npm publishes. The program: one entry, split chunks, every client library inside, so that installing
// `mqops` installs one package and a command loads only the chunks that it needs. And what others may import.
import { defineConfig } from 'rolldown';
import {
  ASCII_ONLY,
  LEAN_BUILTINS,
  LIGHT_COMMANDER,
  LIGHT_REQUIRE,
  PLAIN_FIELDS,
  SILENT_LOGIN,
} from './light-start.js';
import { THIRD_PARTY_LICENSES } from './third-party-licenses.js';

/**
 * Everything that is small and that most commands need. Not the verbs, the filter engine, and what measures text for
 * tables.
 */
const ALWAYS_NEEDED =
  /light:|lean:|lazy:|node_modules\/commander|src\/(contract|change|feed\/rates|config\/(?!read-file|schema|edit|secret)|core\/(?!filter)|backends\/(?:registry|common\/(?!conventions))|cli\/(?!main|version|host\/(?:memory|silent-libraries)|commands|completion|start\/(?:complete|manual)|doctor|demo|drain|input|help\/(?:topic-texts|help-document|man-page)|output\/box))/;

const PROGRAM = defineConfig({
  input: { main: 'src/cli/main.ts' },
  platform: 'node',
  plugins: [
    LIGHT_COMMANDER,
    LEAN_BUILTINS,
    LIGHT_REQUIRE,
    PLAIN_FIELDS,
    SILENT_LOGIN,
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
    chunkFileNames: '[name]-[hash].js',
    // Loading a module costs one to two milliseconds whatever its size, so what every command needs is one chunk
    // instead of a dozen.
    codeSplitting: {
      groups: [
        { name: 'version', test: /src\/cli\/version|^(?!.*\/node_modules\/).*\/package\.json$/, priority: 2 },
        { name: 'command-line', test: ALWAYS_NEEDED, priority: 1 },
      ],
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
