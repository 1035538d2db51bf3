/**
 * Variables with which people make the libraries of their own programs talk: the client libraries inside `mq` know
 * them, too.
 */
const TALKATIVE = ['DEBUG', 'NODE_DEBUG', 'DEV'] as const;

const CONSOLE = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const;

/**
 * Keeps client libraries from writing to the terminal past our own messages, and so past the redaction of secrets: with
 * `DEBUG=*` one prints the command that logs in, and all bodies. To be called before the first of them is loaded, and
 * with the environment that they see, not that of commands run for somebody.
 */
export function silenceLibraries(env: Record<string, string | undefined>, console: Pick<Console, 'log'>): void {
  for (const name of TALKATIVE) delete env[name];
  for (const method of CONSOLE) Object.assign(console, { [method]: () => {} });
}
