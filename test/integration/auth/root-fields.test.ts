import { buildClientSchema, getIntrospectionQuery, type GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { validArguments, type OwnIds } from '../../support/valid-arguments.js';

/**
 * Keys with one scope, a key with all of them, users by role, the operator. To nobody every field
 * is closed.
 */
const CALLERS = [
  'read',
  'write',
  'search',
  'ask',
  'admin',
  'vectors',
  'all',
  'member',
  'administrator',
  'owner',
  'operator',
] as const;

/**
 * Whom each root field is open to (+): keys by scope, users by role, the operator. A change of this
 * table is a change of who may do what.
 */
const TABLE = `
                            read write search ask admin vectors all member admin owner operator
Query.viewer                +    +     +      +   +     +       +   +      +     +     +
Query.node                  +    -     -      -   -     -       +   +      +     +     +
Query.nodes                 +    -     -      -   -     -       +   +      +     +     +
Query.tenant                +    -     -      -   -     -       +   +      +     +     +
Query.tenants               +    -     -      -   -     -       +   +      +     +     +
Query.bot                   +    -     -      -   -     -       +   +      +     +     +
Query.bots                  +    -     -      -   -     -       +   +      +     +     +
Query.document              +    -     -      -   -     -       +   +      +     +     +
Query.documents             +    -     -      -   -     -       +   +      +     +     +
Query.ingestion             +    -     -      -   -     -       +   +      +     +     +
Query.upload                +    -     -      -   -     -       +   +      +     +     +
Query.chunk                 +    -     -      -   -     -       +   +      +     +     +
Query.botQueries            +    -     -      -   -     -       +   +      +     +     +
Query.searchChunks          -    -     +      -   -     -       +   +      +     +     +
Query.explainChunk          -    -     +      -   -     -       +   +      +     +     +
Query.auditLog              -    -     -      -   -     -       -   -      -     +     +
Mutation.recordBotQuery     -    -     -      +   -     -       +   +      +     +     +
Mutation.createBot          -    +     -      -   -     -       +   -      +     +     +
Mutation.updateBot          -    +     -      -   -     -       +   -      +     +     +
Mutation.deleteBot          -    +     -      -   -     -       +   -      +     +     +
Mutation.createDocument     -    +     -      -   -     -       +   -      +     +     +
Mutation.updateDocument     -    +     -      -   -     -       +   -      +     +     +
Mutation.reprocessDocument  -    +     -      -   -     -       +   -      +     +     +
Mutation.deleteDocument     -    +     -      -   -     -       +   -      +     +     +
Mutation.ingestUpload       -    +     -      -   -     -       +   -      +     +     +
Mutation.retryIngestion     -    +     -      -   -     -       +   -      +     +     +
Mutation.cancelIngestion    -    +     -      -   -     -       +   -      +     +     +
Mutation.createUpload       -    +     -      -   -     -       +   -      +     +     +
Mutation.deleteUpload       -    +     -      -   -     -       +   -      +     +     +
Mutation.addChunks          -    +     -      -   -     -       +   -      +     +     +
Mutation.deleteChunks       -    +     -      -   -     -       +   -      +     +     +
Mutation.createApiKey       -    -     -      -   +     -       +   -      +     +     +
Mutation.rotateApiKey       -    -     -      -   +     -       +   -      +     +     +
Mutation.revokeApiKey       -    -     -      -   +     -       +   -      +     +     +
Mutation.createUser         -    -     -      -   +     -       +   -      +     +     +
Mutation.updateUser         -    -     -      -   +     -       +   -      +     +     +
Mutation.deleteUser         -    -     -      -   +     -       +   -      +     +     +
Mutation.updateTenant       -    -     -      -   -     -       -   -      -     +     +
Mutation.createTenant       -    -     -      -   -     -       -   -      -     -     +
Mutation.deleteTenant       -    -     -      -   -     -       -   -      -     -     +`;
const OPEN_TO: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  TABLE.trim()
    .split('\n')
    .slice(1)
    .map(line => {
      const [field, ...marks] = line.split(/\s+/);
      return [field!, marks];
    }),
);

let gateway: TestGateway;
let schema: GraphQLSchema;
let own: OwnIds;
const clients = new Map<string, Client>();

beforeAll(async () => {
  gateway = await startTestGateway();
  const tenant = await gateway.world.tenant();
  const bot = await tenant.bot();
  const document = await bot.document();
  const [chunk] = await document.texts(1);
  const [spareKey, query, user] = [await tenant.key(), await bot.query(), await tenant.user()];
  own = {
    Tenant: tenant.id,
    User: user,
    ApiKey: spareKey.id,
    Bot: bot.id,
    Document: document.id,
    DocumentChunk: chunk!,
    BotQuery: query,
    Upload: await bot.upload(),
    Ingestion: await document.ingestion(),
  };
  const scopes = ['read', 'write', 'search', 'ask', 'admin', 'vectors'];
  for (const scope of scopes)
    clients.set(scope, gateway.client((await tenant.key({ scopes: [scope] })).secret));
  clients.set('all', gateway.client((await tenant.key({ scopes })).secret));
  for (const [caller, role] of [
    ['member', 'member'],
    ['administrator', 'admin'],
    ['owner', 'owner'],
  ] as const)
    clients.set(caller, await gateway.user(tenant, role));
  clients.set('operator', gateway.operator);
  schema = buildClientSchema((await gateway.operator.query(getIntrospectionQuery())).data);
});
afterAll(() => gateway.close());

/**
 * Calls a root field with arguments that would do, and selects nothing that has a rule of its own.
 */
function call(client: Client, coordinate: string) {
  const [type, name] = coordinate.split('.') as ['Query' | 'Mutation', string];
  const field =
    schema.getType(type) &&
    (type === 'Query' ? schema.getQueryType() : schema.getMutationType())!.getFields()[name]!;
  const variables = validArguments(field!, own);
  const given = field!.args.filter(argument => argument.name in variables);
  const definitions =
    given.length > 0
      ? `(${given.map(argument => `$${argument.name}: ${String(argument.type)}`).join()})`
      : '';
  const args =
    given.length > 0
      ? `(${given.map(argument => `${argument.name}: $${argument.name}`).join()})`
      : '';
  return client.query(
    `${type.toLowerCase()} Call${definitions} { ${name}${args} { __typename } }`,
    variables,
  );
}

/**
 * +: the field's rule let the caller through, whatever the field then made of it. -: it was refused
 * by its rule, and nothing ran.
 */
async function isOpen(caller: string, coordinate: string): Promise<string> {
  const { status, data, errors } = await call(clients.get(caller)!, coordinate);
  const [error] = errors ?? [];
  if (
    error?.extensions.code === 'FORBIDDEN' &&
    error.extensions.field === coordinate &&
    status === 403 &&
    data === undefined
  )
    return '-';
  // An error of the field itself has its path: the field was called.
  return error === undefined || error.path?.[0] === coordinate.split('.')[1]
    ? '+'
    : `${status} ${JSON.stringify(errors)}`;
}

describe('a root field', () => {
  test('of the schema stands in the table, each of them', () => {
    const fields = [schema.getQueryType()!, schema.getMutationType()!].flatMap(type =>
      Object.keys(type.getFields()).map(name => `${type.name}.${name}`),
    );
    expect(fields.sort()).toEqual(Object.keys(OPEN_TO).sort());
  });

  test.each(Object.entries(OPEN_TO))(
    '%s is open to whom the table says, and to nobody else',
    async (coordinate, expected) => {
      const found: string[] = [];
      for (const caller of CALLERS) found.push(await isOpen(caller, coordinate));
      expect(Object.fromEntries(CALLERS.map((caller, index) => [caller, found[index]]))).toEqual(
        Object.fromEntries(expected.map((open, index) => [CALLERS[index], open])),
      );
      expect(await call(gateway.client(), coordinate)).toMatchObject({
        status: 401,
        data: undefined,
        errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
      });
    },
  );
});
