/** A command that works longer than this does bulk work. Most commands end earlier, and need not pay for it. */
const BULK_AFTER_MS = 100;

/**
 * Limits how much garbage V8 lets pile up. `bulk`: messages stream through. `live`: the readings of every queue are
 * created again each second.
 */
export function keepMemoryFlat(work: 'bulk' | 'live'): void {
  setTimeout(work === 'live' ? whenLive : whenStreaming, BULK_AFTER_MS).unref();
}

/**
 * Streaming a million messages fills V8's young generation with garbage. At its default size that alone is 100 MB. At
 * this size the whole program stays under 200 MB and is no slower (measured: `npm run bench -- memory`). A young
 * generation this small is collected faster than helper threads can be woken, above all on a busy machine (measured:
 * `npm run bench -- redis`).
 */
const STREAMING_YOUNG_MIB = 4;
function whenStreaming(): void {
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString(`--max-semi-space-size=${STREAMING_YOUNG_MIB}`);
  v8.setFlagsFromString('--no-parallel-scavenge');
  v8.setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * The live view creates everything again every second. For that, V8 would let its young generation grow to 128 MiB, and
 * the old one to three times the live data. Resident memory with 2,000 queues at 1 Hz after a minute: without limits
 * 285 MiB at 8.7 % of a core; with both limits 162 MiB at 9.4 %; with a young generation of half that size 143 MiB at
 * 9.8 %. A running program can only stop its growth, because V8 no longer reads the largest size then (Node 24).
 */
const LIVE_YOUNG_MIB = 32;
const LIVE_OLD_GROWTH_PERCENT = 80;
/** How often the size is checked. */
const YOUNG_LOOK_MS = 100;

function whenLive(): void {
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString('--no-parallel-scavenge');
  v8.setFlagsFromString(`--heap-growing-percent=${LIVE_OLD_GROWTH_PERCENT}`);
  let mayGrow = true;
  setInterval(() => {
    const young = v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    // V8 also shrinks it when there is little to do, so it must be allowed to grow again.
    const isSmall = (young?.space_size ?? 0) < LIVE_YOUNG_MIB * 1024 * 1024;
    if (isSmall === mayGrow) return;
    mayGrow = isSmall;
    v8.setFlagsFromString(`--semi-space-growth-factor=${isSmall ? 2 : 1}`);
  }, YOUNG_LOOK_MS).unref();
}
