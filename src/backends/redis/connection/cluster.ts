import { MqError } from '../../../contract/errors.ts';
import { asInteger, asList, asTextOrNull } from './reply.ts';

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * The masters that CLUSTER SLOTS names. A null or empty host means the host that was asked
 * (redis.io/docs/latest/commands/cluster-slots): a node that does not know its own address says so, and so does one
 * behind an unknown endpoint.
 */
export function mastersOf(reply: unknown, asked: string): readonly NodeAddress[] {
  const masters = new Map<string, NodeAddress>();
  for (const range of asList(reply)) {
    const [, , master] = asList(range);
    const [host, port] = asList(master);
    const named = asTextOrNull(host);
    const node = { host: named === null || named === '' || named === '?' ? asked : named, port: asInteger(port) };
    masters.set(addressOf(node), node);
  }
  return [...masters.values()];
}

export function addressOf({ host, port }: NodeAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A cluster whose nodes serve nothing has none to ask. */
export function refuseWithoutMasters(masters: readonly NodeAddress[], address: string): void {
  if (masters.length > 0) return;
  throw new MqError('UNAVAILABLE', `cannot connect to ${address}: no node of the cluster serves any slot`, {
    hint: 'see CLUSTER INFO',
    backend: 'redis',
  });
}

export function unreachable(masters: readonly NodeAddress[], address: string): MqError {
  const names = masters.map(addressOf);
  const shown = names.length > 6 ? `${names.slice(0, 6).join(', ')} and ${names.length - 6} more` : names.join(', ');
  return new MqError(
    'UNAVAILABLE',
    `cannot connect to the cluster at ${address}: its nodes cannot be reached at the addresses that it gives: ${shown}`,
    {
      hint: 'run mq where these addresses lead to the nodes, or have the cluster announce others (cluster-announce-ip, cluster-announce-hostname)',
      backend: 'redis',
    },
  );
}

/** Ends the library's own connection to some node, which it opens for messages that nothing subscribes to. */
export function cutSubscriber(cluster: object): void {
  const subscriber: unknown = Reflect.get(cluster, 'subscriber');
  const redis: unknown = typeof subscriber === 'object' && subscriber !== null && Reflect.get(subscriber, 'subscriber');
  const stream: unknown = typeof redis === 'object' && redis !== null && Reflect.get(redis, 'stream');
  if (typeof stream === 'object' && stream !== null && 'destroy' in stream && typeof stream.destroy === 'function')
    stream.destroy();
}
