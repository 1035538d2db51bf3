// npm run bench -- NAME: runs test/bench/NAME.ts; without a name, lists them.
import { readdirSync } from 'node:fs';

const names = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.ts') && !['run.ts', 'measure.ts', 'top-load.ts', 'top-churn.ts'].includes(file))
  .map((file) => file.replace(/\.ts$/, ''));
const [name] = process.argv.splice(2, 1);
if (name !== undefined && names.includes(name)) await import(`./${name}.ts`);
else process.stderr.write(`which benchmark? ${names.join(', ')}\n`);
