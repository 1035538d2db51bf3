import { MqError } from '../../../contract/errors.ts';
import type { Argument, Connection } from '../connection/connection.ts';

/** A script that the server keeps, under a name of ours. */
export interface StoredScript {
  readonly name: string;
  readonly lua: string;
  readonly numberOfKeys: number;
}

/**
 * Sent whole once for each connection, then by its hash: a library's script is up to 12 KB long and runs once a job.
 */
export function runStored(
  { client }: Connection,
  { name, lua, numberOfKeys }: StoredScript,
  args: readonly Argument[],
): Promise<unknown> {
  if (!Reflect.has(client, name)) client.defineCommand(name, { lua, numberOfKeys });
  const run: unknown = Reflect.get(client, name);
  if (typeof run !== 'function') throw new MqError('INTERNAL', 'a script was not taken by the client');
  return Reflect.apply(run, client, [...args]) as Promise<unknown>;
}

const around = new Map<string, StoredScript>();

/**
 * A script of the library, which it gave to the client of the connection under a name that holds its own version, made
 * part of one of ours: it stays what it is, and what we look at or write happens in the same instant. `wrap` gets its
 * text and how many keys it has.
 */
export function aroundLibrary(
  { client }: Connection,
  command: string,
  wrap: (lua: string, numberOfKeys: number) => Omit<StoredScript, 'name'>,
): StoredScript {
  const known = around.get(command);
  if (known !== undefined) return known;
  const scripts: unknown = Reflect.get(client, 'scriptsSet');
  const found: unknown = typeof scripts === 'object' && scripts !== null ? Reflect.get(scripts, command) : undefined;
  if (typeof found !== 'object' || found === null || !('lua' in found && 'numberOfKeys' in found))
    throw new MqError('INTERNAL', `the BullMQ library has no script ${command}`, { backend: 'redis' });
  const made = { name: `mq:${command}`, ...wrap(String(found.lua), Number(found.numberOfKeys)) };
  around.set(command, made);
  return made;
}
