/** At most this many bytes wait for one write: many small messages make one system call, and none waits long. */
const FLUSH_BYTES = 64 * 1024;

/** Frames that are written together: at the end of this turn of the event loop, or earlier if there are many. */
export class FrameBatch {
  readonly #write: (bytes: Buffer) => void;
  readonly #isHeld: () => boolean;
  #frames: Buffer[] = [];
  #bytes = 0;
  #isPlanned = false;

  /** `isHeld`: nothing is written for now. Call `flush` when that is over. */
  constructor(write: (bytes: Buffer) => void, isHeld: () => boolean) {
    this.#write = write;
    this.#isHeld = isHeld;
  }

  /** How many were added and are not written yet. */
  get size(): number {
    return this.#frames.length;
  }

  add(frame: Buffer): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (this.#bytes >= FLUSH_BYTES) this.flush();
    else if (!this.#isPlanned) {
      this.#isPlanned = true;
      setImmediate(() => {
        this.#isPlanned = false;
        this.flush();
      });
    }
  }

  flush(): void {
    if (this.#isHeld()) return;
    const frames = this.#take();
    const [first] = frames;
    if (first !== undefined) this.#write(frames.length === 1 ? first : Buffer.concat(frames));
  }

  /** Forgets the frames that are not written. */
  clear(): void {
    this.#take();
  }

  #take(): readonly Buffer[] {
    const frames = this.#frames;
    this.#frames = [];
    this.#bytes = 0;
    return frames;
  }
}
