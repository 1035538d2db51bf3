import type { Known } from '../../config/known.ts';
import { MANIFESTS } from '../brokers.ts';
import { CHANGING } from '../verbs.ts';

/** What a configuration may speak of. */
export const KNOWN: Known = { brokers: MANIFESTS, verbs: CHANGING };
