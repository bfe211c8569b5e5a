import { execFileSync } from 'node:child_process';
import {
  buildClientSchema,
  getIntrospectionQuery,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  type GraphQLSchema,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { argumentsWith, operation, slotsOf, type Slot } from '../../support/argument-slots.js';
import { Client, type Answer } from '../../support/client.js';
import {
  Commands,
  freshDatabase,
  weaver,
  type FreshDatabase,
  type Running,
} from '../../support/command.js';
import { OPERATOR_TOKEN } from '../../support/config.js';
import { EDGE_VALUES, edgeLists } from '../../support/edge-values.js';

// A gateway of its own, in a process of its own, whose life and memory can be watched.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

/** Change it to look elsewhere; a failure names what was sent. */
const SEED = Number(process.env.WEAVER_FUZZ_SEED ?? 20_261_124);
const INPUTS = 2_400;
const AT_ONCE = 4;
const SLOWEST_MS = 2_000;
const MEMORY_GROWTH_MB = 400;

/** What no answer may hold: traces of the program or of a statement. */
const INTERNALS = new RegExp(
  [
    /\bat \S+ \(?(?:file|node):/,
    /node_modules/,
    /\.[jt]s:\d+/,
    /\bselect .+ from \b/,
    /\binsert into\b/,
    /\bupdate \S+ set\b/,
    /syntax error at or near/,
    /relation "/,
    /violates (?:foreign|check|unique|not-null)/,
    /SQLSTATE|PostgresError|DriverException/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'i',
);

interface Input {
  readonly slot: Slot;
  readonly value: unknown;
}

let commands: Commands;
let fresh: FreshDatabase;
let gateway: Running;
let clients: { readonly name: string; readonly client: Client }[];
let schema: GraphQLSchema;
let own: Record<string, string>;

beforeAll(async () => {
  commands = new Commands();
  fresh = await freshDatabase({ migrated: true });
  await weaver(fresh.env, ['demo']);
  const { out: key } = await weaver(fresh.env, [
    'key',
    'create',
    '--tenant',
    'Harbor Outdoor',
    '--name',
    'Fuzz',
    '--scopes',
    'read,write,search,ask,admin',
    '--rate-limit',
    '1000000',
  ]);
  gateway = commands.weaver(
    { ...fresh.env, PORT: '0', LOG_LEVEL: 'warn', WEAVER_OPERATOR_TOKEN: OPERATOR_TOKEN },
    'serve',
  );
  await gateway.until('Weaver is ready.');
  const url = /GraphQL +(\S+)\/graphql/.exec(gateway.out)![1]!;
  clients = [
    { name: 'a key', client: new Client(url, key.trim()) },
    { name: 'the operator', client: new Client(url, OPERATOR_TOKEN) },
    { name: 'nobody', client: new Client(url) },
  ];
  const operator = clients[1]!.client;
  schema = buildClientSchema((await operator.query(getIntrospectionQuery())).data);
  const { tenants } = await operator.data(`{ tenants(filter: { name: { eq: "Harbor Outdoor" } })
      { nodes { id users(first: 1) { nodes { id } }
        apiKeys(first: 1, filter: { revoked: { eq: true } }) { nodes { id } }
    bots(first: 1) { nodes { id documents(first: 1, filter: { status: { eq: COMPLETED } })
      { nodes { id chunks(first: 1) { nodes { id } } } } } } } } }`);
  const [tenant] = tenants.nodes;
  const [bot] = tenant.bots.nodes;
  const [document] = bot.documents.nodes;
  own = {
    Tenant: tenant.id,
    User: tenant.users.nodes[0].id,
    ApiKey: tenant.apiKeys.nodes[0].id,
    Bot: bot.id,
    Document: document.id,
    DocumentChunk: document.chunks.nodes[0].id,
  };
});
afterAll(async () => {
  await commands.close();
  await fresh.close();
});

function edgesOf({ type }: Slot): readonly unknown[] {
  const named = getNamedType(type);
  const values = isEnumType(named)
    ? [
        ...named.getValues().map(value => value.name),
        named.getValues()[0]!.name.toLowerCase(),
        '',
        'NONSENSE',
        0,
        true,
        [],
        {},
        null,
      ]
    : isInputObjectType(named)
      ? [{}, { nonsense: 1 }, [], [{}], 'x', 0, null]
      : EDGE_VALUES[named.name];
  if (!values) throw new Error(`No values at the edge are known for the scalar ${named.name}.`);
  return isListType(getNullableType(type))
    ? [...values.slice(0, 8).flatMap(edgeLists), ...values]
    : values;
}

/** Numbers from 0 and below 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], next: () => number): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(next() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** Every slot gets its turn before any gets a second one. */
function chooseInputs(slots: readonly Slot[], next: () => number): Input[] {
  const rest = slots.map(slot => ({ slot, values: shuffled(edgesOf(slot), next) }));
  const inputs: Input[] = [];
  while (inputs.length < INPUTS && rest.some(({ values }) => values.length > 0)) {
    for (const { slot, values } of shuffled(rest, next))
      if (values.length > 0) inputs.push({ slot, value: values.pop() });
  }
  return inputs.slice(0, Math.max(INPUTS, slots.length));
}

const memoryMb = (): number =>
  Number(
    execFileSync('ps', ['-o', 'rss=', '-p', String(gateway.child.pid)], { encoding: 'utf8' }),
  ) / 1_024;

async function timed(
  client: Client,
  query: string,
  variables: Record<string, unknown>,
): Promise<{ answer: Answer; ms: number }> {
  const startedAt = performance.now();
  const answer = await client.query(query, variables);
  return { answer, ms: performance.now() - startedAt };
}

/** What is wrong with the answer to an input; undefined where nothing is. */
async function problemWith(
  { slot, value }: Input,
  { name, client }: (typeof clients)[number],
): Promise<string | undefined> {
  const variables = argumentsWith(slot, value, own);
  const query = operation(slot, variables);
  let { answer, ms } = await timed(client, query, variables);
  // The machine may have been busy with something else: what is slow by itself is slow again.
  if (ms > SLOWEST_MS) ({ answer, ms } = await timed(client, query, variables));
  const text = JSON.stringify([answer.data === undefined ? null : undefined, answer.errors]);
  const wrong = [
    answer.status >= 500 && `status ${answer.status}`,
    answer.errors?.some(
      error => !error.extensions?.code || error.extensions.code === 'INTERNAL_SERVER_ERROR',
    ) && 'an error of our own',
    INTERNALS.test(text) && 'it shows internals',
    ms > SLOWEST_MS && `it takes ${Math.round(ms)} ms`,
  ].filter(Boolean);
  if (wrong.length === 0) return undefined;
  return (
    `${slot.root} ${slot.field.name}(${slot.path.join('.')}: ` +
    `${JSON.stringify(value)?.slice(0, 80)}) by ${name}: ${wrong.join(', ')}: ` +
    `${text.slice(0, 400)}`
  );
}

describe('values at the edge of every scalar, in every argument', () => {
  test('are answered or refused in time, and the gateway lives on in bounded memory', async () => {
    const slots = [
      ...slotsOf('query', schema.getQueryType()),
      ...slotsOf('mutation', schema.getMutationType()),
    ];
    const next = random(SEED);
    const inputs = chooseInputs(slots, next);
    expect(inputs.length).toBeGreaterThanOrEqual(2_000);
    expect(new Set(inputs.map(({ slot }) => slot)).size).toBe(slots.length);

    const before = memoryMb();
    const problems: string[] = [];
    for (let start = 0; start < inputs.length; start += AT_ONCE) {
      // Mostly the key, whose values get furthest.
      const found = await Promise.all(
        inputs
          .slice(start, start + AT_ONCE)
          .map((input, place) => problemWith(input, clients[next() < 0.75 ? 0 : 1 + (place % 2)]!)),
      );
      problems.push(...found.filter(problem => problem !== undefined));
    }
    expect(problems).toEqual([]);
    expect(gateway.child.exitCode, 'the process is alive').toBeNull();
    expect(memoryMb() - before).toBeLessThan(MEMORY_GROWTH_MB);
    expect(gateway.out + gateway.err).not.toContain('Unexpected error');
  });

  test('are refused by name outside of the type: the fuzzer would notice otherwise', async () => {
    const [{ client }] = clients as [(typeof clients)[number]];
    const { errors } = await client.query(
      'query ($first: Int) { bots(first: $first) { totalCount } }',
      { first: 101 },
    );
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'first' });
  });
});
