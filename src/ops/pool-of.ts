import type { PostgreSqlConnection } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { Database } from '../db/database.js';

/** The driver's pool of a database that is not the embedded one. */
export function poolOf({ orm }: Database): Promise<Pool> {
  return (orm.em.getDriver().getConnection() as PostgreSqlConnection).getNativeClient();
}
