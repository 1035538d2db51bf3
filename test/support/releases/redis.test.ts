import { expect, inject, it } from 'vitest';
import type { Release } from '../release.ts';
import { redis } from '../servers.ts';

const { version } = await redis();
const EXPECTED: Partial<Record<Release, RegExp>> = { 'redis-8': /^Redis 8\./, 'valkey-8': /^Valkey 8\./ };

it('is the release that the project is named after', () => {
  expect(version).toMatch(EXPECTED[inject('release')] ?? /^(Redis|Valkey) /);
});
