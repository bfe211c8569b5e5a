import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { KeyUsage } from '../../../src/api-keys/key-usage.js';
import { createLogger } from '../../../src/observability/logger.js';
import { startGateway } from '../../../src/app.js';
import { Client } from '../../support/client.js';
import { testConfig } from '../../support/config.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { World, type TenantWorld } from '../../support/world.js';

let db: TestDatabase;
let tenant: TenantWorld;
const log = createLogger('silent');

beforeAll(async () => {
  db = await openTestDatabase();
  tenant = await new World(db.database).tenant();
});
afterAll(() => db.close());

const stored = async (id: string) =>
  (
    await db.asSuperuser<{ used: boolean; changed: boolean; version: string }>(
      "select last_used_at > now() - interval '1 minute' as used, updated_at <> " +
        'created_at as changed, xmin::text as version from api_keys where id = ?',
      [id],
    )
  )[0]!;

describe('the last use of a key', () => {
  test('costs no write per request, is noted by the end, and is no change of the key', async () => {
    const { id, secret } = await tenant.key();
    const before = await stored(id);
    const gateway = await startGateway({ config: testConfig(), database: db.database, log });
    for (let count = 0; count < 5; count += 1)
      expect((await new Client(gateway.url, secret).query('{ viewer { kind } }')).status).toBe(200);
    expect(await stored(id)).toEqual(before);
    await gateway.close();
    expect(await stored(id)).toMatchObject({ used: true, changed: false });
  });

  test('is not noted for a request that is refused', async () => {
    const { id, secret } = await tenant.key({ revoked: true });
    const gateway = await startGateway({ config: testConfig(), database: db.database, log });
    expect((await new Client(gateway.url, secret).query('{ viewer { kind } }')).status).toBe(401);
    await gateway.close();
    expect((await stored(id)).used).toBeNull();
  });

  test('is written for all keys at once, by one of several gateways in 30 seconds', async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => tenant.key()));
    const usages = [new KeyUsage(db.database, log), new KeyUsage(db.database, log)];
    for (const usage of usages)
      for (const { id } of usage === usages[0] ? keys : keys.toReversed())
        usage.record(id, tenant.id);
    await Promise.all(usages.map(usage => usage.flush()));
    const versions = await Promise.all(keys.map(({ id }) => stored(id)));
    for (const key of versions) expect(key.used).toBe(true);
    for (const usage of usages) for (const { id } of keys) usage.record(id, tenant.id);
    await Promise.all(usages.map(usage => usage.close()));
    expect(await Promise.all(keys.map(({ id }) => stored(id)))).toEqual(versions);
  });

  test('is tried again when it could not be written, and shuts no door meanwhile', async () => {
    const { id } = await tenant.key();
    const usage = new KeyUsage(db.database, log);
    usage.record(id, tenant.id);
    await db.asSuperuser('revoke update on api_keys from weaver_operator');
    await usage.flush();
    expect((await stored(id)).used).toBeNull();
    await db.asSuperuser('grant update on api_keys to weaver_operator');
    await usage.close();
    expect((await stored(id)).used).toBe(true);
  });

  test.runIf(inject('template').kind === 'postgres')(
    'does not wait for whoever holds the row',
    async () => {
      const { id } = await tenant.key();
      const usage = new KeyUsage(db.database, log);
      usage.record(id, tenant.id);
      await db.asSuperuser('begin');
      await db.asSuperuser('select 1 from api_keys where id = ? for update', [id]);
      await usage.close();
      await db.asSuperuser('rollback');
      expect((await stored(id)).used).toBeNull();
    },
  );
});
