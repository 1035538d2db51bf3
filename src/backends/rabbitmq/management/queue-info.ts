import type { manifest } from '../manifest.ts';
import { booleanAt, isObject, type JsonObject, numberAt, objectAt, textAt } from './client.ts';

export type RabbitKind = (typeof manifest.kinds)[number];

/** A queue as the management API describes it, checked. Null: not given. */
export interface QueueInfo {
  readonly name: string;
  readonly kind: RabbitKind;
  readonly durable: boolean | null;
  readonly autoDelete: boolean | null;
  readonly arguments: JsonObject;
  readonly policy: JsonObject;
  readonly policyName: string | null;
  /**
   * False in the first seconds of a queue, while the management API has not given the definition of its policy: then
   * `policy` is empty and unknown.
   */
  readonly isPolicyTold: boolean;
  readonly ready: number | null;
  readonly inFlight: number | null;
  readonly consumers: number | null;
  readonly state: string | null;
  /** The bytes of the bodies of the ready messages. */
  readonly readyBytes: number | null;
  /** The average over all messages in the queue, in bytes. */
  readonly averageBytes: number | null;
  /** Seconds since the epoch: the `timestamp` property of the message at the head. Only on classic queues. */
  readonly headTimestamp: number | null;
  readonly deliveryLimit: number | null;
  readonly messageStats: JsonObject | null;
  /** Everything, for `describe`. */
  readonly raw: JsonObject;
}

/** Each column of 10,000 queues takes 0.1 s of the broker's time. */
const LINKS = 'name,arguments,policy';
/** The facts that link queues to one another: they take the broker a tenth of the time of the figures. */
export const LINKS_QUERY = `columns=${LINKS}&disable_stats=true`;
/** The same for a list of very many queues, without the figures that take the broker longest. */
export const TOTALS_QUERY = `columns=${LINKS},type,messages_ready,messages_unacknowledged,state&disable_stats=true&enable_queue_totals=true`;

/**
 * Requests the counters of the last 15 seconds, every 5. The `rate` of the management API is only the change between
 * the last two, and is 0 whenever no news of the queue came in between (seen with 40 messages a second, RabbitMQ 3.10).
 * So the rates are made from these counters.
 */
export const RATE_SAMPLES = 'msg_rates_age=15&msg_rates_incr=5';

const FIGURES = [
  LINKS,
  'type',
  'effective_policy_definition',
  'messages_ready',
  'messages_unacknowledged',
  'consumers',
  'state',
  'head_message_timestamp',
  'message_stats.publish_details',
  'message_stats.ack_details',
  'message_stats.deliver_no_ack_details',
  'message_stats.get_no_ack_details',
].join(',');
/** The columns that a list needs of each queue. `columns=` saves bytes on the network. */
export const FIGURES_QUERY = `columns=${FIGURES}&${RATE_SAMPLES}`;

export function queueInfo(raw: JsonObject): QueueInfo | null {
  const name = textAt(raw, 'name');
  if (name === null) return null;
  const args = objectAt(raw, 'arguments');
  const policy = objectAt(raw, 'effective_policy_definition');
  const bytes = numberAt(raw, 'message_bytes');
  const messages = numberAt(raw, 'messages');
  const stats = raw.message_stats;
  return {
    name,
    kind: kindOf(textAt(raw, 'type') ?? textAt(args, 'x-queue-type')),
    durable: booleanAt(raw, 'durable'),
    autoDelete: booleanAt(raw, 'auto_delete'),
    arguments: args,
    policy,
    policyName: textAt(raw, 'policy'),
    isPolicyTold: raw.effective_policy_definition !== undefined,
    ready: numberAt(raw, 'messages_ready'),
    inFlight: numberAt(raw, 'messages_unacknowledged'),
    consumers: numberAt(raw, 'consumers'),
    state: textAt(raw, 'state'),
    readyBytes: numberAt(raw, 'message_bytes_ready'),
    averageBytes: bytes !== null && messages !== null && messages > 0 ? bytes / messages : null,
    headTimestamp: numberAt(raw, 'head_message_timestamp'),
    deliveryLimit: numberAt(raw, 'delivery_limit'),
    messageStats: isObject(stats) ? stats : null,
    raw,
  };
}

export function kindOf(type: string | null): RabbitKind {
  if (type === 'quorum') return 'quorum';
  return type === 'stream' ? 'rabbit-stream' : 'classic';
}

/** A setting by argument (`x-max-length`) or policy (`max-length`). If both are given, the lower number applies. */
export function limitSetting(info: QueueInfo, name: string): number | null {
  const own = numberAt(info.arguments, `x-${name}`);
  const policy = numberAt(info.policy, name);
  if (own === null) return policy;
  return policy === null ? own : Math.min(own, policy);
}

/** A text setting. The queue's own argument wins over the policy. */
export function textSetting(info: QueueInfo, name: string): string | null {
  return textAt(info.arguments, `x-${name}`) ?? textAt(info.policy, name);
}
