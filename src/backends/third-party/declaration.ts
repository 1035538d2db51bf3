import type { Backend, Manifest } from '../../contract/backend.ts';
import type * as kit from './kit.ts';

/** What a backend of somebody else stands on, see `kit.ts`. */
export type Kit = typeof kit;

/**
 * What a package with a backend exports as its default. It may import what it likes, but nothing of `mqops` while it
 * runs: a second copy would be of another version.
 */
export interface ThirdPartyBackend {
  /** The version of the contract that it was written for. It is raised only when something existing changes. */
  readonly contract: 1;
  readonly manifest: Manifest;
  create(kit: Kit): Backend;
}
