import type { Host } from '../host/host.ts';

/** The little that a completion needs of the world. */
export interface CompletionHost extends Pick<Host, 'env' | 'cwd' | 'now' | 'openBroker'> {
  /** Writes to stdout and returns when the operating system has it. */
  print(text: string): void;
}
