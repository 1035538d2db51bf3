import { env } from 'node:process';
import type { Backend } from '../../contract/backend.ts';
import { KIND_CAPABILITIES } from './capabilities.ts';
import { parseAddress } from './url.ts';

/** Amazon SQS. The SDK is loaded only when a broker is opened. */
export const backend: Backend = {
  name: 'sqs',
  kinds: KIND_CAPABILITIES,
  async open(url, options) {
    const address = parseAddress(url, env);
    const { openSqs } = await import('./broker.ts');
    return openSqs(address, env, options);
  },
};
