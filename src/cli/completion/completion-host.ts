import type { Host } from '../host/host.ts';

/** The few things that a completion needs from outside. */
export interface CompletionHost extends Pick<Host, 'env' | 'cwd' | 'now' | 'openBroker'> {
  /** Writes to stdout and returns when the operating system has the text. */
  print(text: string): void;
}
