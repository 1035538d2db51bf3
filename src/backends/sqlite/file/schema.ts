/** Written into the file's header, so that another program's database is never taken for ours ("mqop" in ASCII). */
export const APPLICATION_ID = 0x6d716f70;
/** Raised with every change of the tables. A newer file is refused. */
export const SCHEMA_VERSION = 1;

/**
 * The stored state of a message. Time alone also changes states: a delay ends, a lease or a time to live runs out.
 * The next claim brings the row up to date. Until then readers compute the real state: see time.ts.
 *
 * ```
 *             ┌─────────────── delay over ◄── delayed ◄─ sent with a delay
 *             ▼
 *   sent ─► ready ─ claimed ─► inFlight ─ acked ─► gone
 *             ▲                   │ released, or the lease ran out
 *             ├───────────────────┤
 *             │                   └─ that was its last delivery ─► dead ◄─ time to live over (ready, delayed)
 *             └────────────────────────── redriven ◄───────────────┤ ▲
 *                                                          claimed ▼ │ released, or the lease ran out
 *                                                             deadInFlight ─ acked ─► gone
 * ```
 */
export const STORED = { ready: 0, delayed: 1, inFlight: 2, dead: 3, deadInFlight: 4 } as const;

/**
 * `sequence` gives out keys and positions, which are never used twice in a file. A message keeps its key for life. Its
 * position says when it last came to its queue. `rank` is the negated priority, so that delivery order is (rank,
 * position) in the direction of the index. Data that never changes and may be large is in `payload`, so that claiming
 * and settling do not rewrite it. `wake`: when a ready or delayed row changes its state by itself. `holder`: the
 * consumer of an in-flight row. All times are milliseconds since the epoch.
 */
export const SCHEMA = `
CREATE TABLE file (token TEXT NOT NULL, sequence INTEGER NOT NULL) STRICT;
CREATE TABLE queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  max_receives INTEGER NOT NULL,
  lease_ms INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  paused_at INTEGER,
  pause_reason TEXT,
  enqueued INTEGER NOT NULL DEFAULT 0,
  acked INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE message (
  key INTEGER PRIMARY KEY,
  queue INTEGER NOT NULL,
  state INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  position INTEGER NOT NULL,
  enqueued_at INTEGER NOT NULL,
  wake INTEGER,
  deliver_at INTEGER,
  expires_at INTEGER,
  ttl_ms INTEGER,
  receives INTEGER NOT NULL,
  max_receives INTEGER,
  holder INTEGER,
  id TEXT,
  dedup TEXT,
  died_at INTEGER,
  reason TEXT,
  error TEXT,
  deaths INTEGER NOT NULL,
  replays INTEGER NOT NULL
) STRICT;
CREATE INDEX message_order ON message (queue, state, rank, position, enqueued_at);
CREATE INDEX message_wake ON message (queue, wake) WHERE wake IS NOT NULL;
CREATE INDEX message_id ON message (queue, id) WHERE id IS NOT NULL;
CREATE INDEX message_dedup ON message (queue, dedup) WHERE dedup IS NOT NULL;
CREATE TABLE payload (
  key INTEGER PRIMARY KEY,
  body BLOB NOT NULL,
  headers TEXT,
  content_type TEXT,
  priority INTEGER,
  name TEXT,
  native TEXT
) STRICT;
CREATE TABLE consumer (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue INTEGER NOT NULL,
  takes TEXT NOT NULL,
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  since INTEGER NOT NULL,
  lease_until INTEGER NOT NULL
) STRICT;
CREATE INDEX consumer_lease ON consumer (queue, lease_until);
`;
