import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { freePort } from './free-port.ts';

it('gives a port to one caller only, of whatever process', async () => {
  const ports = await Promise.all(Array.from({ length: 100 }, () => freePort()));
  expect(new Set(ports).size).toBe(ports.length);
  // Another process that is made to try these first.
  const script = `
    const tries = ${JSON.stringify(ports)};
    Math.random = () => ((tries.shift() ?? 31_999) - 20_000 + 0.5) / 12_000;
    const { freePort } = await import(${JSON.stringify(fileURLToPath(new URL('./free-port.ts', import.meta.url)))});
    console.log(await freePort().then(String, (error) => error.message));
  `;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  other.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(other, 'close');
  expect(said).toBe('no free port found on 127.0.0.1 between 20000 and 31999\n');
});
