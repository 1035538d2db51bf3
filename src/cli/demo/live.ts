import { join } from 'node:path';
import type { ExitCode } from '../../core/exit-codes.ts';
import { urlOfFile } from '../brokers.ts';
import type { Host } from '../host/host.ts';
import type { Session } from '../session/session.ts';
import { runBackground } from './background.ts';

/**
 * Runs `mq top` over a queue in the folder, on which producers and consumers work in the background. If one of them
 * ends, it ends the other. Everything is closed when it resolves or rejects, so that the folder can be removed.
 */
export async function showLive(session: Session, folder: string): Promise<ExitCode> {
  const { host, globals } = session;
  const url = urlOfFile(join(folder, 'demo.db'));
  const over = new AbortController();
  const signal = AbortSignal.any([session.signal, over.signal]);
  const broker = await host.openBroker(url, {
    connectTimeoutMs: globals.connectTimeout,
    timeoutMs: globals.timeout,
    notice: session.notice,
    signal: session.signal,
  });
  const failures: unknown[] = [];
  const background = runBackground(broker, signal)
    .catch((error: unknown) => {
      // Work that is cut off because the person left the view is not a failure.
      if (!signal.aborted) failures.push(error);
    })
    .finally(() => over.abort());
  try {
    const shown: Host = { ...host, env: outsideOf(host.env, folder), cwd: folder, signal };
    const args = ['--url', url, 'top', '--interval', '1s', '--color', globals.color];
    const code = await session.runCommandLine(args, shown);
    if (failures.length > 0) throw failures[0];
    return code;
  } finally {
    over.abort();
    await background;
    await broker.close();
  }
}

/** The demo leaves no trace in the person's history or configuration. */
export function outsideOf(env: Host['env'], folder: string): Host['env'] {
  return {
    ...env,
    MQ_CONFIG: undefined,
    MQ_CONTEXT: undefined,
    MQ_OUTPUT: undefined,
    XDG_CONFIG_HOME: folder,
    XDG_STATE_HOME: folder,
  };
}
