// What the bundle leaves out or puts off, so that a command starts in a fraction of a moment. Each figure was measured
// on one machine, against the same bundle without that plugin: `npm run bench -- one-shot`.
import promises from 'node:fs/promises';

/**
 * Commander imports four of Node's modules that every command would pay for: `node:process`, whose import opens the
 * three standard streams (9 ms, measured), and `node:child_process` and `node:fs` (3 ms each), for subcommands in files
 * of their own, which `mq` has none of; and `node:util` (3 ms), whose every export an `import` evaluates, for one
 * function of the help.
 */
export const LIGHT_COMMANDER = {
  name: 'light-commander',
  resolveId(source, importer) {
    const lighter =
      importer?.includes('/node_modules/commander/') &&
      ['node:process', 'node:child_process', 'node:fs', 'node:util'].includes(source);
    return lighter ? `\0light:${source}` : null;
  },
  load(id) {
    if (id === '\0light:node:process') return 'export default globalThis.process;';
    if (id === '\0light:node:child_process' || id === '\0light:node:fs') return 'export default {};';
    if (id === '\0light:node:util') {
      return `
        export const stripVTControlCharacters = (text) =>
          process.getBuiltinModule('node:util').stripVTControlCharacters(text);`;
    }
    return null;
  },
};

/**
 * An `import` of one of Node's modules reads every member, and some members load much that nobody asked for:
 * `ReadStream` of `node:fs` 6 ms, `TextDecoder` of `node:util` 6 ms. Asked for as an object, they are read when they
 * are used. TLS (6 ms) is loaded by amqplib at its first use.
 */
const LEAN = ['node:fs', 'node:util', 'node:timers/promises', 'node:os', 'node:path', 'node:events', 'node:url'];
/** Those of which even the object costs 3 ms, and whose functions are looked up when they are called. */
const LAZY = { 'node:fs/promises': Object.keys(promises) };
export const LEAN_BUILTINS = {
  name: 'lean-builtins',
  resolveId(source, importer, { kind }) {
    if (source === 'node:tls' && importer?.includes('/node_modules/amqplib/')) return '\0lazy-tls.cjs';
    if (kind !== 'import-statement') return null;
    return LEAN.includes(source) ? `\0lean:${source}.cjs` : source in LAZY ? `\0lazy:${source}.cjs` : null;
  },
  load(id) {
    if (id === '\0lazy-tls.cjs')
      return "exports.connect = (...args) => process.getBuiltinModule('node:tls').connect(...args);";
    const lazy = /^\0lazy:(.*)\.cjs$/.exec(id)?.[1];
    if (lazy !== undefined) {
      return LAZY[lazy]
        .map(
          (key) =>
            `Object.defineProperty(exports, '${key}', { enumerable: true, get: () => process.getBuiltinModule('${lazy}').${key} });`,
        )
        .join('\n');
    }
    const name = /^\0lean:(.*)\.cjs$/.exec(id)?.[1];
    return name === undefined ? null : `module.exports = process.getBuiltinModule('${name}');`;
  },
};

/**
 * Bundled CommonJS asks for Node's own modules only, and the first look at `import.meta`, which `createRequire` needs,
 * costs 2 ms.
 */
export const LIGHT_REQUIRE = {
  name: 'light-require',
  renderChunk(code) {
    const eager = '/* #__PURE__ */ (() => createRequire(import.meta.url))()';
    if (!code.includes(eager)) return null;
    return code.replace('import { createRequire } from "node:module";', '').replace(
      eager,
      `(id) => {
        const builtin = process.getBuiltinModule(id);
        if (builtin === undefined) throw Object.assign(new Error(\`Cannot find module '\${id}'\`), { code: 'MODULE_NOT_FOUND' });
        return builtin;
      }`,
    );
  },
};

/**
 * One character beyond Latin-1 makes V8 keep a whole chunk with two bytes a character, and read and compare it so at
 * each start. Escaped, it is the same character in strings, templates and regular expressions.
 */
export const ASCII_ONLY = {
  name: 'ascii-only',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue;
      chunk.code = chunk.code.replace(
        /[^\0-\x7f]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
    }
  },
};

/**
 * The decoder of ioredis is published with each private field in a WeakMap, which is looked up some twenty times for a
 * reply. As plain properties they cost a fifth less (200,000 replies: 75 ms instead of 95).
 */
export const PLAIN_FIELDS = {
  name: 'plain-fields',
  transform(code, id) {
    if (!id.endsWith('/ioredis/built/resp/decoder.js')) return null;
    const plain = code
      .replace(
        /(_Decoder_\w+) = new WeakMap\(\)/g,
        '$1 = { has: () => true, get: (decoder) => decoder.$1, set: (decoder, value) => { decoder.$1 = value; } }',
      )
      .replace('_Decoder_instances = new WeakSet()', '_Decoder_instances = { has: () => true, add() {} }');
    if (/new Weak/.test(plain) || plain === code) throw new Error('the decoder of ioredis has changed');
    return plain;
  },
};

/**
 * ioredis writes to the console that a password was not needed: past our own messages, and `-q` and `-o json` with
 * them.
 */
export const SILENT_LOGIN = {
  name: 'silent-login',
  transform(code, id) {
    if (!id.endsWith('/ioredis/built/redis/event_handler.js')) return null;
    const silent = code.replaceAll('console.warn(', 'void (');
    if (silent === code) throw new Error('the login of ioredis has changed');
    return silent;
  },
};
