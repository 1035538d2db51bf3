import type { Known } from '../../config/known.ts';
import { MANIFESTS } from '../brokers.ts';
import { CHANGING } from '../verbs.ts';

/** The names that a configuration may use. */
export const KNOWN: Known = { brokers: MANIFESTS, verbs: CHANGING };
