/**
 * Some of Node's modules, loaded when they are first used. An `import` of `node:util` costs 3 ms, because it reads
 * every export, and some open stderr; most runs paint nothing, and Tab asks for neither.
 */
type Util = typeof import('node:util');

export const styleText: Util['styleText'] = (format, text, options) =>
  process.getBuiltinModule('node:util').styleText(format, text, options);

/**
 * Whether a file descriptor is a terminal. The module that knows costs 2 ms, so what is no character device is not
 * asked of it.
 */
export function isTerminal(descriptor: number): boolean {
  try {
    if (!process.getBuiltinModule('node:fs').fstatSync(descriptor).isCharacterDevice()) return false;
  } catch {
    // Some systems cannot read the type of a console. Then the module below decides.
  }
  return process.getBuiltinModule('node:tty').isatty(descriptor);
}

/**
 * Whether a descriptor was closed when the program began: Node puts the null device in its place, for reading and
 * writing, where a shell's `>/dev/null` is for writing only. Known on Linux alone; elsewhere false.
 */
export function wasClosed(descriptor: number): boolean {
  const fs = process.getBuiltinModule('node:fs');
  try {
    const { rdev } = fs.fstatSync(descriptor);
    if (rdev !== fs.statSync('/dev/null').rdev) return false;
    const flags = /^flags:\s*([0-7]+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & 0b11) === fs.constants.O_RDWR;
  } catch {
    return false;
  }
}

/** As much as the system takes at once. Throws its error. */
export function writeOnce(descriptor: number, bytes: Uint8Array): number {
  return process.getBuiltinModule('node:fs').writeSync(descriptor, bytes);
}

/** All of it, however many writes that takes. */
export function writeSync(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeOnce(descriptor, bytes.subarray(written));
}
