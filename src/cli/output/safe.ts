export { safe, safeJson, safeLines } from '../../core/safe-text.ts';
