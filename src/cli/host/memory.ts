/** Who works longer than this does bulk work; most commands are done before, and need not pay for it. */
const BULK_AFTER_MS = 100;

/**
 * Bounds what V8 takes for garbage. `bulk`: messages stream through; `live`: readings of every queue are made anew each
 * second.
 */
export function keepMemoryFlat(work: 'bulk' | 'live'): void {
  setTimeout(work === 'live' ? whenLive : whenStreaming, BULK_AFTER_MS).unref();
}

/**
 * Streaming a million messages fills V8's young generation with garbage: at its default size that alone is 100 MB; at
 * this one the whole program stays under 200 and is no slower (measured: `npm run bench -- memory`). So small a
 * generation is collected faster than threads can be woken to help, above all on a machine that is busy (measured: `npm
 * run bench -- redis`).
 */
const STREAMING_YOUNG_MIB = 4;
function whenStreaming(): void {
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString(`--max-semi-space-size=${STREAMING_YOUNG_MIB}`);
  v8.setFlagsFromString('--no-parallel-scavenge');
  v8.setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * The live view makes everything anew every second, and V8 would let its young generation grow to 128 MiB for that, and
 * the old one to thrice what is alive. With 2,000 queues at 1 Hz, resident after a minute: left alone 285 MiB at 8.7 %
 * of a core, both held 162 MiB at 9.4 %; a young generation of half that size 143 MiB at 9.8 %. A program that runs can
 * only stop its growth: the largest size is not read any more (Node 24).
 */
const LIVE_YOUNG_MIB = 32;
const LIVE_OLD_GROWTH_PERCENT = 80;
/** How soon the growth is noticed. */
const YOUNG_LOOK_MS = 100;

function whenLive(): void {
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString('--no-parallel-scavenge');
  v8.setFlagsFromString(`--heap-growing-percent=${LIVE_OLD_GROWTH_PERCENT}`);
  let mayGrow = true;
  setInterval(() => {
    const young = v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    // V8 makes it smaller too when there is little to do, so that it has to grow again.
    const isSmall = (young?.space_size ?? 0) < LIVE_YOUNG_MIB * 1024 * 1024;
    if (isSmall === mayGrow) return;
    mayGrow = isSmall;
    v8.setFlagsFromString(`--semi-space-growth-factor=${isSmall ? 2 : 1}`);
  }, YOUNG_LOOK_MS).unref();
}
