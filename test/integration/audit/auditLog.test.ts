import { v4, v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';

let gateway: TestGateway;
let mine: TenantWorld;
let other: TenantWorld;
let owner: Client;
let admin: Client;

beforeAll(async () => {
  gateway = await startTestGateway();
  mine = await gateway.world.tenant();
  other = await gateway.world.tenant();
  owner = await gateway.user(mine, 'owner');
  admin = await gateway.user(mine, 'admin');
  for (const [tenant, action, minutes] of [
    [mine, 'createUser', 3],
    [mine, 'updateUser', 2],
    [mine, 'revokeApiKey', 1],
    [other, 'deleteUser', 0],
  ] as const) {
    await gateway.world.insert('audit_log', {
      tenant_id: tenant.id,
      actor_kind: 'user',
      actor_id: v7(),
      action,
      target_type: action.replace(/^[a-z]+/, ''),
      target_id: v7(),
      details: '{"role":"member"}',
      request_id: 'r-1',
      created_at: new Date(Date.now() - minutes * 60_000).toISOString(),
    });
  }
});
afterAll(() => gateway.close());

const ACTIONS = '{ auditLog { nodes { action } totalCount } }';

describe('Query.auditLog', () => {
  test("is the owner's own tenant's, newest first, whatever they ask for", async () => {
    expect(await owner.data(ACTIONS)).toEqual({
      auditLog: {
        nodes: [{ action: 'revokeApiKey' }, { action: 'updateUser' }, { action: 'createUser' }],
        totalCount: 3,
      },
    });
    expect(
      await owner.data(`{ auditLog(filter: { tenantId: { eq: "${other.id}" } }) { totalCount } }`),
    ).toEqual({ auditLog: { totalCount: 0 } });
  });

  test("is all tenants' for the operator, those that are gone too", async () => {
    const gone = await gateway.world.tenant();
    await gateway.world.insert('audit_log', {
      tenant_id: gone.id,
      actor_kind: 'operator',
      action: 'createTenant',
      target_type: 'Tenant',
      target_id: gone.id,
    });
    await gateway.db.asSuperuser('delete from tenants where id = ?', [gone.id]);
    const { auditLog } = await gateway.operator.data(
      '{ auditLog(first: 5) { nodes { tenantId action actorKind actorId targetType ' +
        'targetId details requestId } } }',
    );
    expect(new Set(auditLog.nodes.map((event: { tenantId: string }) => event.tenantId))).toEqual(
      new Set([mine.id, other.id, gone.id]),
    );
    expect(auditLog.nodes[0]).toEqual({
      tenantId: gone.id,
      action: 'createTenant',
      actorKind: 'OPERATOR',
      actorId: null,
      targetType: 'Tenant',
      targetId: gone.id,
      details: {},
      requestId: null,
    });
  });

  test('pages, filters and orders', async () => {
    const first = await owner.data(
      '{ auditLog(first: 2, orderBy: [{ field: CREATED_AT, direction: ASC }]) { nodes { ' +
        'action details } pageInfo { hasNextPage endCursor } } }',
    );
    expect(first.auditLog).toMatchObject({
      nodes: [{ action: 'createUser', details: { role: 'member' } }, { action: 'updateUser' }],
      pageInfo: { hasNextPage: true },
    });
    const next = await owner.data(
      'query ($after: String) { auditLog(first: 2, after: $after, orderBy: [{ field: ' +
        'CREATED_AT, direction: ASC }]) { nodes { action } pageInfo { hasNextPage } } }',
      { after: first.auditLog.pageInfo.endCursor },
    );
    expect(next).toEqual({
      auditLog: { nodes: [{ action: 'revokeApiKey' }], pageInfo: { hasNextPage: false } },
    });
    expect(
      (
        await owner.data(
          '{ auditLog(filter: { targetType: { eq: "User" }, actorKind: { eq: USER } }) { ' +
            'nodes { action } } }',
        )
      ).auditLog.nodes,
    ).toHaveLength(2);
    expect(
      (
        await owner.data(
          '{ auditLog(filter: { actorKind: { eq: OPERATOR } }) { nodes { action } } }',
        )
      ).auditLog.nodes,
    ).toEqual([]);
  });

  test('is for owners and the operator alone', async () => {
    const key = gateway.client(
      (await mine.key({ scopes: ['read', 'write', 'search', 'ask', 'admin'] })).secret,
    );
    for (const client of [admin, key]) {
      for (const [coordinate, query] of [
        ['Query.auditLog', ACTIONS],
        ['Tenant.auditLog', '{ tenant { auditLog { totalCount } } }'],
      ] as const) {
        expect(await client.query(query)).toMatchObject({
          status: 403,
          data: undefined,
          errors: [
            {
              message: `${coordinate} is only for the tenant's owners and the operator.`,
              extensions: { code: 'FORBIDDEN', field: coordinate },
            },
          ],
        });
      }
    }
    expect(await gateway.client().query(ACTIONS)).toMatchObject({ status: 401 });
  });

  test('is the only way to its events: none is found by an id, as rows are', async () => {
    const [event] = await gateway.db.asSuperuser<{ id: string }>(
      'select id from audit_log where tenant_id = ? limit 1',
      [mine.id],
    );
    expect(await owner.data(`{ node(id: "${event!.id}") { id } }`)).toEqual({ node: null });
  });
});

describe('Tenant.auditLog', () => {
  test('is that of each tenant, read in one statement', async () => {
    let data: any;
    const statements = await gateway.statements(
      async () =>
        void (data = await gateway.operator.data(
          `{ tenants(filter: { id: { in: ["${mine.id}", "${other.id}"] } }) { nodes { id ` +
            'auditLog(first: 1) { nodes { action } totalCount } } } }',
        )),
    );
    expect(
      Object.fromEntries(data.tenants.nodes.map((tenant: any) => [tenant.id, tenant.auditLog])),
    ).toEqual({
      [mine.id]: { nodes: [{ action: 'revokeApiKey' }], totalCount: 3 },
      [other.id]: { nodes: [{ action: 'deleteUser' }], totalCount: 1 },
    });
    expect(statements.filter(name => name === 'auditLog')).toHaveLength(1);
    expect(
      await owner.data(
        `{ tenant(id: "${v4()}") { auditLog { totalCount } } mine: tenant { auditLog { ` +
          'totalCount } } }',
      ),
    ).toEqual({ tenant: null, mine: { auditLog: { totalCount: 3 } } });
  });
});
