import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { HalfVector } from '../../src/embedders/half-vector.js';

/**
 * Columns of a row as PostgreSQL's binary format has them; null for none.
 * https://www.postgresql.org/docs/current/sql-copy.html
 */
export type BinaryRow = readonly (Buffer | null)[];

const HEAD = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const TAIL = Buffer.from([0xff, 0xff]);

/** Loads rows by `copy … with (format binary)`: ten times faster than inserts of text. */
export async function copyRows(
  client: Client,
  target: string,
  rows: Iterable<BinaryRow>,
): Promise<void> {
  const bytes = function* (): Generator<Buffer> {
    yield HEAD;
    for (const row of rows) yield encode(row);
    yield TAIL;
  };
  await pipeline(
    Readable.from(bytes()),
    client.query(copyFrom(`copy ${target} from stdin with (format binary)`)),
  );
}

function encode(row: BinaryRow): Buffer {
  const pieces: Buffer[] = [int16(row.length)];
  for (const value of row) pieces.push(int32(value?.length ?? -1), value ?? Buffer.alloc(0));
  return Buffer.concat(pieces);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function uuid(value: string): Buffer {
  return Buffer.from(value.replaceAll('-', ''), 'hex');
}

export function text(value: string): Buffer {
  return Buffer.from(value);
}

export function jsonb(value: unknown): Buffer {
  return Buffer.concat([Buffer.from([1]), Buffer.from(JSON.stringify(value))]);
}

/**
 * pgvector's `vector`: the count, two unused bytes, the numbers.
 * https://github.com/pgvector/pgvector/blob/v0.8.0/src/vector.c (`vector_recv`)
 */
export function vector(values: Float32Array): Buffer {
  const numbers = Buffer.from(new Float32Array(values).buffer);
  return Buffer.concat([int16(values.length), int16(0), numbers.swap32()]);
}

const SECONDS_TO_2000 = 946_684_800;

/** Microseconds since 2000. */
export function timestamptz(msecs: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(msecs - 1_000 * SECONDS_TO_2000) * 1_000n);
  return bytes;
}

export function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

export function halfvec(values: ArrayLike<number>): Buffer {
  return new HalfVector(values).toPostgres();
}
