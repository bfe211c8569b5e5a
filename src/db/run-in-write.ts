import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { CompiledQuery } from 'kysely';
import type { Row } from './statement.js';

/**
 * Runs a statement with `$1` parameters in the transaction of a write, and gives its rows. MikroORM's own `execute` writes parameters
 * into the text of the statement: that is slow for large ones, and there is no binary form. Errors are MikroORM's, as everywhere in a write.
 */
export async function runInWrite<R = Row>(em: SqlEntityManager, sql: string, parameters: readonly unknown[]): Promise<R[]> {
  try {
    const { rows } = await em.getKysely().executeQuery<R>(CompiledQuery.raw(sql, [...parameters]));
    return rows;
  } catch (error) {
    throw em.getPlatform().getExceptionConverter().convertException(error as Error);
  }
}
