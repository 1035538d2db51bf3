import { describe, it } from 'vitest';
import type { Runner } from '../../src/conformance/index.ts';

export const VITEST: Runner = { describe, it };
