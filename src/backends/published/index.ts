/** The entry `mqops/backend`. */
export * from './kit.ts';
export type { Kit, ThirdPartyBackend } from './third-party.ts';
