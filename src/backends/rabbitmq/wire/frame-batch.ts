/** So many bytes are one write: many small messages make one system call, and none waits long. */
const CHUNK_BYTES = 64 * 1024;

/** Frames that are written together: at the end of this turn of the event loop, or earlier when a chunk is full. */
export class FrameBatch {
  readonly #write: (bytes: Buffer) => void;
  readonly #isHeld: () => boolean;
  /** Full ones that are not written. */
  #full: Buffer[] = [];
  /** Frames are made in here, one behind the other, so that none is copied. What is before `#start` is written. */
  #chunk = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #size = 0;
  #isPlanned = false;

  /** `isHeld`: nothing is written for now. Call `flush` when that is over. */
  constructor(write: (bytes: Buffer) => void, isHeld: () => boolean) {
    this.#write = write;
    this.#isHeld = isHeld;
  }

  /** How many were added and are not written yet. */
  get size(): number {
    return this.#size;
  }

  /** `make` writes exactly `bytes` bytes from `at` on. */
  add(bytes: number, make: (into: Buffer, at: number) => void): void {
    if (this.#end + bytes > this.#chunk.length) this.#anotherChunk(bytes);
    make(this.#chunk, this.#end);
    this.#end += bytes;
    this.#size++;
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.flush();
    });
  }

  #anotherChunk(bytes: number): void {
    this.flush();
    if (this.#end > this.#start) this.#full.push(this.#chunk.subarray(this.#start, this.#end));
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, bytes));
    this.#start = 0;
    this.#end = 0;
  }

  flush(): void {
    if (this.#isHeld()) return;
    for (const chunk of this.#full) this.#write(chunk);
    if (this.#end > this.#start) this.#write(this.#chunk.subarray(this.#start, this.#end));
    this.#forget();
  }

  /** Forgets the frames that are not written. */
  clear(): void {
    this.#forget();
  }

  #forget(): void {
    this.#full = [];
    this.#start = this.#end;
    this.#size = 0;
  }
}
