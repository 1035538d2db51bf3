import type { Backend, Manifest } from '../../contract/backend.ts';
import type * as kit from './kit.ts';

/** Everything that a third-party backend is built on: see `kit.ts`. */
export type Kit = typeof kit;

/**
 * The default export of a package with a backend. It may import anything, except `mqops` while it runs: that copy would
 * be of another version.
 */
export interface ThirdPartyBackend {
  /** The version of the contract that it was written for. It is raised only when something existing changes. */
  readonly contract: 1;
  readonly manifest: Manifest;
  create(kit: Kit): Backend;
}
