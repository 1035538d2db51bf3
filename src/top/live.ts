import type { History } from '../change/history.ts';
import type { QueuePattern } from '../contract/broker.ts';
import type { Clock } from '../core/rate-limit.ts';
import { Cadence } from '../feed/cadence.ts';
import { watch } from '../feed/feed.ts';
import type { Snapshot } from '../feed/snapshot.ts';
import { mount } from './mount.tsx';
import { sized } from './sized.ts';
import type { ActionRequest } from './state/action.ts';
import { initialState } from './state/state.ts';
import { Store } from './store.ts';
import type { Terminal } from './terminal.ts';
import { safe } from './text/safe.ts';
import type { Theme } from './text/theme.ts';
import type { WatchedBroker } from './watched.ts';
import { contextsOf } from './watched.ts';
import { Conductor } from './work/conductor.ts';
import { Connections } from './work/connections.ts';

export interface LiveOptions {
  readonly brokers: readonly WatchedBroker[];
  readonly pattern: QueuePattern;
  readonly intervalMs: number;
  /** Nobody has chosen it: it may grow where requests are billed. */
  readonly mayGrow: boolean;
  /** The longest wait for one answer. */
  readonly timeoutMs: number;
  readonly theme: Theme;
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Milliseconds since the epoch. In a replay, the time of the recording. */
  readonly now: () => number;
  readonly redact: (text: string) => string;
  /** Records the changes that are made from the view. */
  readonly history: History;
  /** Samples of an earlier session, shown instead of polling; null: the brokers are polled. */
  readonly replay: AsyncIterable<Snapshot> | null;
  /** Keeps every sample; null: none is kept. */
  readonly record: ((snapshot: Snapshot) => Promise<void>) | null;
  readonly signal: AbortSignal;
  /** The terminal was given back, and the remaining work is not settled yet: tell the operator there. */
  readonly settling: (action: string) => void;
}

export interface LiveEnd {
  /** `quit`: the operator left. `stopped`: the signal aborted. */
  readonly cause: 'quit' | 'stopped';
  /** The outcome of an action that was still running; null: there was none. */
  readonly report: { readonly lines: readonly string[]; readonly failed: boolean } | null;
}

/** Settling that takes no longer than this is not mentioned. */
const SETTLING_QUIET_MS = 500;

/** How often the ages on the screen are updated while no sample comes. */
const CLOCK_MS = 1_000;

/**
 * The live view, from taking the terminal to giving it back. Messages in the air are settled after the terminal was
 * given back, so that a broker that hangs cannot hold it. Rejects with the error of a view that failed, or of a
 * recording that cannot be written.
 */
export async function runLive(options: LiveOptions): Promise<LiveEnd> {
  const { brokers, clock, now, signal, record } = options;
  const terminal = { ...options.terminal, stdout: sized(options.terminal.stdout) };
  const ended = new AbortController();
  const lasting = AbortSignal.any([signal, ended.signal]);
  const cadence = new Cadence(options.intervalMs, clock);
  if (options.mayGrow) cadence.mayGrow();
  const store = new Store(
    initialState({
      size: { columns: terminal.stdout.columns, rows: terminal.stdout.rows },
      now: now(),
      intervalMs: options.intervalMs,
      contexts: contextsOf(brokers),
      globs: options.pattern.globs,
      isReplay: options.replay !== null,
    }),
  );
  const connections = new Connections(brokers);
  const { dispatch } = store;
  const { timeoutMs, redact, history } = options;
  const conductor = new Conductor({
    ...{ connections, dispatch, timeoutMs, redact, history },
    now,
    refresh: () => cadence.wake(),
  });
  const view = mount(store, options.theme, terminal);
  const unsubscribe = store.subscribe(() => {
    const state = store.state();
    conductor.follow(state);
    if (cadence.intervalMs !== state.intervalMs) cadence.intervalMs = state.intervalMs;
    if (state.quitting) view.leave();
  });
  const clipboard = toClipboard(store, terminal);
  const leave = (): void => view.leave();
  signal.addEventListener('abort', leave, { once: true });
  const ticking = setInterval(() => dispatch({ type: 'clock', now: now() }), CLOCK_MS);
  const feeding = (async () => {
    const snapshots =
      options.replay ?? watch(brokers, { ...options, cadence, signal: lasting, brief: record === null });
    let at = now();
    for await (const snapshot of snapshots) {
      at = snapshot.at;
      if (lasting.aborted) return;
      dispatch({ type: 'snapshot', snapshot });
      await record?.(snapshot);
    }
    if (options.replay !== null && !lasting.aborted) dispatch({ type: 'replayed', at });
  })();
  // If the recording cannot be written, the view ends with that error.
  feeding.catch(leave);
  let wasRunning = false;
  try {
    await view.left;
  } finally {
    clearInterval(ticking);
    signal.removeEventListener('abort', leave);
    unsubscribe();
    clipboard();
    ended.abort();
    const { action } = store.state();
    wasRunning = action?.step === 'running' || action?.step === 'stopping';
    const name = wasRunning && action !== null && 'request' in action ? nameOf(action.request) : null;
    const isLong = name === null ? null : setTimeout(() => options.settling(name), SETTLING_QUIET_MS);
    await conductor.stop();
    if (isLong !== null) clearTimeout(isLong);
    await feeding.finally(() => connections.close());
  }
  const { action, quitting } = store.state();
  return {
    cause: quitting ? 'quit' : 'stopped',
    report: wasRunning && action?.step === 'done' ? { lines: action.lines, failed: action.failed } : null,
  };
}

function nameOf({ verb, key }: ActionRequest): string {
  return `${verb} ${safe(key.queue)} on ${safe(key.context)}`;
}

/**
 * OSC 52 passes a text to the terminal's clipboard. As base64 the text cannot act on the terminal. A terminal that does
 * not know OSC 52 ignores it.
 */
function toClipboard(store: Store, { stdout }: Terminal): () => void {
  let last = 0;
  return store.subscribe(() => {
    const { copied } = store.state();
    if (copied === null || copied.id === last) return;
    last = copied.id;
    stdout.write(`\u001b]52;c;${Buffer.from(copied.text).toString('base64')}\u0007`);
  });
}
