import { MqError } from '../../../contract/errors.ts';
import type { Connection } from './connection.ts';
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './schema.ts';

/**
 * False for an empty database, which the first write makes ours. Throws for another program's database, and for one of
 * a newer `mq`.
 */
export function isOurs(connection: Connection, path: string): boolean {
  const { application, version, objects } = identity(connection);
  if (application === APPLICATION_ID && version === SCHEMA_VERSION) {
    requireOwnTables(connection, path);
    return true;
  }
  if (application === APPLICATION_ID) {
    throw new MqError(
      'CONFIG_INVALID',
      `${path} was written by another version of mq (format ${version}, not ${SCHEMA_VERSION})`,
      {
        hint: version > SCHEMA_VERSION ? 'update mq' : undefined,
        backend: 'sqlite',
      },
    );
  }
  if (application === 0 && version === 0 && objects === 0) return false;
  throw new MqError('CONFIG_INVALID', `${path} is a database of another program`, {
    hint: 'choose another path',
    backend: 'sqlite',
  });
}

/**
 * The tables must be as in the schema. A view instead of a table, or a trigger, is somebody else's program: it would
 * run inside ours, and may never end.
 */
function requireOwnTables(connection: Connection, path: string): void {
  const found = connection.all("SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view', 'trigger')");
  const texts = new Map(found.map((row) => [row.text('name'), row.textOrNull('sql')]));
  const isOwn =
    OWN_TABLES.every(([name, sql]) => texts.get(name) === sql) && found.every((row) => row.text('type') !== 'trigger');
  if (isOwn) return;
  throw new MqError('CONFIG_INVALID', `the tables of ${path} are not the ones that mq creates`, {
    hint: 'another program has changed the file; choose another path',
    backend: 'sqlite',
  });
}

/** Name and text, as SQLite keeps it. */
const OWN_TABLES: readonly (readonly [string, string])[] = SCHEMA.split(';\n').flatMap((statement) => {
  const sql = statement.trim();
  const name = /^CREATE TABLE (\w+)/.exec(sql)?.[1];
  return name === undefined ? [] : [[name, sql] as const];
});

/**
 * Read at one moment: between two reads, another process may make the file ours, and that would look like another
 * program's.
 */
function identity(connection: Connection) {
  const { database } = connection;
  database.exec('BEGIN');
  try {
    return {
      application: connection.one('PRAGMA application_id').integer('application_id'),
      version: connection.one('PRAGMA user_version').integer('user_version'),
      objects: connection.one('SELECT count(*) AS count FROM sqlite_schema').integer('count'),
    };
  } finally {
    // Nothing was written, so commit and rollback are both right. If SQLite has ended the transaction itself, there is
    // nothing to end.
    try {
      database.exec('ROLLBACK');
    } catch {}
  }
}

/**
 * Makes an empty database ours. Several processes may try at once: one does it, and the others find it done or are told
 * that it is busy.
 */
export function install(connection: Connection): void {
  const { database } = connection;
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  database.exec('BEGIN IMMEDIATE');
  try {
    if (connection.one('PRAGMA user_version').integer('user_version') === 0) {
      database.exec(SCHEMA);
      // 40 random bits.
      connection.run('INSERT INTO file (token, sequence) VALUES (lower(hex(randomblob(5))), 0)');
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
    }
    database.exec('COMMIT');
  } catch (error) {
    try {
      database.exec('ROLLBACK');
    } catch {
      // Already rolled back by SQLite.
    }
    throw error;
  }
}
