import { describe, expect, it } from 'vitest';
import { message } from '../../../src/conformance/messages.ts';
import { MqError } from '../../../src/contract/errors.ts';
import { compileFilter } from '../../../src/core/filter.ts';

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
    ['priority > 2', 'null cannot be compared with a whole number (>)'],
    ['body.amount', 'the expression is not true or false'],
    ['body.__proto__ == 1', 'No such key: __proto__'],
    ['headers.constructor == 1', 'No such key: constructor'],
  ])('%s does not match, and says why: %s', async (text, problem) => {
    expect(await matches(text, order)).toBe(problem);
  });

  it.each([
    ['atempts > 2', 'there is no atempts'],
    ['dead.raeson == "x"', 'No such key: raeson'],
    ['body.amount >', 'it ends too early'],
    ['size', 'must be true or false'],
    ['raw.matches("(")', 'missing closing'],
    ['matches(raw, "a")', 'matches(…) does not go with a text and a text'],
    // None of these could match any message: what may be unknown has a type all the same.
    ['age > 5', 'a duration cannot be compared with a whole number (>)'],
    ['receiveCount > "3"', 'a whole number cannot be compared with a text (>)'],
    ['priority == "high"', 'a whole number cannot be compared with a text (==)'],
    ['id == 7', 'a text cannot be compared with a whole number (==)'],
    ['dead.count > "1" && state == "dead"', 'a whole number cannot be compared with a text (>)'],
    ['dead.at < duration("1h")', 'an instant cannot be compared with a duration (<)'],
    ['dead.reason > 1', 'a text cannot be compared with a whole number (>)'],
    ['receiveCount', 'must be true or false'],
    ['', 'it ends too early'],
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

  const numbers = message({
    body: Buffer.from(
      '{"n":4,"id":9007199254740993,"u":18446744073709551615,"far":18446744073709551616,"a":3,"b":4,"half":1.5,"two":2.0,"ids":[9007199254740993],"text":"5"}',
    ),
    headers: { tries: 3, id: '9007199254740993', table: { deep: ['9007199254740995'] } },
    integers: [['id'], ['table', 'deep', 0]],
    receiveCount: 3,
  });

  it.each([
    ['body.n % 2 == 0', true],
    ['headers.tries % 2 == 1', true],
    ['body.n / 2 > 1.5', true],
    ['body.a / body.b > 0.5', true],
    ['body.a < body.b && body.a + body.b == 7 && body.b - body.a == 1', true],
    ['body.n in [1, 2, 4]', true],
    ['body.n in [1.0, 4.0]', true],
    ['body.half in [1, 1.5]', true],
    ['body.text in [5]', false],
    ['body.half * 2 == 3', true],
    ['body.half + body.n == 5.5', true],
    ['body.two % 2 == 0', true],
    ['body.two == 2 && body.two in [2]', true],
    ['receiveCount / 2 == 1.5 && receiveCount * 1.5 > 4 && receiveCount == 3.0', true],
    ['body.id == 9007199254740993', true],
    ['body.u == 18446744073709551615 && body.u == 18446744073709551615u', true],
    ['9007199254740993 in body.ids && body.ids.exists(id, id == 9007199254740993)', true],
    ['body.ids == [9007199254740993]', true],
    ['headers.id == 9007199254740993 && headers.table.deep[0] == 9007199254740995', true],
    ['body.id == body.ids[0] && body.id == headers.id', true],
    ['string(body.id) == "9007199254740993"', true],
  ])('numbers are what a person reads: %s', async (text, expected) => {
    expect(await matches(text, numbers)).toBe(expected);
  });

  it.each([
    'body.id == NEXT',
    'body.id in [NEXT, 1]',
    'body.id - 1 == NEXT - 1',
    'body.id + 0 == NEXT',
    'body.id * 1 == NEXT',
    'body.id / 1 == NEXT',
    'body.ids.exists(id, id == NEXT)',
    'body.ids == [NEXT]',
    'NEXT in body.ids',
    'headers.id == NEXT',
    'body.id >= NEXT && body.id <= NEXT',
    'string(body.id) == "NEXT"',
  ])('no neighbour of a 64-bit id is taken for it: %s', async (text) => {
    for (const next of ['9007199254740992', '9007199254740994'])
      expect(await matches(text.replaceAll('NEXT', next), numbers)).toBe(false);
    expect(await matches(text.replaceAll('NEXT', '9007199254740993'), numbers)).toBe(true);
  });

  it.each([
    'body.id * 1.5 > 1',
    'body.id + 0.5 > 1',
    'double(body.id) == 9007199254740992.0',
    'body.id / 2 > 1',
    'body.far == 18446744073709551616',
    'body.far > 1',
  ])('what would be rounded is not decided: %s', async (text) => {
    expect(await matches(text, numbers)).toContain('exact');
  });

  it('a number that nothing can hold troubles only who looks at it', async () => {
    expect(await matches('body.n == 4', numbers)).toBe(true);
  });

  it('a literal that is rounded already is refused', async () => {
    await expect(compileFilter('body.id == 9007199254740993.0')).rejects.toMatchObject({ code: 'USAGE' });
    expect(await matches('body.id == 9007199254740994.0', numbers)).toBe(false);
  });

  it.each([
    ['age > 5', 'duration("5s")'],
    ['dead.at > "2026-01-01"', 'timestamp("2026-11-21T09:00:00Z")'],
    ['size = 5', 'write == '],
    ['state === "dead"', 'write == '],
    ['size <> 5', 'write != '],
    ['size > 1 and size < 3', 'write && '],
    ['size > 1 & size < 3', 'write && '],
    ['not (size > 1)', 'write ! '],
    ['state == dead_letter', 'a text needs quotes: "dead_letter"'],
    ['state == "dead" || TRUE', 'write true'],
    ['duration(5) < age', 'duration("5s")'],
    ['startsWith(raw, "7")', 'value.startsWith('],
    ['dead.error == null && age > 5', 'duration("5s")'],
  ])('%s is refused with what to write: %s', async (text, hint) => {
    const error: unknown = await compileFilter(text).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'USAGE', hint: expect.stringContaining(hint) });
    expect((error as MqError).message).not.toMatch(/overload|protobuf|dyn|int\b/);
  });

  it('comprehensions within each other end when they have cost enough, and a long one alone is carried out', async () => {
    const list = (length: number) => message({ body: Buffer.from(JSON.stringify({ l: [...Array(length).keys()] })) });
    const nested = await compileFilter('body.l.exists(a, body.l.exists(b, body.l.exists(c, a + b + c == -1)))');
    const problems: string[] = [];
    const startedAt = performance.now();
    expect(nested.matches(list(2_000), (problem) => problems.push(problem))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(problems).toEqual([expect.stringContaining('takes too long')]);
    const long = await compileFilter('body.l.exists(a, a == 299999)');
    expect(long.matches(list(300_000), (problem) => problems.push(problem))).toBe(true);
    expect(problems).toHaveLength(1);
  });
});
