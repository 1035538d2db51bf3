// The bundle that npm publishes: one entry, split chunks, every client library inside, so that installing `mqops` installs one
// package and a command loads only the chunks that it needs.
import { defineConfig } from 'rolldown';
import { THIRD_PARTY_LICENSES } from './third-party-licenses.js';

/**
 * Commander imports four of Node's modules that every command would pay for: `node:process`, whose import opens the three standard streams (9 ms,
 * measured), and `node:child_process` and `node:fs` (3 ms each), for subcommands in files of their own, which `mq` has none of;
 * and `node:util` (3 ms), whose every export an `import` evaluates, for one function of the help.
 */
const LIGHT_COMMANDER = {
  name: 'light-commander',
  resolveId(source, importer) {
    const lighter =
      importer?.includes('/node_modules/commander/') &&
      ['node:process', 'node:child_process', 'node:fs', 'node:util'].includes(source);
    return lighter ? `\0light:${source}` : null;
  },
  load(id) {
    if (id === '\0light:node:process') return 'export default globalThis.process;';
    if (id === '\0light:node:child_process' || id === '\0light:node:fs') return 'export default {};';
    if (id === '\0light:node:util') {
      return `
        import { createRequire } from 'node:module';
        const require = createRequire(import.meta.url);
        export const stripVTControlCharacters = (text) => require('node:util').stripVTControlCharacters(text);`;
    }
    return null;
  },
};

/** Everything that is small and that most commands need. Not the verbs, the filter engine, and what measures text for tables. */
const ALWAYS_NEEDED =
  /light:|node_modules\/commander|src\/(contract|config\/(?!read-file|schema|edit|secret)|core\/(?!filter)|backends\/registry|cli\/(?!main|version|commands|completion|doctor|exec-|message-file|message-input|output\/box))/;

export default defineConfig({
  input: { main: 'src/cli/main.ts' },
  platform: 'node',
  plugins: [LIGHT_COMMANDER, THIRD_PARTY_LICENSES],
  // Ink imports it only with DEV=true; it is not installed.
  external: ['react-devtools-core'],
  transform: { define: { 'process.env.NODE_ENV': '"production"' } },
  output: {
    dir: 'dist',
    format: 'esm',
    minify: true,
    cleanDir: true,
    chunkFileNames: '[name]-[hash].js',
    // Loading a module costs one to two milliseconds whatever its size, so what every command needs is one chunk instead of a dozen.
    codeSplitting: {
      groups: [
        { name: 'version', test: /src\/cli\/version|^(?!.*\/node_modules\/).*\/package\.json$/, priority: 2 },
        { name: 'command-line', test: ALWAYS_NEEDED, priority: 1 },
      ],
    },
  },
});
