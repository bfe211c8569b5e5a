import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { startGateway, type Gateway } from '../../../src/app.js';
import { Database } from '../../../src/db/database.js';
import { ENTITIES } from '../../../src/entities.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client } from '../../support/client.js';
import { OPERATOR_TOKEN, testConfig } from '../../support/config.js';
import { KEY, REVISIONS, TIDY, UNTIDY } from '../../support/legacy-database.js';
import { LegacyDatabase } from '../../support/legacy-server.js';
import { postgresAt } from '../../support/postgres-at.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const onPostgres = inject('template').kind === 'postgres';
const VIEWER = JSON.stringify({
  query: '{ viewer { kind tenant { id name } apiKey { id scopes } } }',
});

/** What the older application asks: is it one of the tenant's hashes? */
async function opensOldDoor(legacy: LegacyDatabase, secret: string): Promise<boolean> {
  const [{ key_hash }] = (await legacy.sql<{ key_hash: string }>(
    'select key_hash from api_keys where id = $1',
    [KEY(0)],
  )) as [{ key_hash: string }];
  return key_hash.startsWith('$argon2') && verify(key_hash, secret);
}

/** Keys whose secret somebody holds, in a database that was adopted with them. */
describe.runIf(onPostgres).each(REVISIONS)('a key of revision %s', revision => {
  const secret = `wvr_${randomBytes(48).toString('base64url')}`;
  const revoked = `wvr_${randomBytes(48).toString('base64url')}`;
  let legacy: LegacyDatabase;
  let before: Record<string, unknown>;
  let database: Database;
  let gateway: Gateway;

  beforeAll(async () => {
    legacy = await LegacyDatabase.make(revision);
    const setHash = async (id: string, key: string, memoryCost: number): Promise<unknown> =>
      legacy.sql('update api_keys set key_hash = $1 where id = $2', [
        await hash(key, { memoryCost, timeCost: 3, parallelism: 4 }),
        id,
      ]);
    // As the older Weaver's library makes them by default.
    await setHash(KEY(0), secret, 65_536);
    await setHash(KEY(2), revoked, 65_536);
    before = await legacy.rows();
    await legacy.adopt('--yes');
    database = await Database.open(postgresAt(legacy.admin, { poolSize: 3 }), ENTITIES);
    gateway = await startGateway({ config: testConfig(), database, log: createLogger('silent') });
  });
  afterAll(async () => {
    await gateway?.close();
    await database?.close();
    await legacy.close();
  });

  const ask = (key: string, headers: Record<string, string> = {}): Promise<any> =>
    new Client(gateway.url, key).post(VIEWER, headers);

  test('opens the door to its tenant, and to no other', async () => {
    expect(await opensOldDoor(legacy, secret)).toBe(true);
    for (const headers of [undefined, { 'x-tenant-id': UNTIDY }])
      expect((await ask(secret, headers)).status).toBe(401);
    expect((await ask(revoked, { 'x-tenant-id': TIDY })).status).toBe(401);
    const opened = {
      status: 200,
      data: {
        viewer: {
          kind: 'API_KEY',
          tenant: { id: TIDY, name: 'Tidy' },
          apiKey: { id: KEY(0), scopes: ['READ', 'WRITE', 'SEARCH', 'ASK'] },
        },
      },
    };
    expect(await ask(secret, { 'x-tenant-id': TIDY })).toMatchObject(opened);
    expect(await ask(secret), 'and is known by itself from then on').toMatchObject(opened);
  });

  test('is no longer taken by the older application, and its original is kept', async () => {
    expect(await opensOldDoor(legacy, secret)).toBe(false);
    const [kept] = await legacy.sql<{ key_hash: string }>(
      'select key_hash from weaver_legacy_api_keys where id = $1',
      [KEY(0)],
    );
    expect(await verify(kept!.key_hash, secret)).toBe(true);
  });

  test('does not hinder an undo, which makes it a key of the older application again', async () => {
    expect(await legacy.adopt('--undo', '--yes')).toMatchObject({ code: 0 });
    expect(await legacy.rows()).toEqual(before);
    expect(await opensOldDoor(legacy, secret)).toBe(true);
  });
});

describe.runIf(onPostgres)('a key that was rotated after the adoption', () => {
  test.each(['after its first use', 'before any use'])(
    '%s keeps an undo from losing the new secret',
    async when => {
      const secret = `wvr_${randomBytes(48).toString('base64url')}`;
      const legacy = await LegacyDatabase.make('007');
      try {
        await legacy.sql('update api_keys set key_hash = $1 where id = $2', [
          await hash(secret, { memoryCost: 256, timeCost: 1, parallelism: 1 }),
          KEY(0),
        ]);
        await legacy.adopt('--yes');
        const database = await Database.open(postgresAt(legacy.admin, { poolSize: 3 }), ENTITIES);
        const gateway = await startGateway({
          config: testConfig(),
          database,
          log: createLogger('silent'),
        });
        try {
          if (when.startsWith('after'))
            expect(
              (await new Client(gateway.url, secret).post(VIEWER, { 'x-tenant-id': TIDY })) as any,
            ).toMatchObject({ status: 200 });
          const operator = new Client(gateway.url, OPERATOR_TOKEN);
          const { rotateApiKey } = await operator.data<any>(
            'mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { secret } }',
            { input: { id: KEY(0), ...(when.startsWith('before') && { overlapSeconds: 0 }) } },
          );
          expect(
            (await new Client(gateway.url, rotateApiKey.secret).post(VIEWER)) as any,
          ).toMatchObject({ status: 200 });
        } finally {
          await gateway.close();
          await database.close();
        }
        const { code, out, err } = await legacy.adopt('--undo', '--yes');
        expect({ code, out }).toEqual({ code: 1, out: '' });
        expect(err).toContain('going back would lose what was written since the adoption');
        // The new digest of a key that was never used looks like a first use: the audit log knows
        // better.
        expect(err).toContain(
          when.startsWith('after')
            ? `  api_keys: 0 rows added, 1 changed, 0 removed since (${KEY(0)})\n`
            : '  audit_log: written to since\n',
        );
      } finally {
        await legacy.close();
      }
    },
  );
});
