import { describe, it } from 'vitest';
import type { Runner } from '../../src/conformance/index.ts';

export const VITEST: Runner = { describe, it };

/**
 * The suites that are registered with it run beside each other, the cases of each one after the other. For kinds that
 * share no queue and whose `openConnections` count no connections of another kind.
 */
export function vitestBeside(): Runner {
  let depth = 0;
  return {
    it,
    describe(title, define) {
      const options = depth === 0 ? { concurrent: true } : { concurrent: false };
      describe(title, options, async () => {
        depth += 1;
        await define();
        depth -= 1;
      });
    },
  };
}
