/** The entry `mqops/conformance`. */

export { type Case, type Look, lookAt, runCase } from './case.ts';
export type { MadeQueue } from './harness.ts';
export { casesFor, conformance, type Harness, type Runner } from './index.ts';
export { type MemoryBackend, memoryBackend } from './memory/backend.ts';
export { memoryHarness } from './memory/harness.ts';
