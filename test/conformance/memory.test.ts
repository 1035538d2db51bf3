import { conformance } from '../../src/conformance/index.ts';
import { POOR } from '../../src/conformance/memory/capabilities.ts';
import { memoryHarness } from '../../src/conformance/memory/harness.ts';
import { VITEST } from '../support/vitest-runner.ts';

conformance(memoryHarness('the minimal backend that can do everything'), VITEST);
conformance(memoryHarness('the minimal backend that can do hardly anything', POOR), VITEST);
