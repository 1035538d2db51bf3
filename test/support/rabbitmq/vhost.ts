import { randomUUID } from 'node:crypto';
import { rabbitmq } from '../servers.ts';
import { managementRequest } from './management.ts';

/**
 * A virtual host for one test file, so that files do not see each other's queues. Removed with everything in it by
 * `remove`.
 */
export interface RabbitmqVhost extends AsyncDisposable {
  readonly name: string;
  /** As it stands in a path of the management API. */
  readonly encodedName: string;
  /** With credentials and the virtual host. */
  readonly url: string;
  readonly managementUrl: string;
  /** As `mq` takes it: with the address of the management API. */
  readonly mqUrl: string;
  /** The server's version: `3.10.8`. */
  readonly version: string;
  /** A call of the management API, to see things with other eyes than the backend's. */
  request(method: string, path: string, body?: unknown): Promise<unknown>;
  /** AMQP connections that the broker counts in this virtual host. Its figures lag by up to a second. */
  openConnections(): Promise<number>;
  remove(): Promise<void>;
}

export async function rabbitmqVhost(): Promise<RabbitmqVhost> {
  const broker = await rabbitmq();
  const name = `mq test ${randomUUID()}`;
  const encodedName = encodeURIComponent(name);
  const request = (method: string, path: string, body?: unknown) =>
    managementRequest(broker.managementUrl, method, path, body);
  await request('PUT', `/api/vhosts/${encodedName}`, {});
  const user = decodeURIComponent(new URL(broker.url).username);
  const everything = { configure: '.*', write: '.*', read: '.*' };
  await request('PUT', `/api/permissions/${encodedName}/${encodeURIComponent(user)}`, everything);
  const remove = async () => {
    await request('DELETE', `/api/vhosts/${encodedName}`);
  };
  const url = `${broker.url}/${encodedName}`;
  return {
    name,
    encodedName,
    url,
    managementUrl: broker.managementUrl,
    mqUrl: `${url}?management=${encodeURIComponent(broker.managementUrl)}`,
    version: broker.version,
    request,
    openConnections: async () => {
      const connections = await request('GET', `/api/vhosts/${encodedName}/connections`);
      return Array.isArray(connections) ? connections.length : 0;
    },
    remove,
    [Symbol.asyncDispose]: remove,
  };
}
