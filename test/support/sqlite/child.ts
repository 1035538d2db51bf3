import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);

/** A script with what it needs to use the backend, for a process of its own. Node runs the sources as they are. */
export function childSource(script: string): string {
  return `
    import { backend } from ${JSON.stringify(new URL('src/backends/sqlite/index.ts', root).href)};
    import { outgoing } from ${JSON.stringify(new URL('src/conformance/messages.ts', root).href)};
    const signal = new AbortController().signal;
    const notice = () => {};
    const open = (path) => backend.open('sqlite:' + path, { connectTimeoutMs: 5000, notice, signal });
    const create = (broker, name, settings = {}) =>
      broker.create(name, { kind: null, deadLetterQueue: null, maxReceives: null, settings, signal });
    const consumeOptions = { state: 'ready', limit: null, window: 100, follow: false, idleMs: null, notice, signal };
    ${script}
  `;
}

export interface Child {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  /** Resolves when what it has printed contains the text; rejects when it ends before. */
  printed(text: string): Promise<void>;
  /** Its exit code or signal. Rejects when it printed an error. */
  ended(): Promise<number | NodeJS.Signals>;
}

export function startChild(script: string): Child {
  const child = spawn(process.execPath, ['--input-type=module', '-e', childSource(script)], {
    cwd: fileURLToPath(root),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
  });
  const end = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signalName) => {
      if (err !== '') reject(new Error(`the child process failed: ${err}`));
      else resolve(code ?? signalName ?? -1);
    });
  });
  return {
    process: child,
    output: () => out,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!out.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        end.then(() => reject(new Error(`ended without printing ${text}`)), reject);
      }),
    ended: () => end,
  };
}
