import {
  buildClientSchema,
  getIntrospectionQuery,
  getNamedType,
  isListType,
  getNullableType,
  type GraphQLSchema,
} from 'graphql';
import { v4 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { OperationReads } from '../../../src/db/operation-reads.js';
import { argumentsWith, operation, slotsOf, type Slot } from '../../support/argument-slots.js';
import type { Client } from '../../support/client.js';
import { USER_SECRET } from '../../support/config.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { tokenFor } from '../../support/identity-provider.js';
import { validArguments, type OwnIds } from '../../support/valid-arguments.js';
import { BotWorld, TenantWorld } from '../../support/world.js';

/** Members that differ from one answer to the next although the question was the same. */
const VOLATILE = new Set(['requestId']);
/**
 * Where an id is the caller's to choose, so that one that is taken must give what a taken one of
 * one's own gives.
 */
const CHOSEN_IDS = new Set(['createUser(input.id)']);

/** What a deletion of the victim's object wants to hear. */
const CONFIRMED: Record<string, (canary: string) => string> = {
  deleteTenant: canary => `Tenant ${canary}`,
  deleteBot: canary => `Bot ${canary}`,
  deleteUser: canary => `member-${canary}@example.com`,
};

let gateway: TestGateway;
let schema: GraphQLSchema;
let victim: Inhabitant;
let attacker: Inhabitant;
let tenantTables: string[];

/**
 * A tenant with something of everything, whose texts all hold one word that stands nowhere else.
 */
interface Inhabitant {
  readonly tenantId: string;
  readonly canary: string;
  /**
   * A key with every scope, and an owner: between them they may do all that anyone in a tenant may.
   */
  readonly clients: readonly Client[];
  /** One object of each type; `spare` ones may be used up. */
  readonly own: OwnIds;
}

beforeAll(async () => {
  gateway = await startTestGateway();
  victim = await settle('zanzibarcanary');
  attacker = await settle('reykjavikcanary');
  schema = buildClientSchema((await gateway.operator.query(getIntrospectionQuery())).data);
  const rows = await gateway.db.asSuperuser<{ table: string }>(
    `select c.relname::text as "table" from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'public' and c.relkind in ('r', 'p')
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'
          and not a.attisdropped) order by 1`,
  );
  tenantTables = rows.map(row => row.table);
});
afterAll(() => gateway.close());

async function settle(canary: string): Promise<Inhabitant> {
  const tenant = await gateway.world.tenant({ name: `Tenant ${canary}`, planTier: canary });
  const owner = await tenant.user({ email: `${canary}@example.com`, role: 'owner' });
  const user = await tenant.user({ email: `member-${canary}@example.com` });
  const key = await tenant.key({
    name: `Key ${canary}`,
    scopes: ['read', 'write', 'search', 'ask', 'admin'],
  });
  const spareKey = await tenant.key({ name: `Spare ${canary}` });
  const bot = await tenant.bot({
    name: `Bot ${canary}`,
    config_json: JSON.stringify({ prompt: canary }),
  });
  const document = await bot.document({
    filename: `${canary}.md`,
    gcs_path: `gs://${canary}`,
    tags: `{${canary}}`,
  });
  const [chunk] = await document.chunks([
    {
      text: `About the ${canary}`,
      chunkIndex: 0,
      metadata: { canary },
      embedding: Array.from({ length: 1536 }, (_, index) => Number(index % 2 === 0)),
    },
  ]);
  const query = await bot.query({ query: `${canary}?`, answer: `${canary}!`, api_key_id: key.id });
  const token = await tokenFor({ secret: USER_SECRET, alg: 'HS256' }, { sub: owner, exp: 3_600 });
  return {
    tenantId: tenant.id,
    canary,
    clients: [gateway.client(key.secret), gateway.client(token)],
    own: {
      Tenant: tenant.id,
      User: user,
      ApiKey: spareKey.id,
      Bot: bot.id,
      Document: document.id,
      DocumentChunk: chunk!,
      BotQuery: query,
      Upload: await bot.receivedUpload(),
      Ingestion: await document.ingestion(),
    },
  };
}

const mutations = () => Object.values(schema.getMutationType()!.getFields());
const idSlots = (): Slot[] =>
  slotsOf('mutation', schema.getMutationType()).filter(
    ({ type }) => getNamedType(type).name === 'ID',
  );
const nameOf = ({ field, path }: Slot): string => `${field.name}(${path.join('.')})`;

/** Everything that stands in the database about a tenant, as one digest for each table. */
async function rowsOf(tenantId: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const [table, column] of [
    ['tenants', 'id'],
    ...tenantTables.map(name => [name, 'tenant_id']),
  ] as [string, string][]) {
    const [row] = await gateway.db.asSuperuser<{ digest: string }>(
      "select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' " +
        `order by t::text)), '') as digest from ${table} t where ${column} = ?`,
      [tenantId],
    );
    digests[table] = row!.digest;
  }
  return digests;
}

/** An answer as text, without what changes from one time to the next. */
async function ask(
  client: Client,
  slot: Pick<Slot, 'root' | 'field'>,
  variables: Record<string, unknown>,
): Promise<string> {
  const { status, data, errors } = await client.query(operation(slot, variables), variables);
  return JSON.stringify({ status, data, errors }, (key, value: unknown) =>
    VOLATILE.has(key) ? undefined : value,
  );
}

/**
 * The arguments that name one of the victim's objects, said as if the attacker knew all about it,
 * or an object that does not exist.
 */
function naming(slot: Slot, id: string): Record<string, unknown> {
  const value = isListType(getNullableType(slot.type)) ? [id] : id;
  const variables = argumentsWith(slot, value, attacker.own);
  const { input } = variables as { input?: Record<string, unknown> };
  if (input && 'confirm' in input)
    Object.assign(input, { confirm: CONFIRMED[slot.field.name]!(victim.canary), dryRun: false });
  return variables;
}

const known = (): string[] => Object.values(victim.own);

function leaks(answer: string, asked: string): string[] {
  return [...known(), victim.tenantId, victim.canary].filter(
    secret => secret !== asked && answer.includes(secret),
  );
}

/**
 * All that the attacker may try. What they get to know of the victim, and what they change, must be
 * nothing.
 */
function provesThatNothingGives(): void {
  test("another tenant's object is unknown to every mutation, and stays unchanged", async () => {
    const before = await rowsOf(victim.tenantId);
    const problems: string[] = [];
    for (const slot of idSlots()) {
      for (const client of attacker.clients) {
        // Reference: what the same caller hears of nothing, or for an id of their choice, of one
        // that is taken.
        const reference = CHOSEN_IDS.has(nameOf(slot)) ? attacker.own.User! : v4();
        const expected = (await ask(client, slot, naming(slot, reference))).replaceAll(
          reference,
          '<id>',
        );
        for (const id of CHOSEN_IDS.has(nameOf(slot)) ? [victim.own.User!] : known()) {
          const answer = await ask(client, slot, naming(slot, id));
          problems.push(...leaks(answer, id).map(secret => `${nameOf(slot)} shows ${secret}`));
          if (answer.replaceAll(id, '<id>') !== expected)
            problems.push(
              `${nameOf(slot)} tells ${id} from an unknown id:\n${answer}\n${expected}`,
            );
        }
      }
    }
    expect(problems).toEqual([]);
    expect(await rowsOf(victim.tenantId)).toEqual(before);
  });

  test("another tenant's idempotency key is a new key", async () => {
    const keyed = mutations().filter(field =>
      slotsOf('mutation', schema.getMutationType()).some(
        slot => slot.field === field && slot.path.at(-1) === 'idempotencyKey',
      ),
    );
    expect(keyed.length).toBeGreaterThan(0);
    const problems: string[] = [];
    const shared = v4();
    for (const field of keyed) {
      const inputs = [victim, attacker].map(async ({ tenantId, own }) => {
        // An upload is ingested once.
        const bot = new BotWorld(new TenantWorld(gateway.world, tenantId), own.Bot!);
        const Upload = await bot.receivedUpload();
        const variables = validArguments(field, { ...own, Upload }) as { input: object };
        return { input: { ...variables.input, idempotencyKey: shared } };
      });
      const [theirs, mine] = await Promise.all(inputs);
      const [, theirOwner] = victim.clients;
      const [, myOwner] = attacker.clients;
      const first = await ask(theirOwner!, { root: 'mutation', field }, theirs!);
      const ids = first.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? [];
      const answer = await ask(myOwner!, { root: 'mutation', field }, mine!);
      for (const secret of [...ids, victim.canary])
        if (answer.includes(secret))
          problems.push(`${field.name} gives ${secret} to another tenant`);
      if (answer.includes('CONFLICT'))
        problems.push(`${field.name} tells that the key is taken: ${answer}`);
    }
    expect(problems).toEqual([]);
  });
}

/** Removes the wall inside the gateway: it takes every caller for one who may see all tenants. */
function withoutTheGatewaysFilter(): void {
  beforeEach(
    () => void vi.spyOn(OperationReads.prototype, 'tenantId', 'get').mockReturnValue(undefined),
  );
  afterEach(() => void vi.restoreAllMocks());
}

/** Removes the wall inside PostgreSQL. */
function withoutRowLevelSecurity(): void {
  const alter = async (how: 'enable' | 'disable'): Promise<void> => {
    for (const table of ['tenants', ...tenantTables])
      await gateway.db.asSuperuser(`alter table ${table} ${how} row level security`);
  };
  beforeAll(() => alter('disable'));
  afterAll(() => alter('enable'));
}

describe('the attacker', () => {
  test('can do with their own objects what they try with others', async () => {
    const refused: string[] = [];
    for (const field of mutations()) {
      const spare = await settle(`spare-${field.name}`.toLowerCase());
      const answers = await Promise.all(
        spare.clients.map(client =>
          ask(client, { root: 'mutation', field }, validArguments(field, spare.own)),
        ),
      );
      const forOperators = answers.every(answer => answer.includes('is only for the operator'));
      if (!forOperators && answers.every(answer => answer.includes('"errors"')))
        refused.push(`${field.name}: ${answers.join('\n')}`);
    }
    expect(refused).toEqual([]);
  });

  test('reaches the places where ids stand', () => {
    expect(idSlots().map(nameOf)).toEqual(
      expect.arrayContaining([
        'updateBot(input.id)',
        'deleteBot(input.id)',
        'createBot(input.tenantId)',
      ]),
    );
  });
});

describe('two walls', () => {
  provesThatNothingGives();
});

describe('row-level security alone', () => {
  withoutTheGatewaysFilter();
  provesThatNothingGives();
});

describe("the gateway's filter alone", () => {
  withoutRowLevelSecurity();
  provesThatNothingGives();
});

describe('no wall at all', () => {
  withoutTheGatewaysFilter();
  withoutRowLevelSecurity();

  test('lets the attacker change rows of others, so that the tests above can fail', async () => {
    const before = await rowsOf(victim.tenantId);
    const slot = idSlots().find(candidate => nameOf(candidate) === 'updateBot(input.id)')!;
    const variables = naming(slot, victim.own.Bot!) as { input: object };
    const answer = await ask(attacker.clients[0]!, slot, {
      input: { ...variables.input, name: 'Taken' },
    });
    expect(leaks(answer, victim.own.Bot!)).toContain(victim.tenantId);
    expect(await rowsOf(victim.tenantId)).not.toEqual(before);
  });
});
