import { defineConfig } from 'vitest/config';
import { CountReporter } from './support/count-reporter.ts';
import type { Release } from './support/releases.ts';

const root = new URL('..', import.meta.url).pathname;

/** Tests that may ask for servers. None is started before a test file asks. */
function withServers(name: string, include: readonly string[], release: Release = 'debian') {
  return {
    test: {
      name,
      root,
      include: [...include],
      globalSetup: ['test/support/global-setup.ts'],
      provide: { release },
      testTimeout: 30_000,
      // The first one to ask for a broker may have to install it.
      hookTimeout: 240_000,
    },
  };
}

export default defineConfig({
  test: {
    root,
    maxWorkers: 2,
    reporters: ['default', new CountReporter()],
    projects: [
      {
        test: {
          name: 'unit',
          root,
          include: ['test/unit/**/*.test.{ts,tsx}', 'test/cli/**/*.test.{ts,tsx}', 'test/conformance/**/*.test.ts'],
        },
      },
      withServers('sqlite', ['test/backends/sqlite/**/*.test.ts']),
      withServers('redis', ['test/backends/redis/**/*.test.ts']),
      withServers('rabbitmq', ['test/backends/rabbitmq/**/*.test.ts']),
      withServers('sqs', ['test/backends/sqs/**/*.test.ts']),
      withServers('e2e', ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts', 'test/support/**/*.test.ts']),
    ],
  },
});
