import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

let gateway: TestGateway;
let tenant: TenantWorld;
let key: string;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.world.tenant();
  key = (await tenant.key()).secret;
  for (let bot = 0; bot < 4; bot += 1) {
    const made = await tenant.bot({ name: `Bot ${bot}` });
    for (let document = 0; document < 5; document += 1) await (await made.document()).texts(3);
    await made.query();
  }
});
afterAll(() => gateway.close());

async function statementsOf(query: string): Promise<string[]> {
  return gateway.statements(() => gateway.client(key).data(query));
}

describe('statements', () => {
  test('tenant to bots to documents to chunks costs one for each level', async () => {
    const names = await statementsOf('{ tenant { id name bots { nodes { id name documents(first: 3) { nodes { id filename chunks(first: 2) { nodes { id text } } } } } } } }');
    expect(names).toEqual(['tenantsById', 'bots', 'documentsOfBot', 'chunksOfDocument']);
  });
});
