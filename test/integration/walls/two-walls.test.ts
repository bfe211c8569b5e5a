import { buildClientSchema, getIntrospectionQuery } from 'graphql';
import { v4 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { OperationReads } from '../../../src/db/operation-reads.js';
import type { Client } from '../../support/client.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TenantWorld } from '../../support/world.js';
import { nameOf, SchemaWalk, type Slot } from './schema-walk.js';

/**
 * What a search must bring at least; other inputs that are required one day want a line of their
 * own.
 */
const SAMPLES = {
  ID: '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10',
  SearchChunksInput: { text: 'about the canary' },
};
const TABLES = [
  'tenants',
  'profiles',
  'bots',
  'docs',
  'doc_chunks',
  'doc_texts',
  'api_keys',
  'bot_queries',
  'audit_log',
  'uploads',
  'upload_parts',
  'ingestions',
  'ingestion_chunks',
];
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Texts that passages are cut from, and bytes: no field shows the ids of their rows. */
const TABLES_WITHOUT_IDS = new Set(['doc_texts', 'upload_parts', 'ingestion_chunks']);
/** Members that differ from one answer to the next although the question was the same. */
const VOLATILE = new Set(['requestId', 'tookMs', 'lastUsedAt']);

let gateway: TestGateway;
let walk: SchemaWalk;
let owner: Inhabitant;
let stranger: Inhabitant;

/** A tenant with a row in every table, whose texts all hold one word that stands nowhere else. */
interface Inhabitant {
  readonly tenant: TenantWorld;
  readonly canary: string;
  readonly client: Client;
  /** Every id of its rows, by table. */
  readonly ids: ReadonlyMap<string, readonly string[]>;
}

beforeAll(async () => {
  gateway = await startTestGateway();
  owner = await settle('zanzibarcanary');
  stranger = await settle('reykjavikcanary');
  const { data } = await gateway.operator.query(getIntrospectionQuery());
  walk = new SchemaWalk(buildClientSchema(data), SAMPLES);
});
afterAll(() => gateway.close());

async function settle(canary: string): Promise<Inhabitant> {
  const tenant = await gateway.world.tenant({ name: `Tenant ${canary}`, planTier: canary });
  await tenant.user({ email: `${canary}@example.com` });
  const key = await tenant.key({
    name: `Key ${canary}`,
    scopes: ['read', 'write', 'search', 'ask', 'admin'],
  });
  for (const bot of [
    await tenant.bot({ name: `Bot ${canary}`, config_json: JSON.stringify({ prompt: canary }) }),
    await tenant.bot({ name: `Other ${canary}` }),
  ]) {
    const document = await bot.document({
      filename: `${canary}.md`,
      gcs_path: `gs://${canary}`,
      error_message: canary,
      tags: `{${canary}}`,
      metadata: JSON.stringify({ canary }),
    });
    const embedding = Array.from({ length: 1536 }, (_, index) => Number(index % 2 === 0));
    const texts = [0, 1].map(chunkIndex => `About the ${canary} ${chunkIndex}`);
    const text = texts.join('\n\n');
    await document.text({
      text,
      chunks: texts.map((chunk, chunkIndex) => ({
        text: chunk,
        chunkIndex,
        headings: [canary],
        textStart: text.indexOf(chunk),
        textEnd: text.indexOf(chunk) + chunk.length,
        metadata: { canary },
        embedding,
      })),
    });
    const upload = await bot.upload({
      filename: `${canary}.pdf`,
      content_type: canary,
      metadata: JSON.stringify({ canary }),
    });
    await gateway.world.insert('upload_parts', {
      tenant_id: tenant.id,
      upload_id: upload,
      part_no: 0,
      bytes: canary,
    });
    const ingestion = await document.ingestion({
      filename: `${canary}.pdf`,
      metadata: JSON.stringify({ canary }),
      error_code: canary,
      error_message: canary,
      error_retryable: false,
      text: canary,
    });
    await gateway.world.insert('ingestion_chunks', {
      tenant_id: tenant.id,
      ingestion_id: ingestion,
      chunk_index: 0,
      text: canary,
      context: canary,
      text_start: 0,
      text_end: 4,
      input_sha256: '0'.repeat(64),
    });
    await bot.query({
      query: `${canary}?`,
      answer: `${canary}!`,
      api_key_id: key.id,
      sources: JSON.stringify([{ canary }]),
    });
  }
  await gateway.world.insert('audit_log', {
    tenant_id: tenant.id,
    actor_kind: 'operator',
    action: canary,
    target_type: canary,
    target_id: key.id,
    details: JSON.stringify({ canary }),
    request_id: canary,
  });
  const client = await gateway.user(tenant, 'owner');
  const ids = new Map<string, string[]>();
  for (const table of TABLES.filter(name => !TABLES_WITHOUT_IDS.has(name))) {
    const rows = await gateway.db.asSuperuser<{ id: string }>(
      `select id from ${table} where ${table === 'tenants' ? 'id' : 'tenant_id'} = ?`,
      [tenant.id],
    );
    ids.set(
      table,
      rows.map(row => row.id),
    );
  }
  return { tenant, canary, client, ids };
}

/** `work` on all items, a few at a time. */
async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += 8)
    results.push(...(await Promise.all(items.slice(start, start + 8).map(work))));
  return results;
}

const allIds = ({ ids }: Inhabitant): string[] => [...ids.values()].flat();

/** An answer as text: status and body, without what changes from one time to the next. */
async function ask(
  { client }: Inhabitant,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<string> {
  const { status, data, errors } = await client.query(query, variables);
  return JSON.stringify({ status, data, errors }, (key, value: unknown) =>
    VOLATILE.has(key) ? undefined : value,
  );
}

function askSlot(asker: Inhabitant, slot: Slot, value: unknown): Promise<string> {
  return ask(asker, walk.query(slot.place, 1, [slot.argument]), {
    [slot.argument.name]: walk.fill(slot, value),
  });
}

/**
 * What of `other`'s is in an answer: ids, and the word. `asked` is what the question itself held.
 */
function leaks(
  answer: string,
  other: Inhabitant,
  asked: string | readonly string[] = [],
): string[] {
  const theirs = new Set(allIds(other));
  const ids = (answer.match(UUID) ?? []).filter(id => theirs.has(id) && !asked.includes(id));
  return answer.includes(other.canary) ? [...ids, other.canary] : ids;
}

/** Everything that one sees by asking every field of the schema without naming any id. */
async function survey(asker: Inhabitant): Promise<string> {
  const answers = await each(walk.openPlaces, place => ask(asker, walk.query(place, 2)));
  return answers.join('\n');
}

/**
 * Of filters within filters, those that negate, and of them only the lists: they take all ids at
 * once.
 */
const idSlots = (): Slot[] =>
  walk
    .slots(typeName => typeName === 'ID')
    .filter(slot => slot.path.length <= 2 || (slot.takesList && slot.path[0] === 'not'));
const stringSlots = (cursors: boolean): Slot[] =>
  walk.slots(
    (typeName, path) =>
      typeName === 'String' && cursors === ['after', 'before'].includes(path.at(-1)!),
  );
const textSlots = (): Slot[] => stringSlots(false).filter(slot => slot.path.length <= 2);
const cursorSlots = (): Slot[] => stringSlots(true);

/**
 * What is asked about A in a slot: all ids at once in a list, each one in an argument, and one of
 * every type in a filter.
 */
function foreignValues({ takesList, path }: Slot): (string | string[])[] {
  if (takesList) return [allIds(owner)];
  return path.length === 0 ? allIds(owner) : [...owner.ids.values()].map(([id]) => id!);
}

/** All that B may try. Each test answers with what B got to know of A, which must be nothing. */
function provesThatNothingShows(): void {
  test('a walk through every field of the schema shows nothing of another tenant', async () => {
    expect(leaks(await survey(stranger), owner)).toEqual([]);
  });

  test("another tenant's ids answer like unknown ones, in each argument and filter", async () => {
    const found = await each(idSlots(), async slot => {
      const unknown = slot.takesList ? allIds(owner).map(() => v4()) : v4();
      const expected = withoutIds(await askSlot(stranger, slot, unknown), unknown);
      const answers = await each(foreignValues(slot), async asked => ({
        asked,
        answer: await askSlot(stranger, slot, asked),
      }));
      return answers.flatMap(({ asked, answer }) => [
        ...leaks(answer, owner, asked).map(leak => `${nameOf(slot)} shows ${leak}`),
        ...(withoutIds(answer, asked) === expected
          ? []
          : [`${nameOf(slot)} tells ${String(asked)} from an unknown id:\n${answer}\n${expected}`]),
      ]);
    });
    expect(found.flat()).toEqual([]);
  });

  test("another tenant's texts answer like unknown ones, in each argument and filter", async () => {
    const found = await each(textSlots(), async slot => {
      const [answer, expected] = await each([owner.canary, 'montevideocanary'], text =>
        askSlot(stranger, slot, slot.takesList ? [text] : text),
      );
      const shown = leaks(answer!.replaceAll(owner.canary, 'montevideocanary'), owner).map(
        leak => `${nameOf(slot)} shows ${leak}`,
      );
      // A search gives every text other similarities.
      const same =
        slot.argument.name !== 'filter' ||
        answer!.replaceAll(owner.canary, 'montevideocanary') === expected;
      return same
        ? shown
        : [
            ...shown,
            `${nameOf(slot)} tells ${owner.canary} from an unknown text:\n${answer}\n${expected}`,
          ];
    });
    expect(found.flat()).toEqual([]);
  });

  test("another tenant's cursors lead to nothing of theirs", async () => {
    const found = await each(cursorSlots(), async slot => {
      const { data } = await owner.client.query(walk.query(slot.place, 0));
      const cursors = [...JSON.stringify(data).matchAll(/"(?:start|end)Cursor":"([^"]+)"/g)].map(
        match => match[1]!,
      );
      const answers = await each(cursors, cursor => askSlot(stranger, slot, cursor));
      return leaks(answers.join('\n'), owner).map(leak => `${nameOf(slot)} shows ${leak}`);
    });
    expect(found.flat()).toEqual([]);
  });
}

function withoutIds(answer: string, ids: string | readonly string[]): string {
  return [ids].flat().reduce((text, id) => text.replaceAll(id, '<id>'), answer);
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
    for (const table of TABLES)
      await gateway.db.asSuperuser(`alter table ${table} ${how} row level security`);
  };
  beforeAll(() => alter('disable'));
  afterAll(() => alter('enable'));
}

describe('the probe', () => {
  test('reaches every row of a tenant that may see it', async () => {
    const seen = new Set((await survey(owner)).match(UUID));
    expect(allIds(owner).filter(id => !seen.has(id))).toEqual([]);
  });

  test('knows the arguments that matter', () => {
    expect(idSlots().map(nameOf)).toEqual(
      expect.arrayContaining([
        'Query.node(id)',
        'Query.nodes(ids)',
        'Query.tenant(id)',
        'Query.chunk(id)',
        'Query.documents(filter.botId.in)',
        'Query.searchChunks(input.documentIds)',
        'Bot.botQueries(filter.not.apiKeyId.in)',
      ]),
    );
    expect(textSlots().map(nameOf)).toEqual(
      expect.arrayContaining([
        'Query.bots(filter.name.contains)',
        'Document.chunks(filter.text.startsWith)',
        'Query.searchChunks(input.text)',
        'Query.documents(filter.tags.hasAny)',
        'Bot.documents(filter.tags.hasAll)',
        'Query.searchChunks(input.documentTags.hasAny)',
      ]),
    );
  });
});

describe('two walls', () => {
  provesThatNothingShows();
});

describe('row-level security alone', () => {
  withoutTheGatewaysFilter();
  provesThatNothingShows();
});

describe("the gateway's filter alone", () => {
  withoutRowLevelSecurity();
  provesThatNothingShows();
});

describe('no wall at all', () => {
  withoutTheGatewaysFilter();
  withoutRowLevelSecurity();

  test('shows another tenant, so that the tests above can fail', async () => {
    const seen = leaks(await survey(stranger), owner);
    for (const [table, [id]] of owner.ids)
      expect(seen, `the walk should see ${table}`).toContain(id);
    for (const name of [
      'Query.node(id)',
      'Query.bot(id)',
      'Query.tenant(id)',
      'Query.documents(filter.botId.in)',
    ]) {
      const slot = idSlots().find(candidate => nameOf(candidate) === name)!;
      const answers = await each(foreignValues(slot), value => askSlot(stranger, slot, value));
      expect(leaks(answers.join('\n'), owner), name).toContain(owner.canary);
    }
    const byTag = textSlots().find(slot => nameOf(slot) === 'Query.documents(filter.tags.hasAny)')!;
    const tagged = await askSlot(stranger, byTag, [owner.canary]);
    for (const id of owner.ids.get('docs')!) expect(tagged).toContain(id);
  });
});
