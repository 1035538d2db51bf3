// npm run bench: every line of the table, in one run. npm run bench -- NAME…: these groups of the table, or one of the
// other measurements of test/bench.
import { readdirSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { type Line, print, within } from './table/line.ts';

const files = (folder: string, others: readonly string[]): readonly string[] =>
  readdirSync(new URL(folder, import.meta.url))
    .filter((file) => file.endsWith('.ts') && !others.includes(file))
    .map((file) => file.replace(/\.ts$/, ''))
    .toSorted();
const groups = files('./table/', ['line.ts']);
const single = files('.', ['run.ts', 'measure.ts', 'top-load.ts', 'top-churn.ts']);

const asked = process.argv.splice(2);
const unknown = asked.filter((name) => !groups.includes(name) && !single.includes(name));
if (unknown.length > 0) {
  process.stderr.write(
    `no benchmark ${unknown.join(', ')}. The table: ${groups.join(', ')}. Beside it: ${single.join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  await measure(asked.length === 0 ? groups : asked);
}

async function measure(names: readonly string[]): Promise<void> {
  process.stdout.write(`Node ${process.version}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model ?? '?'}\n`);
  for (const name of names) {
    if (!groups.includes(name)) {
      await import(`./${name}.ts`);
      continue;
    }
    process.stdout.write(`\n== ${name}\n`);
    // A group that breaks costs its own lines, and is told.
    try {
      const group = (await import(`./table/${name}.ts`)) as { default(): AsyncGenerator<Line> };
      for await (const line of group.default()) {
        print(line);
        if (!within(line)) process.exitCode = 1;
      }
    } catch (error) {
      process.exitCode = 1;
      process.stdout.write(`BROKEN  ${name}: ${error instanceof Error ? error.stack : String(error)}\n`);
    }
  }
}
