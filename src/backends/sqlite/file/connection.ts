import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { MqError } from '../../../contract/errors.ts';

export type Params = Record<string, SQLInputValue>;

/** One row. Its columns are checked when they are read, because another program may have changed the file. */
export class Row {
  readonly #columns: Record<string, unknown>;

  constructor(columns: Record<string, unknown>) {
    this.#columns = columns;
  }

  integer(name: string): number {
    const value = this.#columns[name];
    if (typeof value !== 'number') throw wrongColumn(name);
    return value;
  }

  integerOrNull(name: string): number | null {
    return this.#columns[name] === null ? null : this.integer(name);
  }

  text(name: string): string {
    const value = this.#columns[name];
    if (typeof value !== 'string') throw wrongColumn(name);
    return value;
  }

  textOrNull(name: string): string | null {
    return this.#columns[name] === null ? null : this.text(name);
  }

  bytes(name: string): Uint8Array {
    const value = this.#columns[name];
    if (!(value instanceof Uint8Array)) throw wrongColumn(name);
    return value;
  }
}

function wrongColumn(name: string): MqError {
  return new MqError('UNEXPECTED_RESPONSE', `the queue file holds a wrong value in column ${name}`, {
    backend: 'sqlite',
  });
}

/** A database with its prepared statements. Each is prepared at its first use. Synchronous, as `node:sqlite` is. */
export class Connection {
  readonly database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #token: string | null = null;

  constructor(database: DatabaseSync) {
    this.database = database;
  }

  /** Random for each file: it makes the ids that `mq` gives unique among all files. */
  get token(): string {
    this.#token ??= this.one('SELECT token FROM file').text('token');
    return this.#token;
  }

  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** The number of rows changed. */
  run(sql: string, params: Params = {}): number {
    return Number(this.statement(sql).run(params).changes);
  }

  find(sql: string, params: Params = {}): Row | null {
    const columns = this.#reading(sql, (statement) => statement.get(params));
    return columns === undefined ? null : new Row(columns);
  }

  one(sql: string, params: Params = {}): Row {
    const row = this.find(sql, params);
    if (row === null)
      throw new MqError('UNEXPECTED_RESPONSE', 'the queue file lacks a row that it must have', { backend: 'sqlite' });
    return row;
  }

  all(sql: string, params: Params = {}): Row[] {
    return this.#reading(sql, (statement) => statement.all(params)).map((columns) => new Row(columns));
  }

  /**
   * Another program may have written a number that is too large to be exact. That must not cost everything beside it:
   * it is read as the largest exact one. Only a statement that changes nothing may be run twice.
   */
  #reading<T>(sql: string, read: (statement: StatementSync) => T): T {
    const statement = this.statement(sql);
    try {
      return read(statement);
    } catch (error) {
      if (!isOutOfRange(error) || !/^\s*(?:SELECT|WITH)\b/.test(sql)) throw error;
    }
    statement.setReadBigInts(true);
    try {
      return withNumbers(read(statement)) as T;
    } finally {
      statement.setReadBigInts(false);
    }
  }

  /** The first of `count` fresh numbers. Only inside a transaction. */
  allot(count: number): number {
    const next = this.one('UPDATE file SET sequence = sequence + :count RETURNING sequence', { count });
    return next.integer('sequence') - count + 1;
  }
}

function isOutOfRange(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_OUT_OF_RANGE';
}

/** Works on one row, several, or none. */
function withNumbers(value: unknown): unknown {
  if (typeof value === 'bigint')
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(value)));
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNumbers(item)]));
}
