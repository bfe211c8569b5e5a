import { v4 } from 'uuid';
import { expect } from 'vitest';
import type { Answer, Client } from './client.js';
import { startTestGateway, type TestGateway } from './gateway.js';
import type { TenantWorld } from './world.js';

const ALL_TABLES = [
  'tenants',
  'profiles',
  'bots',
  'docs',
  'doc_texts',
  'doc_chunks',
  'ingestions',
  'ingestion_chunks',
  'api_keys',
  'bot_queries',
  'idempotency_keys',
  'audit_log',
  'uploads',
  'upload_parts',
];

/** A gateway with a tenant whose key may do all that keys may, and a stranger. */
export interface WriteWorld {
  readonly gateway: TestGateway;
  readonly tenant: TenantWorld;
  readonly otherTenant: TenantWorld;
  readonly writer: Client;
  /** Runs a mutation of one field with its input. `selection` is what of the payload is wanted. */
  run(mutation: string, input: object, selection: string, client?: Client): Promise<Answer>;
  /** Its payload; it must succeed. */
  done(mutation: string, input: object, selection: string, client?: Client): Promise<any>;
  /** The mutation must be refused so, and change nothing in any table. */
  refused(
    mutation: string,
    input: object,
    error: { code: string; field?: string; message?: unknown },
    client?: Client,
  ): Promise<void>;
  rows<R = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<R[]>;
  /** A digest of every row of every table. */
  state(): Promise<unknown>;
}

export async function startWriteWorld(
  options: Parameters<typeof startTestGateway>[0] = {},
): Promise<WriteWorld> {
  const gateway = await startTestGateway(options);
  const tenant = await gateway.world.tenant({ name: 'Acme' });
  const otherTenant = await gateway.world.tenant({ name: 'Stranger' });
  const writer = gateway.client(
    (await tenant.key({ scopes: ['read', 'write', 'search', 'ask', 'admin'] })).secret,
  );
  const rows: WriteWorld['rows'] = (sql, parameters) => gateway.db.asSuperuser(sql, parameters);

  const run: WriteWorld['run'] = (mutation, input, selection, client = writer) => {
    const inputType = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input`;
    return client.query(
      `mutation ($input: ${inputType}!) { ${mutation}(input: $input) { ${selection} } }`,
      { input },
    );
  };
  const state: WriteWorld['state'] = async () => {
    const tables = ALL_TABLES.map(
      table =>
        `select '${table}' as name, count(*)::int as n, md5(string_agg(t::text, '' ` +
        `order by t::text)) as digest from ${table} t`,
    );
    return rows(tables.join(' union all '));
  };
  return {
    gateway,
    tenant,
    otherTenant,
    writer,
    rows,
    state,
    run,
    async done(mutation, input, selection, client) {
      const { data, errors } = await run(mutation, input, selection, client);
      expect(errors).toBeUndefined();
      return data[mutation];
    },
    async refused(mutation, input, { message, ...extensions }, client) {
      const before = await state();
      const { errors, data } = await run(mutation, input, '__typename', client);
      expect(errors, JSON.stringify({ mutation, input })).toMatchObject([
        { ...(message !== undefined && { message }), extensions },
      ]);
      expect(data?.[mutation] ?? null).toBeNull();
      expect(await state()).toEqual(before);
    },
  };
}

/** Another tenant's id and one of nothing at all must be refused in the same way. */
export async function expectForeignIdsRefused(
  world: WriteWorld,
  mutation: string,
  foreignId: string,
  inputOf: (id: string) => object,
  field: string,
): Promise<void> {
  const messages = new Set<string>();
  for (const id of [foreignId, v4()]) {
    await world.refused(mutation, inputOf(id), { code: 'NOT_FOUND', field });
    const { errors } = await world.run(mutation, inputOf(id), '__typename');
    messages.add(errors![0]!.message.replace(id, '<id>'));
  }
  expect(messages.size).toBe(1);
  await world.refused(mutation, inputOf('not-a-uuid'), { code: 'BAD_USER_INPUT', field });
}
