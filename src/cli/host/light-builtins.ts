/**
 * Some of Node's modules, loaded at their first use. An `import` of `node:util` takes 3 ms, because it reads every
 * export, and some exports open stderr. Most runs paint nothing, and Tab needs neither.
 */
type Util = typeof import('node:util');

export const styleText: Util['styleText'] = (format, text, options) =>
  process.getBuiltinModule('node:util').styleText(format, text, options);

/**
 * Whether a file descriptor is a terminal. The module that knows takes 2 ms to load, so it is asked only about
 * character devices, and not about the null device.
 */
export function isTerminal(descriptor: number): boolean {
  const fs = process.getBuiltinModule('node:fs');
  try {
    const stats = fs.fstatSync(descriptor);
    if (!stats.isCharacterDevice() || stats.rdev === fs.statSync('/dev/null').rdev) return false;
  } catch {
    // Some systems cannot read the type of a console. Then the module below decides.
  }
  return process.getBuiltinModule('node:tty').isatty(descriptor);
}

/**
 * Whether a descriptor was closed when the program began. Node puts the null device in its place, open for reading and
 * writing; a shell's `>/dev/null` is open only for writing. Known only on Linux; elsewhere false.
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

/** Writes as much as the system takes at once. Throws its error. */
export function writeOnce(descriptor: number, bytes: Uint8Array): number {
  return process.getBuiltinModule('node:fs').writeSync(descriptor, bytes);
}

/** Writes all of it, in as many writes as that takes. */
export function writeSync(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeOnce(descriptor, bytes.subarray(written));
}

/**
 * Writes a text and waits for a slow reader. Returns what is left: nothing, or the rest for a pipe that does not wait;
 * null if it cannot be written.
 */
export function writeText(descriptor: number, text: string): Uint8Array | null {
  let rest: Uint8Array = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeOnce(descriptor, rest));
    return rest;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? rest : null;
  }
}
