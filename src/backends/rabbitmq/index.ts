import type { Backend, OpenOptions } from '../../contract/backend.ts';
import type { Broker } from '../../contract/broker.ts';
import { throwIfAborted } from '../../contract/errors.ts';
import { RabbitBroker } from './broker.ts';
import { CAPABILITIES } from './capabilities.ts';
import { Session } from './session/session.ts';
import { parseAddress } from './url.ts';

/**
 * RabbitMQ, 3.10 and later. AMQP connections are opened at the first question that needs one, so wrong credentials or
 * an unreachable host show then, not in `open`.
 */
export const backend: Backend = {
  name: 'rabbitmq',
  kinds: [CAPABILITIES.classic, CAPABILITIES.quorum, CAPABILITIES['rabbit-stream']],
  async open(url: string, options: OpenOptions): Promise<Broker> {
    throwIfAborted(options.signal);
    return new RabbitBroker(new Session(parseAddress(url), options));
  },
};
