import { join } from 'node:path';
import type { ExitCode } from '../exit-codes.ts';
import type { Host } from '../host.ts';
import type { Session } from '../session.ts';
import { runBackground } from './background.ts';

/**
 * `mq top` over a queue in the folder, on which producers and consumers work in the background. Whatever ends one ends the other; everything is
 * closed when it resolves or rejects, so that the folder can go.
 */
export async function showLive(session: Session, folder: string): Promise<ExitCode> {
  const { host, globals } = session;
  const url = `sqlite:${join(folder, 'demo.db')}`;
  const over = new AbortController();
  const signal = AbortSignal.any([session.signal, over.signal]);
  const broker = await host.openBroker(url, {
    connectTimeoutMs: globals.connectTimeout,
    notice: session.notice,
    signal: session.signal,
  });
  // A background that fails ends the view; its error is told below, when the terminal has been given back.
  const background = runBackground(broker, signal).finally(() => over.abort());
  background.catch(() => undefined);
  try {
    const shown: Host = { ...host, env: outsideOf(host.env, folder), cwd: folder, signal };
    return await session.runCommandLine(['--url', url, 'top', '--interval', '1s', '--color', globals.color], shown);
  } finally {
    over.abort();
    await background.finally(() => broker.close());
  }
}

/** The demo is no part of anybody's history or configuration. */
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
