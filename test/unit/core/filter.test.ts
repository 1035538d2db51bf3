import { describe, expect, it } from 'vitest';
import { MqError } from '../../../src/contract/errors.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { message } from '../../support/messages.ts';

const matches = async (text: string, of = message()): Promise<boolean | string> => {
  const problems: string[] = [];
  const matched = (await compileFilter(text)).matches(of, (problem) => problems.push(problem));
  return problems[0] ?? matched;
};

describe('filter', () => {
  const order = message({
    id: '7',
    queue: 'orders',
    state: 'dead',
    body: Buffer.from('{"amount":600,"user":{"country":"DE"}}'),
    headers: { type: 'order.created', tries: 3 },
    receiveCount: 3,
    enqueuedAt: Date.now() - 5000,
    dead: {
      from: 'orders',
      reason: 'rejected',
      error: 'connect ETIMEDOUT 10.0.0.1',
      at: Date.now() - 60_000,
      count: 1,
      replays: 2,
    },
  });

  it.each([
    ['body.amount > 500 && headers.type.startsWith("order")', true],
    ['body.amount > 500.5', true],
    ['receiveCount + 1 == 4', true],
    ['size == 38', true],
    ['age > duration("2s") && age < duration("1m")', true],
    ['dead.error.contains("ETIMEDOUT") && dead.replays < 3', true],
    ['dead.at < timestamp("2020-01-01T00:00:00Z")', false],
    ['has(body.missing) && body.missing == 1', false],
    ['raw.matches("am.*nt") && (raw).matches("^\\\\{") && body.user.country.matches("^D.$")', true],
    ['"the word matches(here)" == raw', false],
    ['state == "dead" && queue == "orders" && id == "7"', true],
  ])('%s is %s', async (text, expected) => {
    expect(await matches(text, order)).toBe(expected);
  });

  it.each([
    ['body.missing == 1', 'No such key: missing'],
    ['priority > 2', 'no such overload: dyn<null> > int'],
    ['body.amount', 'the expression is not true or false'],
    ['body.__proto__ == 1', 'No such key: __proto__'],
    ['headers.constructor == 1', 'No such key: constructor'],
  ])('%s does not match, and says why: %s', async (text, problem) => {
    expect(await matches(text, order)).toBe(problem);
  });

  it.each([
    ['atempts > 2', 'Unknown variable: atempts'],
    ['dead.raeson == "x"', 'No such key: raeson'],
    ['body.amount >', 'Unexpected token'],
    ['size', 'must be true or false'],
    ['raw.matches("(")', 'missing closing'],
    ['matches(raw, "a")', 'matches(string, string)'],
    // None of these could match any message: what may be unknown has a type all the same.
    ['age > 5', 'no such overload: google.protobuf.Duration > int'],
    ['receiveCount > "3"', 'no such overload: int > string'],
    ['priority == "high"', 'no such overload: int == string'],
    ['id == 7', 'no such overload: string == int'],
    ['dead.count > "1" && state == "dead"', 'no such overload: int > string'],
    ['dead.at < duration("1h")', 'no such overload'],
    ['dead.reason > 1', 'no such overload: string > int'],
    ['receiveCount', 'must be true or false'],
    ['', 'Unexpected token'],
  ])('refuses %s before any message is seen', async (text, why) => {
    const error = await compileFilter(text).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(MqError);
    expect(error).toMatchObject({ code: 'USAGE', message: expect.stringContaining(why) });
  });

  it.each([
    ['raw.matches("a") && atempts > 2', 'atempts'],
    ['raw.matches("a") && raw.matches("(?<=a)b")', '"(?<=a)b"'],
    ['size > 2 &&\n  raw.matches("(")', '"("'],
    ['receiveCount + 1', 'receiveCount'],
    ['state == "dead" && age > 5', 'age > 5'],
  ])('points at the mistake in %s with a caret under the text as it was typed', async (text, mistake) => {
    const error: unknown = await compileFilter(text).catch((caught: unknown) => caught);
    const lines = (error as MqError).message.split('\n');
    const typed = lines.findIndex((line) => line.startsWith('>') && line.includes(mistake));
    expect(lines[typed + 1]?.indexOf('^')).toBe(lines[typed]?.indexOf(mistake));
  });

  it('what is unknown may be asked for, and then compared as it is', async () => {
    expect(await matches('priority == null')).toBe(true);
    expect(await matches('receiveCount == null || receiveCount > 2', order)).toBe(true);
    expect(await matches('age != null && age > duration("2s")', order)).toBe(true);
  });

  it('runs a pattern that explodes in a backtracking engine in linear time', async () => {
    const filter = await compileFilter('raw.matches("^(a+)+$")');
    // A backtracking engine needs 2^40 steps for it: the test would run out of time.
    expect(filter.matches(message({ body: Buffer.from(`${'a'.repeat(40)}!`) }), () => {})).toBe(false);
    expect(filter.matches(message({ body: Buffer.from('a'.repeat(40)) }), () => {})).toBe(true);
  });
});
