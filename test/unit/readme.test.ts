import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { README, withTables } from '../support/documents.ts';

it('the tables of the README are what the code says: npm run docs', async () => {
  const readme = await readFile(README, 'utf8');
  expect(readme).toBe(await withTables(readme));
  expect(readme).toMatch(/^\| +\| `sqlite` +\|/m);
  expect(readme).toMatch(/^\| 143 +\| terminated \(SIGTERM\) +\|$/m);
});
