import { MqError } from '../../../contract/errors.ts';

type Driver = typeof import('node:sqlite');

let loaded: Promise<Driver> | null = null;

/**
 * `node:sqlite`, loaded when a file is first opened. Node 22 warns once that it is experimental: exactly that warning
 * is suppressed. The global `process` is used here, because importing `node:process` builds the standard streams and
 * takes some 7 ms (measured on Node 24).
 */
export function loadDriver(): Promise<Driver> {
  loaded ??= loadQuietly();
  return loaded;
}

async function loadQuietly(): Promise<Driver> {
  const original = process.emitWarning;
  const filtered = (...args: Parameters<typeof original>): void => {
    const [warning, type] = args;
    const name: unknown = typeof type === 'object' && type !== null ? (type as { type?: unknown }).type : type;
    if (name === 'ExperimentalWarning' && typeof warning === 'string' && warning.startsWith('SQLite is')) return;
    original.apply(process, args);
  };
  process.emitWarning = filtered as typeof original;
  try {
    // Taken as an object: an `import` would read every member first, which takes another millisecond of a command that
    // takes thirty.
    const driver: Driver | undefined = process.getBuiltinModule('node:sqlite');
    if (driver !== undefined) return driver;
  } finally {
    process.emitWarning = original;
  }
  // Node 22.12 has it only behind a flag (https://nodejs.org/api/sqlite.html, "History").
  throw new MqError('CONFIG_INVALID', `this Node.js (${process.version}) has no built-in SQLite`, {
    hint: 'update Node.js to 22.13 or newer',
    backend: 'sqlite',
  });
}
