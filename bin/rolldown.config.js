// The bundle that npm publishes: one entry, split chunks, every client library inside, so that installing `mqops` installs one
// package and a command loads only the chunks that it needs.
import { defineConfig } from 'rolldown';

export default defineConfig({
  input: { main: 'src/cli/main.ts' },
  platform: 'node',
  // Ink imports it only with DEV=true; it is not installed.
  external: ['react-devtools-core'],
  transform: { define: { 'process.env.NODE_ENV': '"production"' } },
  output: { dir: 'dist', format: 'esm', minify: true, cleanDir: true, chunkFileNames: '[name]-[hash].js' },
});
