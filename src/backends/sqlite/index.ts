import type { Backend } from '../../contract/backend.ts';
import { throwIfAborted } from '../../contract/errors.ts';
import { SqliteBroker } from './broker.ts';
import { SQLITE_CAPABILITIES } from './capabilities.ts';
import { QueueFile } from './file/queue-file.ts';
import { pathOf } from './url.ts';

/**
 * `sqlite:PATH`: queues in one file, without a server. A file that does not exist is a broker without queues until the
 * first write.
 */
export const backend: Backend = {
  name: 'sqlite',
  kinds: [SQLITE_CAPABILITIES],
  async open(url, { timeoutMs, signal }) {
    throwIfAborted(signal);
    return new SqliteBroker(await QueueFile.open(pathOf(url), { timeoutMs, signal }));
  },
};
