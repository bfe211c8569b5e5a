import type { Client } from 'pg';
import type { ClusteredVectors } from '../../test/support/clustered-vectors.js';
import type { TenantClass } from './classes.js';

/** Hits that the truth is known for. */
export const TRUTH = 50;

export const FILTERS = ['none', 'bot', 'documents', 'kind', 'rare'] as const;
export type FilterName = (typeof FILTERS)[number];

/** What a question is narrowed to, beside its tenant. */
export interface Filter {
  readonly name: FilterName;
  readonly botId?: string;
  readonly documentIds?: readonly string[];
  readonly metadata?: Record<string, unknown>;
}

export interface Question {
  readonly tenantId: string;
  readonly vector: readonly number[];
  readonly filter: Filter;
  /** The true nearest, by an exact scan of the vectors in single precision. */
  readonly nearest: readonly string[];
}

/** Filtered questions, as a share of the others. */
const FILTERED = 1 / 8;
const LEAST_FILTERED = 10;

/**
 * Makes the questions and asks the database, exactly, what they should find. Half are about a
 * passage, half on a topic that other tenants write about.
 */
export async function storeQuestions(
  client: Client,
  classes: readonly TenantClass[],
  count: number,
  vectors: ClusteredVectors,
  say: (line: string) => void,
): Promise<void> {
  await client.query(
    'drop table if exists bench_questions; create table bench_questions (class text, ' +
      'number int, filter jsonb, tenant_id uuid, embedding vector(1536), nearest uuid[], ' +
      'primary key (class, filter, number))',
  );
  for (const { name, chunks } of classes) {
    const { rows: tenants } = await client.query<{ id: string }>(
      'select id from tenants where plan_tier = $1 order by id',
      [name],
    );
    for (const filter of FILTERS) {
      const asked =
        filter === 'none' ? count : Math.max(LEAST_FILTERED, Math.round(count * FILTERED));
      for (let number = 0; number < asked; number += 1) {
        const tenantId = tenants[number % tenants.length]!.id;
        const { rows } = await client.query<{ embedding: string; bot_id: string }>(
          'select embedding::text, bot_id from original_chunks where tenant_id = $1 ' +
            'and chunk_index = $2',
          [tenantId, vectors.below(chunks)],
        );
        const passage = rows[0]!;
        const question =
          number % 2 === 0
            ? vectors.questionAbout(Float32Array.from(JSON.parse(passage.embedding) as number[]))
            : vectors.questionOnTopic();
        await storeQuestion(
          client,
          name,
          number,
          await filterOf(client, filter, tenantId, passage.bot_id),
          tenantId,
          question,
        );
      }
    }
    say(
      `  ${name}: ${count} questions, and ${FILTERS.length - 1} times ` +
        `${Math.max(LEAST_FILTERED, Math.round(count * FILTERED))} with filters`,
    );
  }
}

async function filterOf(
  client: Client,
  name: FilterName,
  tenantId: string,
  botId: string,
): Promise<Filter> {
  switch (name) {
    case 'none':
      return { name };
    case 'bot':
      return { name, botId };
    case 'documents': {
      const { rows } = await client.query<{ id: string }>(
        'select id from docs where tenant_id = $1 order by random() limit 5',
        [tenantId],
      );
      return { name, documentIds: rows.map(({ id }) => id) };
    }
    case 'kind':
      return { name, metadata: { kind: 3 } };
    case 'rare':
      return { name, metadata: { rare: true } };
  }
}

async function storeQuestion(
  client: Client,
  name: string,
  number: number,
  filter: Filter,
  tenantId: string,
  vector: Float32Array,
): Promise<void> {
  const conditions = conditionsOf(filter, 3);
  await client.query(
    `insert into bench_questions
      values ($${conditions.values.length + 3}, $${conditions.values.length + 4},
        $${conditions.values.length + 5}, $2::uuid, $1::vector(1536),
      array(select id from original_chunks where tenant_id = $2::uuid${conditions.sql}
        order by (embedding <=> (select $1::vector(1536))) + 0 limit ${TRUTH}))`,
    [
      JSON.stringify(Array.from(vector, value => Number(value.toFixed(6)))),
      tenantId,
      ...conditions.values,
      name,
      number,
      JSON.stringify(filter),
    ],
  );
}

/** A filter as the original would write it, with parameters from `$first` on. */
export function conditionsOf(
  { botId, documentIds, metadata }: Filter,
  first: number,
): { sql: string; values: unknown[] } {
  if (botId !== undefined) return { sql: ` and bot_id = $${first}::uuid`, values: [botId] };
  if (documentIds !== undefined)
    return { sql: ` and doc_id = any($${first}::uuid[])`, values: [documentIds] };
  if (metadata !== undefined)
    return { sql: ` and chunk_metadata @> $${first}::jsonb`, values: [JSON.stringify(metadata)] };
  return { sql: '', values: [] };
}

export async function questionsOf(
  client: Client,
  name: string,
  filter: FilterName,
): Promise<Question[]> {
  const { rows } = await client.query<{
    tenant_id: string;
    embedding: string;
    filter: Filter;
    nearest: string;
  }>(
    'select tenant_id, embedding::text, filter, array_to_json(nearest)::text as nearest ' +
      "from bench_questions where class = $1 and filter->>'name' = $2 order by number",
    [name, filter],
  );
  return rows.map(row => ({
    tenantId: row.tenant_id,
    vector: JSON.parse(row.embedding) as number[],
    filter: row.filter,
    nearest: JSON.parse(row.nearest) as string[],
  }));
}
