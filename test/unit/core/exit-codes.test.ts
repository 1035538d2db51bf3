import { expect, it } from 'vitest';
import { ERROR_CODES } from '../../../src/contract/errors.ts';
import { EXIT, EXIT_MEANINGS, exitCodeOf, exitCodesHelp } from '../../../src/core/exit-codes.ts';

it('gives every way to end a code of its own', () => {
  const codes = Object.values(EXIT);
  expect(new Set(codes).size).toBe(codes.length);
});

it('stays within what a shell can tell apart', () => {
  for (const code of Object.values(EXIT)) {
    expect(code).toBeGreaterThanOrEqual(0);
    // 126 and 127 are the shell's own, 128 + n is a signal.
    if (code > 125) expect([128 + 1, 128 + 2, 128 + 15]).toContain(code);
  }
});

it('maps every error code to a failure', () => {
  for (const code of ERROR_CODES) expect(exitCodeOf(code), code).toBeGreaterThan(0);
});

it('documents each code', () => {
  const help = exitCodesHelp();
  for (const [name, code] of Object.entries(EXIT)) {
    const meaning = EXIT_MEANINGS[name as keyof typeof EXIT];
    expect(help).toMatch(new RegExp(`^ +${code}  ${meaning.replace(/[()]/g, '\\$&')}$`, 'm'));
  }
});
