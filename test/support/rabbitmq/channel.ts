import { type Channel, connect } from 'amqplib';

/**
 * Works on a channel of an application's own connection, which is open only as long as it works. What the broker
 * refuses, and a broker that goes away, reject the work and nothing else: amqplib tells both as events too, and throws
 * at an `error` that nobody listens for, which ends a whole test run.
 */
export async function onChannel<T>(url: string, work: (channel: Channel) => Promise<T>): Promise<T> {
  const connection = await connect(url);
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    const result = await work(channel);
    // Whoever closes the connection alone leaves the last settlements to chance.
    await channel.close();
    await connection.close();
    return result;
  } catch (error) {
    // It may be closed already, and the reason of the work tells more.
    await connection.close().catch(() => undefined);
    throw error;
  }
}

/** Messages that are ready, as the broker itself counts them now. */
export function readyOn(url: string, queue: string): Promise<number> {
  return onChannel(url, async (channel) => (await channel.checkQueue(queue)).messageCount);
}
