import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { CompiledQuery } from 'kysely';
import type { Row } from './statement.js';

type Scalar = string | number | bigint | boolean | null;

/**
 * What a statement in a write can be given. A list is PostgreSQL's array; JSON is its text; vectors
 * are binary.
 */
export type WriteParameter = Scalar | Buffer | { toPostgres(): Buffer } | readonly Scalar[];

/**
 * Runs a statement with `$1` parameters in the transaction of a write, and gives its rows. All SQL
 * of our own in writes comes through here: MikroORM's `execute` would write parameters into the
 * text of the statement, where a list becomes several values and fails, large ones are slow, and
 * there is no binary form. Errors are MikroORM's, as everywhere in a write.
 */
export async function runInWrite<R = Row>(
  em: SqlEntityManager,
  sql: string,
  parameters: readonly WriteParameter[] = [],
): Promise<R[]> {
  try {
    const { rows } = await em.getKysely().executeQuery<R>(CompiledQuery.raw(sql, [...parameters]));
    return rows;
  } catch (error) {
    throw em
      .getPlatform()
      .getExceptionConverter()
      .convertException(error as Error);
  }
}
