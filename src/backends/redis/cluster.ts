import { connect } from 'node:net';
import { MqError } from '../../contract/errors.ts';
import { asInteger, asList, asTextOrNull } from './reply.ts';

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * The masters that CLUSTER SLOTS names. A host that is null or empty means the host that was asked
 * (redis.io/docs/latest/commands/cluster-slots): a node that does not know its own address says so, and one behind an
 * unknown endpoint.
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

function addressOf({ host, port }: NodeAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Addresses of a cluster are its own, and may be reachable from inside only (containers, NAT): found out here, because
 * the client library waits for ever for nodes that it cannot reach. Throws `UNAVAILABLE` when none of the masters can
 * be reached.
 */
export async function refuseUnreachable(masters: readonly NodeAddress[], address: string, ms: number): Promise<void> {
  if (masters.length === 0) {
    throw new MqError('UNAVAILABLE', `cannot connect to ${address}: no node of the cluster serves any slot`, {
      hint: 'see CLUSTER INFO',
      backend: 'redis',
    });
  }
  const reached = await Promise.all(masters.map((node) => canReach(node, ms)));
  if (reached.some((can) => can)) return;
  throw unreachable(masters, address);
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

function canReach({ host, port }: NodeAddress, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (can: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(can);
    };
    const timer = setTimeout(() => done(false), ms);
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}
