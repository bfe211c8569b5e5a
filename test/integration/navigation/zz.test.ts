import { test } from 'vitest';
import { openTestDatabase } from '../../support/database.js';
test('x', async () => {
  const db = await openTestDatabase();
  console.log(JSON.stringify(await db.asSuperuser(`select datcollate, datctype, datlocprovider, version(), 'ÄB' ilike 'äb' as i, lower('Ä') as l, 'a' < 'B' as o, 'ß' ilike 'SS' as s from pg_database where datname = current_database()`)));
  await db.close();
});
