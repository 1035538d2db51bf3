// The broker's part of `mq top`, alone: reads every queue once a second and does nothing with it. Started by top.ts.
import { backendFor } from '../../src/backends/registry.ts';

const [url = ''] = process.argv.slice(2);
const signal = new AbortController().signal;
const backend = await backendFor(url);
const broker = await backend.open(url, { connectTimeoutMs: 5_000, notice: () => {}, signal });
const pattern = { globs: [], matches: () => true };
setInterval(async () => {
  const all = [];
  for await (const stats of broker.queues(pattern, { notice: () => {}, signal })) all.push(stats);
}, 1_000);
