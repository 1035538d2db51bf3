import type { WriteStream } from 'node:tty';
import type { Host, Output } from './host.ts';
import { jobControlOf } from './job-control.ts';
import { lazyInput, lazyOutput } from './lazy-streams.ts';
import { isTerminal } from './light-builtins.ts';
import { nodeInput, nodeOutput, plainOutput } from './node-streams.ts';
import type { Stopping } from './stopping.ts';

export interface ProcessHostOptions extends Pick<Host, 'env' | 'openBroker' | 'listKinds'> {
  readonly stopping: Stopping;
  /** The caller's umask. */
  readonly umask: number;
}

/**
 * The host of the real program, made from `process`. Call `release` at the end: it lets go of stdin, which keeps Node
 * alive.
 */
export function processHost(
  self: NodeJS.Process,
  { stopping, umask, env, openBroker, listKinds }: ProcessHostOptions,
): { readonly host: Host; release(): void } {
  const stdin = lazyInput(
    () => isTerminal(0),
    () => self.stdin,
    (stream) => nodeInput(stream, self.stderr as WriteStream, stopping.signal),
    () => stopping.by('SIGHUP'),
  );
  const output = (descriptor: number, open: () => WriteStream, onLost: (code: string) => void): Output =>
    isTerminal(descriptor)
      ? lazyOutput(() => nodeOutput(open(), onLost))
      : plainOutput(descriptor, { isColorForced: env.FORCE_COLOR !== undefined, open, onLost });
  const host: Host = {
    stdin,
    stdout: output(
      1,
      () => self.stdout as WriteStream,
      (code) => stopping.by(code === 'EPIPE' ? 'stdout-closed' : 'stdout-failed'),
    ),
    stderr: output(
      2,
      () => self.stderr as WriteStream,
      () => {},
    ),
    terminal() {
      // The output is asked, because asking opens it and so notices when it is lost.
      if (!isTerminal(0) || !host.stdout.isTerminal) return null;
      return { stdin: stdin.raw(), stdout: self.stdout as WriteStream, jobControl: jobControlOf(self) };
    },
    env,
    startForCaller(start) {
      const own = self.umask(umask);
      try {
        return start();
      } finally {
        self.umask(own);
      }
    },
    cwd: self.cwd(),
    platform: `${self.version} on ${self.platform} ${self.arch}`,
    now: Date.now,
    signal: stopping.signal,
    interruption: stopping.interruption,
    stopCause: () => stopping.cause,
    onSecondSignal: (act) => stopping.onSecondSignal(act),
    killGroup(leader) {
      try {
        self.kill(-leader, 'SIGTERM');
      } catch {
        // It has ended by itself.
      }
    },
    openBroker,
    listKinds,
  };
  return { host, release: () => stdin.release() };
}
