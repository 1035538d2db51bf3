import type { TestProject } from 'vitest/node';
import type { Release } from './release.ts';
import { runState } from './run-state.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly serverDesk: string;
    readonly release: Release;
  }
}

/**
 * Opens the desk at which test files ask for servers. It starts none by itself: a focused run starts only what it asks
 * for.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { desk } = runState();
  project.provide('serverDesk', await desk.open());
  return () => desk.close();
}
