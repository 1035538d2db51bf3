import { configDefaults, defineConfig } from 'vitest/config';
import { CountReporter } from './support/count-reporter.ts';
import { newerReleases } from './support/newer-debian.ts';
import type { Release } from './support/release.ts';
import { ownTemporaryFolder } from './support/run-folder.ts';
import { runState } from './support/run-state.ts';
import { ShortLast } from './support/short-last.ts';

const root = new URL('..', import.meta.url).pathname;

const REDIS = ['test/backends/redis/**/*.test.ts', 'test/support/releases/redis.test.ts'];
const RABBITMQ = ['test/backends/rabbitmq/**/*.test.ts', 'test/support/releases/rabbitmq.test.ts'];
/** It drives the built program as `e2e` does. Its scripts and rights depend on the server too: so on each release. */
const REDIS_PROGRAM = 'test/e2e/redis/command-line.test.ts';
/** What they show does not depend on the server's version: once, on the oldest one. */
const ANY_VERSION = [
  'test/backends/rabbitmq/{silence,frameworks,conventions}.test.ts',
  'test/backends/redis/{walk,frameworks,dramatiq}.test.ts',
];

/**
 * How long `expect.poll` looks for what must become true, unless it says otherwise. Vitest's second is shorter than a
 * broker's write to a busy disk takes; who waits for the condition waits no longer than it needs.
 */
const POLL = { timeout: 15_000 };

/** Tests that may ask for servers. None is started before a test file asks. */
function withServers(
  name: string,
  include: readonly string[],
  release: Release = 'debian',
  exclude: readonly string[] = [],
) {
  return {
    test: {
      name,
      root,
      include: [...include],
      exclude: [...configDefaults.exclude, ...exclude],
      globalSetup: ['test/support/global-setup.ts'],
      provide: { release },
      // On a machine that is six times as busy as it is for one run alone, some tests with several programs took 23 s.
      testTimeout: 60_000,
      expect: { poll: POLL },
      // The first one to ask for a broker may have to install it.
      hookTimeout: 240_000,
    },
  };
}

function withoutServers(name: string, include: readonly string[], options: { readonly isolate?: boolean } = {}) {
  return {
    // Generous: the machine may be busy with other runs.
    test: { name, root, include: [...include], testTimeout: 20_000, expect: { poll: POLL }, ...options },
  };
}

/** Files named on the command line: such a run does not wait for a download. */
function isFocused(args: readonly string[]): boolean {
  return args.some((arg, index) => !arg.startsWith('-') && arg !== 'run' && args[index - 1] !== '--config');
}

export default defineConfig(async () => {
  ownTemporaryFolder();
  const state = runState();
  state.newerMissing = await newerReleases(!isFocused(process.argv.slice(2)));
  const newer =
    state.newerMissing === null
      ? [
          withServers('redis-8', [...REDIS, REDIS_PROGRAM], 'redis-8', ANY_VERSION),
          withServers('valkey-8', [...REDIS, REDIS_PROGRAM], 'valkey-8', ANY_VERSION),
          withServers('rabbitmq-4', RABBITMQ, 'rabbitmq-4', ANY_VERSION),
        ]
      : [];
  return {
    test: {
      root,
      maxWorkers: 3,
      sequence: { sequencer: ShortLast },
      reporters: ['default', new CountReporter()],
      projects: [
        // They keep nothing in modules; a process for each of so many short files would take a third of their time.
        withoutServers('unit', ['test/unit/**/*.test.{ts,tsx}', 'test/cli/**/*.test.{ts,tsx}'], { isolate: false }),
        // The suite's own assertions must not be installed beside those of other files.
        withoutServers('conformance', ['test/conformance/**/*.test.ts']),
        withServers('sqlite', ['test/backends/sqlite/**/*.test.ts']),
        withServers('redis', REDIS),
        withServers('rabbitmq', RABBITMQ),
        withServers('sqs', ['test/backends/sqs/**/*.test.ts']),
        withServers('e2e', ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts', 'test/support/*.test.ts']),
        ...newer,
      ],
    },
  };
});
