import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway } from '../../../src/app.js';
import { createLogger } from '../../../src/observability/logger.js';
import { testConfig } from '../../support/config.js';
import { openTestDatabase } from '../../support/database.js';
import { RawConnection } from '../../support/raw-connection.js';
import { until } from '../../support/row-locks.js';
import { createUpload, send, someBytes, stateOf, type NewUpload } from '../../support/uploads.js';
import { World } from '../../support/world.js';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';

/** Long enough for a machine that is busy. */
const IDLE_MS = 4_000;

let world: WriteWorld;
beforeAll(async () => {
  world = await startWriteWorld({
    env: {
      WEAVER_MAX_REQUEST_MS: String(IDLE_MS),
      WEAVER_MAX_UPLOAD_RPM: '12',
      WEAVER_MAX_FAILED_TOKENS_RPM: '5',
    },
  });
});
afterAll(() => world.gateway.close());

async function sendHead({ url, token }: NewUpload, length: number): Promise<RawConnection> {
  const { pathname, host } = new URL(url);
  const connection = new RawConnection(url);
  await connection.opened;
  return connection.send(
    `PUT ${pathname} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\n` +
      `content-length: ${length}\r\n\r\n`,
  );
}

describe('the time of a file', () => {
  test('may be longer than that of other requests while it keeps coming', async () => {
    const upload = await createUpload(world, 1_000);
    const connection = await sendHead(upload, 1_000);
    const bytes = someBytes(1_000);
    let sent = 0;
    const begin = Date.now();
    // Until well after other requests are given up, which is looked for once a second.
    while (Date.now() - begin < IDLE_MS + 2_000) {
      connection.socket.write(bytes.subarray(sent, (sent += 10)));
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    connection.socket.write(bytes.subarray(sent));
    await connection.until('HTTP/1.1 200');
    connection.socket.destroy();
    expect(await stateOf(world, upload.id)).toMatchObject({ state: 'received' });
  });

  test('ends where nothing comes, and what has come counts', async () => {
    const upload = await createUpload(world, 1_000);
    const connection = await sendHead(upload, 1_000);
    connection.socket.write(someBytes(10));
    await connection.closed;
    expect(connection.statuses).toEqual([408]);
    expect(await stateOf(world, upload.id)).toMatchObject({ state: 'receiving', received: 10 });
  });
});

describe('requests a minute', () => {
  test('to the addresses of a tenant are counted, and so are wrong tokens', async () => {
    const key = await world.otherTenant.key({ scopes: ['read', 'write'] });
    const upload = await createUpload(world, 10, {}, world.gateway.client(key.secret));
    const statuses = new Set<number>();
    // More than two minutes' worth, for a minute may begin meanwhile.
    for (let nth = 0; nth < 26; nth += 1) statuses.add((await send(upload, 'HEAD')).status);
    expect([...statuses].sort()).toEqual([200, 429]);
    const wrong = new Set<number>();
    for (let nth = 0; nth < 12; nth += 1)
      wrong.add((await send({ ...upload, token: 'wrong' }, 'HEAD')).status);
    expect([...wrong].sort()).toEqual([401, 429]);
  });
});

test('a gateway that starts deletes what has expired', async () => {
  const db = await openTestDatabase();
  const bot = await (await new World(db.database).tenant()).bot();
  await bot.upload({ expires_at: '2020-01-01T00:00:00Z' });
  const current = await bot.upload();
  const gateway = await startGateway({
    config: testConfig(),
    database: db.database,
    log: createLogger('silent'),
  });
  await until(async () => {
    const rows = await db.asSuperuser<{ id: string }>('select id from uploads');
    return rows.length === 1 && rows[0]!.id === current;
  });
  await gateway.close();
  await db.close();
});
