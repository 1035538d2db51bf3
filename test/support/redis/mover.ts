// A process to be killed: `node mover.ts URL SOURCE TARGET HOW`. Moves everything, by hand or natively, and says when
// it begins.
import { backend } from '../../../src/backends/redis/index.ts';
import { planMove } from '../../../src/core/move.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';

const [url = '', from = '', to = '', how = 'native'] = process.argv.slice(2);
const signal = new AbortController().signal;
const notice = (text: string): void => void process.stderr.write(`${text}\n`);
const broker = await backend.open(url, { connectTimeoutMs: 5000, notice, signal });
const found = await broker.queue(from, signal);
const { nativeMove: _native, ...byHand } = found;
const plan = await planMove({
  ...EVERYTHING,
  operation: 'move',
  source: how === 'native' ? found : byHand,
  state: 'ready',
  only: null,
  target: await broker.queue(to, signal),
  max: null,
  ratePerSec: null,
  setHeaders: {},
  lossy: false,
  window: 50,
  notice,
  signal,
});
process.stdout.write('moving\n');
const report = await plan.run({ dryRun: false, onProgress: () => {}, signal });
process.stdout.write(`${JSON.stringify(report)}\n`);
await broker.close();
