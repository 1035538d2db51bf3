import type { Message, MessageState } from '../../contract/message.ts';

export interface Stored {
  message: Message;
  readonly sequence: number;
  /** Deliveries before it is dead. */
  readonly attempts: number;
}

const DEFAULT_ATTEMPTS = 3;

/** What the "server" knows of one queue. Messages are kept in one array for each state, in order of arrival. */
export class MemoryState {
  readonly name: string;
  readonly #lists: Record<'ready' | 'in-flight' | 'delayed' | 'dead', Stored[]> = {
    ready: [],
    'in-flight': [],
    delayed: [],
    dead: [],
  };
  readonly #waiting = new Set<() => void>();
  #sequence = 0;
  #paused = false;

  constructor(name: string) {
    this.name = name;
  }

  get paused(): boolean {
    return this.#paused;
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    this.#wake();
  }

  list(state: MessageState): readonly Stored[] {
    if (state === 'completed' || state === 'waiting-children') return [];
    const now = Date.now();
    const due = this.#lists.delayed.filter(({ message }) => (message.deliverAt ?? 0) <= now);
    for (const stored of due) this.put(stored, 'ready');
    return this.#lists[state];
  }

  add(message: Message, attempts: number | null): void {
    const stored = { message, sequence: this.#sequence++, attempts: attempts ?? DEFAULT_ATTEMPTS };
    this.put(stored, message.deliverAt === null ? 'ready' : 'delayed');
  }

  /** Moves the message into that state, at the position that its age gives it, out of every other. */
  put(stored: Stored, state: 'ready' | 'in-flight' | 'delayed' | 'dead', dead: Message['dead'] = null): void {
    this.remove(stored);
    const deliverAt = state === 'delayed' ? stored.message.deliverAt : null;
    stored.message = { ...stored.message, state, deliverAt, dead };
    this.#lists[state].push(stored);
    this.#lists[state].sort((a, b) => a.sequence - b.sequence);
    this.#wake();
  }

  /** False if it was no longer there. */
  remove(stored: Stored): boolean {
    for (const list of Object.values(this.#lists)) {
      const index = list.indexOf(stored);
      if (index >= 0) {
        list.splice(index, 1);
        return true;
      }
    }
    return false;
  }

  /** Resolves when something has changed, a delayed message is due, or the signal aborts. */
  change(signal: AbortSignal, timeoutMs: number | null): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const due = Math.min(...this.#lists.delayed.map(({ message }) => message.deliverAt ?? 0)) - Date.now();
    const waitMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, Math.max(due, 1));
    return new Promise((resolve) => {
      const timer = Number.isFinite(waitMs) ? setTimeout(() => done(), waitMs) : null;
      const done = () => {
        if (timer !== null) clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      signal.addEventListener('abort', done);
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}
