import { MqError } from '../../../contract/errors.ts';
import type { Argument, Connection } from '../connection/connection.ts';

/** A script that the server keeps, under a name of ours. */
export interface StoredScript {
  readonly name: string;
  readonly lua: string;
  readonly numberOfKeys: number;
}

/**
 * Sent as text once for each connection, then by its hash: a script of the library is up to 12 KB long and runs once
 * for each job.
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
 * Makes a script of the library part of one of ours. The library gave it to the client of the connection, under a name
 * that contains its own version. The script stays unchanged, and our own reads and writes happen in the same instant.
 * `wrap` gets its text and its number of keys.
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
