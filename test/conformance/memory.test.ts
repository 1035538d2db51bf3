import { POOR } from '../support/memory/capabilities.ts';
import { conformance } from './index.ts';
import { memoryHarness } from './memory-harness.ts';

conformance(memoryHarness('the minimal backend that can do everything'));
conformance(memoryHarness('the minimal backend that can do hardly anything', POOR));
