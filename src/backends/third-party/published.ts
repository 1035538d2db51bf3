/** The entry `mqops/backend`. */

export type { Kit, ThirdPartyBackend } from './declaration.ts';
export * from './kit.ts';
