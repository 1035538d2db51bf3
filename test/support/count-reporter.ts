import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import { runState } from './run-state.ts';

/**
 * Says against which servers the run was made and ends it with the line `N passed, N failed, N skipped`. A file that
 * could not even be loaded counts as one failure. The line also goes to the file that `MQ_TEST_COUNTS` names, for a
 * caller that must print it last.
 */
export class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandled.length, skipped: 0 };
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') counts.passed++;
        else if (state === 'failed') failedTests++;
        else counts.skipped++;
      }
      // A failure outside any test (loading, a suite's hook) must not look like success.
      counts.failed += failedTests === 0 && module.state() === 'failed' ? 1 : failedTests;
    }
    const { desk, newerMissing } = runState();
    if (desk.versions.size > 0) {
      process.stdout.write(`Tested against: ${[...desk.versions].sort().join(', ')}\n`);
      if (newerMissing !== null) {
        process.stdout.write(`Not tested against Redis 8, Valkey 8, RabbitMQ 4: ${newerMissing}\n`);
      }
    }
    const line = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
    process.stdout.write(line);
    const copy = process.env.MQ_TEST_COUNTS;
    if (copy !== undefined) writeFileSync(copy, line);
  }
}
