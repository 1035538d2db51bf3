import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import { sqs } from '../servers.ts';
import { FaultProxy } from './fault-proxy.ts';
import { openAt } from './harness.ts';

export interface BehindProxy {
  readonly proxy: FaultProxy;
  readonly broker: Broker;
}

/**
 * For the tests of the suite in which it is called: an emulator behind a proxy, sound and without memory before each
 * test, and a broker on it.
 */
export function behindProxy(emulator: 'fauxqs' | 'localSqs', use: (made: BehindProxy) => void): void {
  let made: BehindProxy | null = null;
  beforeAll(async () => {
    const proxy = await FaultProxy.start((await sqs())[emulator]);
    made = { proxy, broker: await openAt(proxy.url) };
    use(made);
  });
  beforeEach(() => made?.proxy.reset());
  afterAll(async () => {
    await made?.broker.close();
    await made?.proxy.stop();
  });
}
