import type { JsonValue } from '../../contract/message.ts';
import type { QueueDescription } from '../../contract/queue.ts';
import { listOf } from './management/client.ts';
import type { RabbitKind } from './management/queue-info.ts';
import type { Lookup, Session } from './session/session.ts';

const CONFIGURATION = ['type', 'durable', 'auto_delete', 'exclusive', 'arguments', 'policy', 'operator_policy'];
const DETAILS = [
  'vhost',
  'node',
  'leader',
  'members',
  'online',
  'state',
  'effective_policy_definition',
  'delivery_limit',
  'memory',
  'message_bytes',
  'message_bytes_ready',
  'message_bytes_unacknowledged',
  'messages_dlx',
  'single_active_consumer_tag',
  'consumer_capacity',
  'consumer_utilisation',
  'idle_since',
  'segments',
];

/** Everything that the management API says of a queue, except the figures of `stats`. */
export async function describeQueue(
  session: Session,
  { name, kind, looked }: { readonly name: string; readonly kind: RabbitKind; readonly looked: Lookup },
  signal: AbortSignal,
): Promise<QueueDescription> {
  if (looked.status !== 'found') {
    const reason = looked.status === 'unavailable' ? looked.reason : 'the management API does not know the queue';
    return { configuration: { type: kind }, details: { note: reason }, consumers: null };
  }
  const { raw } = looked.info;
  const path = `${session.place}/${encodeURIComponent(name)}`;
  const bindings = await session.management.get(`/queues/${path}/bindings`, signal);
  const pick = (names: readonly string[]): Record<string, JsonValue> => {
    const picked: Record<string, JsonValue> = {};
    for (const key of names) {
      const value = raw[key];
      if (value !== undefined) picked[key] = value;
    }
    return picked;
  };
  return {
    configuration: pick(CONFIGURATION),
    details: {
      ...pick(DETAILS),
      ...(bindings.status === 'ok' && {
        bindings: listOf(bindings.body).map(({ source, routing_key, arguments: args }) => ({
          source,
          routing_key,
          arguments: args,
        })),
      }),
    },
    consumers: raw.consumer_details === undefined ? null : listOf(raw.consumer_details).map(known),
  };
}

function known(consumer: Readonly<Record<string, JsonValue | undefined>>): Readonly<Record<string, JsonValue>> {
  const all: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(consumer)) if (value !== undefined) all[key] = value;
  return all;
}
