import { connect } from 'amqplib';
import { afterAll } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import { rabbitmqVhost } from './vhost.ts';

/** A virtual host of this file alone, the backend on it, and a channel of an application beside it. */
export const vhost = await rabbitmqVhost();
export const signal = new AbortController().signal;
/** All that the backend has said to the operator. */
export const notices: string[] = [];
export const notice = (text: string): void => void notices.push(text);
/** Of the backend. Generous: under load, a broker may need long to answer. */
export const options = { connectTimeoutMs: 30_000, notice, signal };
export const broker = await backend.open(vhost.mqUrl, options);
export const connection = await connect(vhost.url);
export const channel = await connection.createConfirmChannel();

afterAll(async () => {
  await connection.close();
  await broker.close();
  await vhost.remove();
});
