import { compileFilter } from '../../../src/core/filter.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { never, openUrl } from './harness.ts';

/** A redrive by hand as a process of its own, so that a test can kill it: `redrive-process.ts URL QUEUE [FILTER]`. Prints the report. */
const [url = '', name = '', filter] = process.argv.slice(2);
const broker = await openUrl(url);
const plan = await planRedrive({
  ...EVERYTHING,
  filter: filter === undefined ? null : await compileFilter(filter),
  broker,
  queue: await broker.queue(name, never),
  to: null,
  max: null,
  ratePerSec: null,
  setHeaders: {},
  keepDeathHeaders: false,
  lossy: false,
  notice: (text) => process.stderr.write(`${text}\n`),
  signal: never,
});
process.stdout.write('started\n');
const report = await plan.run({ dryRun: false, onProgress: () => {}, signal: never });
process.stdout.write(`${JSON.stringify(report)}\n`);
await broker.close();
