/**
 * Some of Node's modules, loaded when they are first used. An `import` of `node:util` costs 3 ms, because it reads every export, and some open
 * stderr; most runs paint nothing, and Tab asks for neither.
 */
type Util = typeof import('node:util');

export const styleText: Util['styleText'] = (format, text, options) =>
  process.getBuiltinModule('node:util').styleText(format, text, options);

/** Whether a file descriptor is a terminal. The module that knows costs 2 ms, so what is no character device is not asked of it. */
export function isTerminal(descriptor: number): boolean {
  try {
    if (!process.getBuiltinModule('node:fs').fstatSync(descriptor).isCharacterDevice()) return false;
  } catch {
    // Not every system can say that of a console.
  }
  return process.getBuiltinModule('node:tty').isatty(descriptor);
}

/** As much as the system takes at once. Throws its error. */
export function writeOnce(descriptor: number, bytes: Uint8Array): number {
  return process.getBuiltinModule('node:fs').writeSync(descriptor, bytes);
}

/** All of it, however many writes that takes. */
export function writeSync(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeOnce(descriptor, bytes.subarray(written));
}
