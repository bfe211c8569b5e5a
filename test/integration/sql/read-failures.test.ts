import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Client as Connection } from 'pg';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';

describe.runIf(inject('template').kind === 'postgres')('where the database fails a read', () => {
  let gateway: TestGateway;
  let client: Client;
  let admin: Connection;

  beforeAll(async () => {
    gateway = await startTestGateway();
    const tenant = await gateway.world.tenant();
    client = gateway.client((await tenant.key({ scopes: ['read'] })).secret);
    admin = new Connection({ connectionString: gateway.db.urls!.admin });
    await admin.connect();
  });
  afterAll(async () => {
    await admin?.end();
    await gateway?.close();
  });

  const BOTS = '{ bots { nodes { name } } }';

  /** At once, so that several connections know the statement. */
  const askOften = (): ReturnType<Client['query']>[] =>
    Array.from({ length: 12 }, () => client.query(BOTS));

  test('a longer column fails what is under way, and nothing that is asked later', async () => {
    for (let round = 0; round < 3; round += 1) await Promise.all(askOften());
    await admin.query('alter table bots alter name type varchar(300)');
    const { data, errors } = await client.query(BOTS);
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE', retryAfterMs: 1000 } }]);
    for (let round = 0; round < 3; round += 1)
      for (const answer of await Promise.all(askOften()))
        expect(answer).toMatchObject({ status: 200, data: { bots: { nodes: [{}] } } });
  });
});
