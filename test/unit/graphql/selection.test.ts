import { executeSync, parse, type GraphQLResolveInfo } from 'graphql';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ReadModels } from '../../../src/db/read-model.js';
import {
  connectionSelectionOf,
  rowSelectionOf,
  selectionOf,
} from '../../../src/graphql/selection.js';
import { buildGatewaySchema } from '../../../src/schema.js';
import { readModels } from '../../support/models.js';

const schema = buildGatewaySchema();
let models: ReadModels;

beforeAll(async () => {
  models = await readModels();
});

/** What a resolver of `Query.<field>` is told of its place in an operation. */
function infoOf(
  field: 'bot' | 'bots' | 'nodes',
  operation: string,
  variableValues: Record<string, unknown> = {},
): GraphQLResolveInfo {
  const definition = schema.getQueryType()!.getFields()[field]!;
  let info: GraphQLResolveInfo | undefined;
  const original = definition.resolve;
  definition.resolve = (_root, _args, _context, given) => {
    info = given;
    return null;
  };
  try {
    executeSync({ schema, document: parse(operation), variableValues });
  } finally {
    definition.resolve = original;
  }
  if (!info) throw new Error(`${field} was not asked.`);
  return info;
}

const ID = '"0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10"';
const properties = (operation: string, variables?: Record<string, unknown>) =>
  [...rowSelectionOf(infoOf('bot', operation, variables), models).properties].sort();

describe('the selection of a row', () => {
  test('is id and tenant where nothing else is needed', () => {
    expect(properties(`{ bot(id: ${ID}) { id __typename } }`)).toEqual(['id', 'tenantId']);
    expect(
      properties(
        `{ bot(id: ${ID}) { tenant { id name } documents { nodes { filename } } stats { ` +
          'documents } } }',
      ),
    ).toEqual(['id', 'tenantId']);
  });

  test('has what was selected, under any alias and in any fragment', () => {
    expect(
      properties(
        `{ bot(id: ${ID}) { label: name ... { config } ... on Bot { createdAt } ... on ` +
          'Node { ... on Bot { updatedAt } } ...F } } fragment F on Bot { id }',
      ),
    ).toEqual(['config', 'createdAt', 'id', 'name', 'tenantId', 'updatedAt']);
    expect(
      properties(
        `{ bot(id: ${ID}) { ...F } } fragment F on Bot { ...G } fragment G on Bot { name }`,
      ),
    ).toEqual(['id', 'name', 'tenantId']);
  });

  test('merges what several selections of the same field ask', () => {
    expect(properties(`{ bot(id: ${ID}) { name } bot(id: ${ID}) { config } }`)).toEqual([
      'config',
      'id',
      'name',
      'tenantId',
    ]);
  });

  test('leaves out fragments on other types', () => {
    const info = infoOf(
      'nodes',
      `{ nodes(ids: [${ID}]) { id ... on Bot { name } ... on Document { filename bot { ` +
        'id } } ... on Tenant { planTier } } }',
    );
    expect([...rowSelectionOf(info, models, 'Bot').properties].sort()).toEqual([
      'id',
      'name',
      'tenantId',
    ]);
    expect([...rowSelectionOf(info, models, 'Document').properties].sort()).toEqual([
      'botId',
      'filename',
      'id',
      'tenantId',
    ]);
    expect([...rowSelectionOf(info, models, 'User').properties].sort()).toEqual(['id', 'tenantId']);
  });

  test('honours @skip and @include on fields and fragments, with variables and defaults', () => {
    const operation = `query ($yes: Boolean! = true, $no: Boolean!) { bot(id: ${ID}) {
      id
      name @include(if: $no)
      config @skip(if: $yes)
      ...F @include(if: $no)
      ... @skip(if: $yes) { updatedAt }
      ...F @include(if: $yes) @skip(if: $yes)
    } } fragment F on Bot { createdAt }`;
    expect(properties(operation, { no: false })).toEqual(['id', 'tenantId']);
    expect(properties(operation, { no: true, yes: false })).toEqual([
      'config',
      'createdAt',
      'id',
      'name',
      'tenantId',
      'updatedAt',
    ]);
  });

  test('reads a fragment that was left out once and then is asked', () => {
    expect(
      properties(`{ bot(id: ${ID}) { ...F @skip(if: true) ...F } } fragment F on Bot { name }`),
    ).toEqual(['id', 'name', 'tenantId']);
  });

  test('keeps every node of a field that is asked more than once', () => {
    const info = infoOf(
      'bot',
      `{ bot(id: ${ID}) { a: documents { totalCount } b: documents { nodes { id } } } }`,
    );
    expect(selectionOf(info, schema.getType('Bot') as never).get('documents')).toHaveLength(2);
  });
});

describe('the selection of a connection', () => {
  const of = (selection: string) =>
    connectionSelectionOf(
      infoOf(
        'bots',
        `{ bots { ${selection} } } fragment E on BotEdge { cursor } fragment N on Bot { ` +
          'name } fragment L on Bot { documents { totalCount } }',
      ),
      models,
    );

  test('of totalCount alone has no rows', () => {
    expect(of('totalCount')).toMatchObject({ rows: false, cursors: false, totalCount: true });
    expect(of('__typename')).toMatchObject({ rows: false, cursors: false, totalCount: false });
  });

  test('has rows for nodes, edges and pageInfo, and cursors only where they show', () => {
    expect(of('nodes { id }')).toMatchObject({ rows: true, cursors: false, totalCount: false });
    expect(of('edges { node { id } }')).toMatchObject({ rows: true, cursors: false });
    expect(of('edges { ...E }')).toMatchObject({ rows: true, cursors: true });
    expect(of('pageInfo { hasNextPage }')).toMatchObject({ rows: true, cursors: true });
  });

  test('has the tenant of its rows where something leads on from them', () => {
    expect([...of('nodes { id name }').properties]).toEqual(['id', 'name']);
    for (const further of [
      'tenant { id }',
      'documents { totalCount }',
      '...L',
      '... on Bot { stats { documents } }',
    ]) {
      expect([...of(`nodes { name } edges { node { ${further} } } `).properties].sort()).toEqual([
        'id',
        'name',
        'tenantId',
      ]);
    }
  });

  test('merges what nodes and edges ask of a row', () => {
    const { properties: merged } = of(
      'nodes { config } a: edges { node { ...N } } b: edges { node { createdAt } }',
    );
    expect([...merged].sort()).toEqual(['config', 'createdAt', 'id', 'name']);
  });
});
