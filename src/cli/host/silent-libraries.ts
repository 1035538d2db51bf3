/**
 * Variables that people set to make the libraries of their own programs talk. The client libraries inside `mq` read
 * them, too.
 */
const TALKATIVE = ['DEBUG', 'NODE_DEBUG', 'DEV'] as const;

const CONSOLE = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const;

/**
 * Keeps client libraries from writing to the terminal. Their output would bypass our messages and the redaction of
 * secrets: with `DEBUG=*` one prints the command that logs in, and all bodies. Call it before the first library is
 * loaded, with the environment that the libraries see, not with that of commands that `mq` runs.
 */
export function silenceLibraries(env: Record<string, string | undefined>, console: Pick<Console, 'log'>): void {
  for (const name of TALKATIVE) delete env[name];
  for (const method of CONSOLE) Object.assign(console, { [method]: () => {} });
}
