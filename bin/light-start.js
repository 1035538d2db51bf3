// What the bundle leaves out or puts off, so that a command starts in a fraction of a moment. Each figure was measured
// on one machine, against the same bundle without that plugin: `npm run bench -- start-up`.
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
 * `ReadStream` of `node:fs` 6 ms, `TextDecoder` of `node:util` 6 ms, the streams of `node:process` 9 ms. Asked for as
 * an object, they are read when they are used.
 */
const LEAN = ['fs', 'util', 'timers/promises', 'os', 'path', 'events', 'url', 'process'];
/**
 * Those of which even the object costs 1 ms to 6 ms, and whose members are looked up when they are used: not every
 * command needs TLS, digests or the disk. Client libraries that `require` them get the same.
 */
const LAZY = ['fs/promises', 'child_process', 'crypto', 'dns', 'http', 'https', 'http2', 'tls', 'zlib'];

export const LEAN_BUILTINS = {
  name: 'lean-builtins',
  resolveId(source, _importer, { kind }) {
    const name = source.replace(/^node:/, '');
    // A real dynamic import would read every member, too: of `node:http` one that loads HTTP/2 and threads.
    if (LAZY.includes(name) && kind !== 'new-url') return `\0lazy:node:${name}.cjs`;
    return LEAN.includes(name) && kind === 'import-statement' ? `\0lean:node:${name}.cjs` : null;
  },
  async load(id) {
    const lazy = /^\0lazy:(.*)\.cjs$/.exec(id)?.[1];
    if (lazy !== undefined) {
      const keys = Object.keys(await import(lazy)).filter((key) => key !== 'default' && key !== 'module.exports');
      return `
        const load = () => process.getBuiltinModule('${lazy}');
        for (const key of ${JSON.stringify(keys)})
          Object.defineProperty(exports, key, { enumerable: true, get: () => load()[key] });`;
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

/**
 * The packages of the SDK of AWS say where their modules are, and for a program on Node a bundler takes the other form
 * of them, of which everything is loaded: each way to find credentials, each protocol, and HTTP/2.
 */
export const MODULES_OF_AWS = {
  name: 'modules-of-aws',
  async resolveId(source, importer, options) {
    if (!/^@(aws-sdk|smithy)\/[^/]+$/.test(source)) return null;
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    return found === null ? null : { ...found, id: found.id.replace('/dist-cjs/index.js', '/dist-es/index.js') };
  },
};
