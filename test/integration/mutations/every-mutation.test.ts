import { createHash } from 'node:crypto';
import {
  getNamedType,
  isInputObjectType,
  isNonNullType,
  type GraphQLField,
  type GraphQLInputObjectType,
  getNullableType,
  isListType,
} from 'graphql';
import { v4 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DISTINGUISHES_NULL } from '../../../src/graphql/distinguishes-null.js';
import { buildGatewaySchema } from '../../../src/schema.js';
import type { Answer, Client } from '../../support/client.js';
import { validArguments, type OwnIds } from '../../support/valid-arguments.js';
import { TenantWorld } from '../../support/world.js';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';

/**
 * What the mutations have in common, tried on each of them: whoever adds one gets these tests with
 * it.
 */

type Input = Record<string, unknown>;
const NAME = 'Its name';
const fields: readonly GraphQLField<unknown, unknown>[] = Object.values(
  buildGatewaySchema().getMutationType()!.getFields(),
);
const partsOf = (field: GraphQLField<unknown, unknown>) =>
  Object.keys((getNamedType(field.args[0]!.type) as GraphQLInputObjectType).getFields());
const having = (part: string): [string, GraphQLField<unknown, unknown>][] =>
  fields.filter(field => partsOf(field).includes(part)).map(field => [field.name, field]);

const TABLE_OF: Readonly<Record<string, string>> = {
  Tenant: 'tenants',
  User: 'profiles',
  ApiKey: 'api_keys',
  Bot: 'bots',
  Document: 'docs',
  Upload: 'uploads',
  Ingestion: 'ingestions',
};

let world: WriteWorld;
let operator: Client;

beforeAll(async () => {
  world = await startWriteWorld();
  operator = world.gateway.operator;
});
afterAll(() => world.gateway.close());

/** A new tenant with an object of each type, all called alike. */
async function settle(): Promise<OwnIds> {
  const tenant = await world.gateway.world.tenant({ name: NAME });
  const bot = await tenant.bot({ name: NAME });
  const document = await bot.document();
  const [chunk] = await document.texts(1);
  return {
    Tenant: tenant.id,
    User: await tenant.user({ email: NAME }),
    ApiKey: (await tenant.key()).id,
    Bot: bot.id,
    Document: document.id,
    DocumentChunk: chunk!,
    BotQuery: await bot.query(),
    Upload: await bot.receivedUpload(),
    Ingestion: await document.ingestion(),
  };
}

/** What the operator must say to have it done. */
function inputOf(field: GraphQLField<unknown, unknown>, own: OwnIds): Input {
  const { input } = validArguments(field, own) as { input: Input };
  const parts = partsOf(field);
  const target = parts.includes('id') &&
    !field.name.startsWith('create') && { id: own[nounOf(field.name)] };
  return {
    ...input,
    ...target,
    ...(parts.includes('tenantId') && { tenantId: own.Tenant }),
    ...(parts.includes('dryRun') && { dryRun: false }),
  };
}

const nounOf = (mutation: string): string =>
  mutation.replace(/^[a-z]+/, '').replace(/^Chunks$/, 'DocumentChunk');

const call = (field: GraphQLField<unknown, unknown>, input: Input): Promise<Answer> =>
  world.run(field.name, input, '__typename', operator);

describe('what the operator does', () => {
  test.each(fields.map(field => [field.name, field] as const))(
    'by %s is in the audit log of the tenant, once',
    async (name, field) => {
      const own = await settle();
      expect((await call(field, inputOf(field, own))).errors).toBeUndefined();
      // A tenant that is made is another one.
      const [column, value] =
        name === 'createTenant' ? ['action', name] : ['tenant_id', own.Tenant];
      const events = await world.rows(
        `select action, target_type from audit_log where ${column} = ?`,
        [value],
      );
      expect(events).toEqual([{ action: name, target_type: nounOf(name) }]);
    },
  );

  test('to a tenant that is gone is still there to read', async () => {
    const own = await settle();
    const owner = await world.gateway.user(
      new TenantWorld(world.gateway.world, own.Tenant!),
      'owner',
    );
    expect(
      (await world.run('deleteTenant', { id: own.Tenant, confirm: NAME }, 'deletedId', operator))
        .errors,
    ).toBeUndefined();
    const LOG =
      'query ($id: ID!) { auditLog(filter: { tenantId: { eq: $id } }) { nodes { action ' +
      'actorKind targetId details } } }';
    expect(await operator.data(LOG, { id: own.Tenant })).toEqual({
      auditLog: {
        nodes: [
          {
            action: 'deleteTenant',
            actorKind: 'OPERATOR',
            targetId: own.Tenant,
            details: { id: own.Tenant, name: NAME },
          },
        ],
      },
    });
    expect((await owner.query(LOG, { id: own.Tenant })).status).toBe(401);
  });
});

/** What decides who may do what in a tenant. */
const OF_KEYS_AND_USERS = [
  'createApiKey',
  'createUser',
  'deleteUser',
  'revokeApiKey',
  'rotateApiKey',
  'updateUser',
];

describe('what an owner does', () => {
  test.each(
    fields
      .filter(field => !['createTenant', 'deleteTenant'].includes(field.name))
      .map(field => [field.name, field] as const),
  )('by %s is in the audit log if it is of keys or users', async (name, field) => {
    const own = await settle();
    const owner = await world.gateway.user(
      new TenantWorld(world.gateway.world, own.Tenant!),
      'owner',
    );
    const input = inputOf(field, own);
    if (name === 'updateTenant') delete input.planTier;
    expect((await world.run(name, input, '__typename', owner)).errors).toBeUndefined();
    expect(
      await world.rows(
        'select action, actor_kind, actor_id, target_type from audit_log where tenant_id = ?',
        [own.Tenant],
      ),
    ).toEqual(
      OF_KEYS_AND_USERS.includes(name)
        ? [{ action: name, actor_kind: 'user', actor_id: owner.id, target_type: nounOf(name) }]
        : [],
    );
  });
});

describe('what the operator changes without a change', () => {
  test.each([
    ['updateUser', 'User'],
    ['revokeApiKey', 'ApiKey'],
  ])('by %s is recorded too, as all that the operator does', async (name, type) => {
    const own = await settle();
    const id = own[type];
    if (name === 'revokeApiKey')
      await world.rows('update api_keys set revoked = true where id = ?', [id]);
    expect((await world.run(name, { id }, '__typename', operator)).errors).toBeUndefined();
    expect(
      await world.rows('select action, target_id, details from audit_log where tenant_id = ?', [
        own.Tenant,
      ]),
    ).toEqual([{ action: name, target_id: id, details: { id } }]);
  });
});

describe('the tenant that the operator means', () => {
  test.each(having('tenantId'))('must be named to %s, and be there', async (name, field) => {
    const { tenantId: _, ...input } = inputOf(field, await settle());
    await world.refused(name, input, { code: 'BAD_USER_INPUT', field: 'input.tenantId' }, operator);
    await world.refused(
      name,
      { ...input, tenantId: v4() },
      { code: 'NOT_FOUND', field: 'input.tenantId' },
      operator,
    );
  });
});

describe('a dry run', () => {
  test.each(having('dryRun'))(
    'of %s changes nothing and is not recorded, whatever else is said',
    async (_, field) => {
      const own = await settle();
      for (const confirm of [undefined, NAME]) {
        const before = await world.state();
        expect(
          (await call(field, { ...inputOf(field, own), dryRun: true, confirm })).errors,
        ).toBeUndefined();
        expect(await world.state()).toEqual(before);
      }
    },
  );
});

describe('a deletion', () => {
  test.each(having('confirm'))('%s wants the name of what goes', async (name, field) => {
    const own = await settle();
    for (const confirm of [undefined, null, 'its name'])
      await world.refused(
        name,
        { ...inputOf(field, own), confirm },
        { code: 'BAD_USER_INPUT', field: 'input.confirm' },
        operator,
      );
  });
});

describe('updatedAt', () => {
  test.each(having('updatedAt'))(
    'of %s must be what it is, to the microsecond',
    async (name, field) => {
      const input = inputOf(field, await settle());
      const text = (moment: string) =>
        `to_char((${moment}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
      const [row] = await world.rows<{ now: string; before: string }>(
        `select ${text('updated_at')} as now, ` +
          `${text(`updated_at - interval '1 microsecond'`)} as before ` +
          `from ${TABLE_OF[nounOf(name)]!} where id = ?`,
        [input.id],
      );
      await world.refused(
        name,
        { ...input, updatedAt: row!.before },
        { code: 'CONFLICT', field: 'input.updatedAt' },
        operator,
      );
      expect((await call(field, { ...input, updatedAt: row!.now })).errors).toBeUndefined();
    },
  );
});

describe('an idempotency key', () => {
  test.each(having('idempotencyKey'))(
    'of %s gives the first answer again, and is recorded once',
    async (name, field) => {
      const own = await settle();
      const input = { ...inputOf(field, own), idempotencyKey: v4() };
      expect((await call(field, input)).errors).toBeUndefined();
      const before = await world.state();
      expect((await call(field, input)).errors).toBeUndefined();
      expect(await world.state()).toEqual(before);
      await world.refused(
        name,
        { ...input, ...other(field, input) },
        { code: 'CONFLICT', field: 'input.idempotencyKey' },
        operator,
      );
    },
  );

  test.each(having('idempotencyKey'))(
    'of %s takes a null for what is left out, unless the null matters',
    async (_, field) => {
      const type = getNamedType(field.args[0]!.type) as GraphQLInputObjectType;
      const nulls = async () => withNulls(type, inputOf(field, await settle()));
      const { length } = await nulls();
      for (let nth = 0; nth < length; nth += 1) {
        // Of its own objects: some may be used once.
        const { said, without, matters } = (await nulls())[nth]!;
        const idempotencyKey = v4();
        expect(
          (await call(field, { ...without, ...renamed(field, idempotencyKey), idempotencyKey }))
            .errors,
        ).toBeUndefined();
        const before = await world.state();
        const { errors } = await call(field, {
          ...said,
          ...renamed(field, idempotencyKey),
          idempotencyKey,
        });
        expect(
          errors?.map(({ extensions }) => extensions.code),
          JSON.stringify(said),
        ).toEqual(matters ? ['CONFLICT'] : undefined);
        expect(await world.state()).toEqual(before);
      }
    },
  );

  test('takes any order of members for the same, and nulls for values', async () => {
    const idempotencyKey = v4();
    const config = { a: { x: 1, y: -0 }, n: null };
    const input = { tenantId: (await settle()).Tenant, name: 'Ordered', idempotencyKey };
    const { bot } = await world.done('createBot', { ...input, config }, 'bot { id }', operator);
    expect(
      (
        await world.done(
          'createBot',
          { config: { n: null, a: { y: 0.0, x: 1.0 } }, ...input },
          'bot { id }',
          operator,
        )
      ).bot,
    ).toEqual(bot);
    await world.refused(
      'createBot',
      { ...input, config: { a: config.a } },
      { code: 'CONFLICT', field: 'input.idempotencyKey' },
      operator,
    );
  });

  test('is kept with a digest of the input without nulls, but for one that matters', async () => {
    const own = await settle();
    const documentId = own.Document;
    const idempotencyKey = v4();
    const chunks = [{ text: 'A', pageNum: null, embedding: null, metadata: { a: null } }];
    await world.done('addChunks', { documentId, chunks, idempotencyKey }, '__typename', operator);
    const chunk = '{"embedding":null,"metadata":{"a":null},"text":"A"}';
    const said = `{"chunks":[${chunk}],"documentId":"${documentId}"}`;
    expect(
      await world.rows('select mutation, input_digest from idempotency_keys where key = ?', [
        idempotencyKey,
      ]),
    ).toEqual([
      { mutation: 'addChunks', input_digest: createHash('sha256').update(said).digest('hex') },
    ]);
  });

  test('is another one for another mutation', async () => {
    const own = await settle();
    const idempotencyKey = v4();
    for (const [, field] of having('idempotencyKey'))
      expect(
        (await call(field, { ...inputOf(field, own), idempotencyKey })).errors,
      ).toBeUndefined();
  });
});

/**
 * An input with null in one place, for each place that may be null and is not needed, and the same
 * input without it.
 */
function withNulls(
  type: GraphQLInputObjectType,
  input: Input,
): { said: Input; without: Input; matters: boolean }[] {
  return Object.values(type.getFields()).flatMap(field => {
    const { [field.name]: given, ...without } = input;
    const inner = getNamedType(field.type);
    if (isInputObjectType(inner))
      return withNulls(inner, (given as Input[])[0]!).map(({ said, without: rest, matters }) => ({
        said: { ...input, [field.name]: [said] },
        without: { ...input, [field.name]: [rest] },
        matters,
      }));
    if (isNonNullType(field.type) || field.name === 'idempotencyKey' || given !== undefined)
      return [];
    return [
      {
        said: { ...input, [field.name]: null },
        without,
        matters: field.extensions[DISTINGUISHES_NULL] === true,
      },
    ];
  });
}

/** What must be unique, anew for each key. */
function renamed(field: GraphQLField<unknown, unknown>, key: string): Input {
  return partsOf(field).includes('email') ? { email: `${key}@example.com` } : {};
}

/** A part of the input that says something else. */
function other(field: GraphQLField<unknown, unknown>, input: Input): Input {
  const part = ['name', 'filename', 'email', 'query', 'overlapSeconds', 'chunks', 'metadata'].find(
    name => partsOf(field).includes(name),
  )!;
  return {
    [part]:
      part === 'overlapSeconds'
        ? 5
        : part === 'chunks'
          ? [{ text: 'Other' }]
          : part === 'metadata'
            ? { other: true }
            : part === 'email'
              ? 'other@example.com'
              : `${String(input[part])} other`,
  };
}

/** Parts that hold texts of several lines, and what is only compared. */
const NOT_ONE_LINE = ['text', 'answer', 'query', 'errorMessage', 'confirm'];
const lines = fields.flatMap(field => {
  const parts = Object.values(
    (getNamedType(field.args[0]!.type) as GraphQLInputObjectType).getFields(),
  );
  return parts
    .filter(part => getNamedType(part.type).name === 'String' && !NOT_ONE_LINE.includes(part.name))
    .map(part => [field.name, part.name, field] as const);
});

const partType = (field: (typeof fields)[number], part: string) =>
  (getNamedType(field.args[0]!.type) as GraphQLInputObjectType).getFields()[part]!.type;

describe('a text of one line', () => {
  test('is a part of most mutations', () => {
    expect(new Set(lines.map(([, part]) => part)).size).toBeGreaterThan(5);
  });

  test.each(lines)('in %s, %s, may hold no control character', async (name, part, field) => {
    const input = inputOf(field, await settle());
    for (const character of ['\x1b', '\n', '\x9b', '\u202e', '\u2028']) {
      const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
      const text = `a${character}[31m@b.example`;
      const isList = isListType(getNullableType(partType(field, part)));
      // A document is of a text or of a place.
      const others = part === 'sourceUri' ? { ...input, text: undefined } : input;
      const path = isList ? `input.${part}[0]` : `input.${part}`;
      const message = `${path} contains the control character U+${code}. Remove it.`;
      await world.refused(
        name,
        { ...others, [part]: isList ? [text] : text },
        { code: 'BAD_USER_INPUT', field: path, message },
        operator,
      );
    }
  });
});
