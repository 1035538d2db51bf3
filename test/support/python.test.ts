import { expect, it } from 'vitest';
import { pythonWith } from './python.ts';

const python = await pythonWith('redis==5.2.1');

it('runs a script with the pinned package, and tells what a script that failed said', async () => {
  expect(await python.run('import redis; print(redis.__version__)')).toBe('5.2.1\n');
  await expect(python.run('raise ValueError("no such thing")')).rejects.toThrow('no such thing');
});
