import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { provision } from './provision.ts';
import { accepts } from './server-process.ts';

const CHILD = fileURLToPath(new URL('./guard-child.ts', import.meta.url));
// Installing it, if need be, is not part of what is tested.
await provision('redis-server');

it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'a runner that ends by %s leaves no server and no folder',
  async (signal) => {
    const runner = spawn(process.execPath, [CHILD], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(runner.stdout, 'data')) as [Buffer];
    const { port, folder } = JSON.parse(line.toString()) as { readonly port: number; readonly folder: string };
    expect(await accepts(port)).toBe(true);
    expect(existsSync(folder)).toBe(true);
    runner.kill(signal);
    await once(runner, 'exit');
    await expect.poll(() => accepts(port)).toBe(false);
    await expect.poll(() => existsSync(folder)).toBe(false);
  },
);
