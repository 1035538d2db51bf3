import { expect, it } from 'vitest';
import { PAGE, PageSize } from '../../../../src/backends/redis/browsing/page-size.ts';

const KB = 1024;
const MB = 1024 * KB;

it('begins with few, and grows to whole pages of small messages in a few steps', () => {
  const size = new PageSize();
  const asked: number[] = [];
  for (let i = 0; i < 5; i++) {
    const count = size.next();
    asked.push(count);
    size.learn(count, count * KB);
  }
  expect(asked).toEqual([32, 128, PAGE, PAGE, PAGE]);
});

it('asks for no more than fits, one at least, and for more again when they are smaller', () => {
  const size = new PageSize();
  size.learn(32, 32 * 2 * MB);
  expect(size.next()).toBe(4);
  size.learn(4, 4 * 50 * MB);
  expect(size.next()).toBe(1);
  size.learn(1, 10);
  expect(size.next()).toBe(4);
});

it('never more than are wanted, and an empty page teaches nothing', () => {
  const size = new PageSize();
  expect(size.next(3)).toBe(3);
  size.learn(0, 0);
  expect(size.next()).toBe(32);
  size.learn(32, 0);
  expect(size.next()).toBe(128);
});
