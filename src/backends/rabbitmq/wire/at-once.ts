import type { Channel, ChannelModel } from 'amqplib';

/**
 * A channel whose first question is written together with the opening.
 *
 * Why: amqplib writes a question only when the one before is answered, so that each costs a round trip. RabbitMQ opens
 * the channel before it reads on. It does not answer all questions in their order: the queue itself answers
 * `basic.consume`, and a declaration that was written after that may be answered before (seen on 3.10.8). So only the
 * first question does not wait. This uses members of amqplib's objects that are not in its types. They are checked, and
 * another form of them is refused.
 */
export interface ChannelAtOnce {
  /** Usable now. */
  readonly channel: Channel;
  /** Rejects if the broker does not open it. Then questions on it are rejected too. */
  readonly opened: Promise<unknown>;
}

type Fields = Readonly<Record<string, unknown>>;
type Reply = (error: unknown, frame?: unknown) => void;

interface RawChannel {
  reply: Reply | null;
  pending: { method: number; fields: Fields; reply: Reply }[];
  sendImmediately(method: number, fields: Fields): unknown;
  sendOrEnqueue(method: number, fields: Fields, reply: Reply): void;
  rpc(method: number, fields: Fields, answer: number): Promise<unknown>;
}

interface RawConnection {
  freshChannel(channel: RawChannel, options: unknown): number;
}

const CHANNEL_OPEN = 0x0014_000a;
const CONFIRM_SELECT = 0x0055_000a;
const CONFIRM_SELECT_OK = 0x0055_000b;
/** A question that waits for its answer only: it is written already. */
const WRITTEN = -1;

/** Throws if the connection has no channel left. */
export async function channelAtOnce(model: ChannelModel): Promise<ChannelAtOnce> {
  const connection = model.connection as unknown as RawConnection;
  const { freshChannel } = connection;
  if (typeof freshChannel !== 'function') throw otherForm();
  const made: RawChannel[] = [];
  connection.freshChannel = (channel, options) => {
    made.push(channel);
    writeAtOnce(channel);
    return freshChannel.call(connection, channel, options);
  };
  // Its number is taken before this returns.
  const opened = model.createChannel();
  connection.freshChannel = freshChannel;
  const [raw] = made;
  if (raw === undefined) throw otherForm();
  const channel = raw as unknown as Channel & { readonly ch?: number };
  if (channel.ch === undefined) await opened;
  opened.catch(() => undefined);
  return { channel, opened };
}

/** From now on, the broker confirms the messages of this channel. */
export function selectConfirms(channel: Channel): Promise<unknown> {
  return (channel as unknown as RawChannel).rpc(CONFIRM_SELECT, { nowait: false }, CONFIRM_SELECT_OK);
}

/** Its first question does not wait for the opening. All later ones wait for one another, as amqplib has it. */
function writeAtOnce(channel: RawChannel): void {
  const { sendImmediately, sendOrEnqueue } = channel;
  if (typeof sendImmediately !== 'function' || !Array.isArray(channel.pending) || channel.reply !== null) {
    throw otherForm();
  }
  channel.sendImmediately = (method, fields) => {
    if (method !== WRITTEN) sendImmediately.call(channel, method, fields);
  };
  // amqplib opens it some turns of the microtask queue later.
  const early: Parameters<RawChannel['sendOrEnqueue']>[] = [];
  let isOpening = false;
  channel.sendOrEnqueue = (method, fields, reply) => {
    if (method !== CHANNEL_OPEN && !isOpening) {
      early.push([method, fields, reply]);
      return;
    }
    if (method !== CHANNEL_OPEN) {
      channel.sendOrEnqueue = sendOrEnqueue;
      if (channel.reply === null) return channel.sendOrEnqueue(method, fields, reply);
      channel.sendImmediately(method, fields);
      channel.pending.push({ method: WRITTEN, fields: {}, reply });
      return;
    }
    try {
      channel.sendImmediately(method, fields);
    } catch (error) {
      for (const [, , reject] of early) reject(error);
      throw error;
    }
    isOpening = true;
    channel.reply = reply;
    for (const question of early) channel.sendOrEnqueue(...question);
  };
}

function otherForm(): TypeError {
  return new TypeError('the internals of this version of amqplib are not the ones that mq was written for');
}
