import type { writeSync as WriteSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { isatty as IsATty } from 'node:tty';
import type { styleText as StyleText } from 'node:util';

/**
 * Some of Node's modules, loaded when they are first used. An `import` of `node:util` costs 3 ms, because it reads every export, and some open
 * stderr; most runs paint nothing, and Tab asks for neither.
 */
const require = createRequire(import.meta.url);

export const styleText: typeof StyleText = (format, text, options) =>
  (require('node:util') as { styleText: typeof StyleText }).styleText(format, text, options);

export const isatty: typeof IsATty = (descriptor) =>
  (require('node:tty') as { isatty: typeof IsATty }).isatty(descriptor);

/** All of it, however many writes that takes. */
export function writeSync(descriptor: number, bytes: Uint8Array): void {
  const { writeSync: write } = require('node:fs') as { writeSync: typeof WriteSync };
  for (let written = 0; written < bytes.length; ) written += write(descriptor, bytes, written);
}
