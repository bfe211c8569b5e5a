import { LRUCache } from 'lru-cache';
import type { OperationReads } from '../db/operation-reads.js';
import { fixedStatement } from '../db/statement.js';
import type { Question } from './question.js';

/**
 * A tenant with up to this many chunks is counted for each search, which takes less than a
 * millisecond: there, one chunk more or less shows.
 */
const MAX_COUNTED_ANEW = 1_000;
/** Chunks whose mean length stands for that of all. */
const SAMPLE = 5_000;
/** For how long counts are kept, of large tenants alone. */
const KEPT_MS = 60_000;
const MAX_TENANTS = 10_000;
/** With their keys some 30 MB. */
const MAX_LEXEMES = 100_000;

/** How large a tenant is, which says what its frequencies mean. */
export interface TenantTexts {
  readonly chunks: number;
  /** Of the texts in bytes; about, where there are many. */
  readonly meanLength: number;
}

/** In how many chunks of the tenant each lexeme of a question stands, in the question's order. */
export interface QuestionFrequencies extends TenantTexts {
  readonly frequencies: readonly number[];
}

/**
 * How often words come in a tenant's chunks, for BM25. Counted by tenant, never by filter, so that
 * a word weighs the same in each of its searches. Every key begins with the tenant's id and with
 * the scope under which the database counted: what one caller may not see weighs nothing for
 * another either, even if a statement named the wrong tenant. An old count moves scores by little
 * and hides nothing.
 */
export class WordFrequencies {
  readonly #tenants = new LRUCache<string, TenantTexts>({ max: MAX_TENANTS, ttl: KEPT_MS });
  readonly #lexemes = new LRUCache<string, number>({ max: MAX_LEXEMES, ttl: KEPT_MS });

  /** At most two statements; none where all is known. */
  async of(
    reads: OperationReads,
    tenantId: string,
    { words }: Question,
  ): Promise<QuestionFrequencies> {
    const lexemes = words.flatMap(word => word.lexemes);
    const scope = JSON.stringify([tenantId, reads.scope]);
    const texts = this.#tenants.get(scope) ?? (await this.#measure(reads, tenantId, scope));
    const isKept = texts.chunks > MAX_COUNTED_ANEW;
    const keyOf = (lexeme: string): string => `${scope} ${lexeme}`;
    const known = new Map<string, number>();
    if (isKept)
      for (const lexeme of lexemes) {
        const frequency = this.#lexemes.get(keyOf(lexeme));
        if (frequency !== undefined) known.set(lexeme, frequency);
      }
    const unknown = [...new Set(lexemes.filter(lexeme => !known.has(lexeme)))];
    if (unknown.length > 0)
      for (const { lexeme, frequency } of await reads.query<FrequencyRow>(FREQUENCIES, [
        tenantId,
        unknown,
        unknown.map(quoted),
      ])) {
        known.set(lexeme, frequency);
        if (isKept) this.#lexemes.set(keyOf(lexeme), frequency);
      }
    return { ...texts, frequencies: lexemes.map(lexeme => known.get(lexeme)!) };
  }

  async #measure(reads: OperationReads, tenantId: string, scope: string): Promise<TenantTexts> {
    const [row] = await reads.query<TenantTexts>(TEXTS, [tenantId]);
    if (row!.chunks > MAX_COUNTED_ANEW) this.#tenants.set(scope, row!);
    return row!;
  }
}

interface FrequencyRow {
  readonly lexeme: string;
  readonly frequency: number;
}

// Queries are read in a table of their own: under row-level security, a condition that reads one
// would be asked of every chunk of every tenant and not of the index.
const FREQUENCIES = fixedStatement(
  'wordFrequencies',
  `with asked as materialized (
     select lexeme, query::tsquery as query from unnest($2::text[], $3::text[]) words(lexeme, query)
   )
   select asked.lexeme, counted.frequency
     from asked
    cross join lateral (
      select count(*)::int as frequency from doc_chunks t
       where t.tenant_id = $1::uuid and t.search_vector @@ asked.query
    ) counted`,
);

const TEXTS = fixedStatement(
  'tenantTexts',
  `select (select count(*)::int from doc_chunks t where t.tenant_id = $1::uuid) as chunks,
          (select coalesce(avg(octet_length(text)), 0)::float8
             from (select t.text from doc_chunks t where t.tenant_id = $1::uuid limit ${SAMPLE}
                  ) sample) as "meanLength"`,
);

/** A lexeme as it stands in the text of a `tsquery`. */
function quoted(lexeme: string): string {
  return `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
