import { AppError } from '../../base/app-error.js';
import { StartupError } from '../../base/startup-error.js';
import type { Database } from '../../db/database.js';
import { tenantScope } from '../../db/database-scope.js';
import type { OperationReads } from '../../db/operation-reads.js';
import { statement } from '../../db/statement.js';
import type { Embedder } from '../../embedders/embedder.js';
import { checkSearch, type Search } from '../../search/check-search.js';
import { chunkFacts } from '../../search/explain.queries.js';
import { fusionParts } from '../../search/hybrid-search.js';
import { QueryVector } from '../../search/query-vector.js';
import { runSearch } from '../../search/run-search.js';
import type { SearchResult } from '../../search/search-result.js';
import { searchServices } from '../../search/search-services.js';
import { SearchMode } from '../../search/search.types.js';
import type { EvaluationQuestion } from './question-file.js';

/** So far down a right hit counts. */
const TOP_K = 10;
/** Questions that are explained, and hits above the right one of each. */
const MAX_ABOVE = 3;
const MODES = [SearchMode.VECTOR, SearchMode.KEYWORD, SearchMode.HYBRID];

interface ModeEvaluation {
  readonly mode: string;
  readonly hit1: number;
  readonly hit3: number;
  readonly hit10: number;
  readonly mrr: number;
}

/** A hit of HYBRID and what its score is made of. */
export interface ExplainedHit {
  readonly rank: number;
  readonly isRight: boolean;
  readonly chunkId: string;
  readonly document: string;
  readonly chunkIndex: number;
  readonly score: number;
  readonly similarity: number | null;
  readonly keywordScore: number | null;
  readonly vectorPart: number;
  readonly keywordPart: number;
  readonly words: readonly { readonly word: string; readonly score: number }[];
}

interface QuestionEvaluation {
  readonly question: string;
  readonly expected: readonly string[];
  /** Of the first right hit by mode, from 1; null: none of the first ten is right. */
  readonly ranks: Readonly<Record<string, number | null>>;
  /** Of the worst questions: the first hits of HYBRID, down to the right one. */
  readonly hits?: readonly ExplainedHit[];
}

export interface Evaluation {
  readonly tenantId: string;
  readonly botId: string | null;
  readonly modes: readonly ModeEvaluation[];
  /** The worst first. */
  readonly questions: readonly QuestionEvaluation[];
}

interface EvaluatedChunk {
  readonly id: string;
  readonly doc_id: string;
  readonly filename: string;
  readonly chunk_index: number;
}

const COLUMNS =
  't.id, t.doc_id, t.chunk_index, (select d.filename from docs d ' +
  'where d.tenant_id = t.tenant_id and d.id = t.doc_id) as filename';

/**
 * How often what answers a question is among the first hits, in each mode. `explain` is how many of
 * the worst questions are explained. Throws a `StartupError` for a question that cannot be searched
 * for or names nothing that there is, and what `embedder` throws.
 */
export async function evaluateSearch(
  database: Database,
  embedder: Embedder,
  { tenantId, botId }: { readonly tenantId: string; readonly botId: string | undefined },
  questions: readonly EvaluationQuestion[],
  explain: number,
): Promise<Evaluation> {
  const openReads = (): OperationReads => database.reads(tenantScope(tenantId));
  await checkExpected(openReads(), tenantId, questions);
  const services = searchServices();
  const vectors = await embedder.embed(questions.map(({ text }) => text));
  const evaluated: { question: EvaluationQuestion; index: number; found: FoundInMode[] }[] = [];
  for (const [index, question] of questions.entries()) {
    const found: FoundInMode[] = [];
    for (const mode of MODES) {
      const search = searchOf(question, index, mode, { tenantId, botId, embedder });
      const vector = mode === SearchMode.KEYWORD ? undefined : QueryVector.of(vectors[index]!);
      const answer = await runSearch({ reads: openReads(), search: services }, search, vector, {
        columns: COLUMNS,
        highlight: false,
        contextHighlight: false,
        withCount: false,
      });
      const place = answer.hits
        .slice(0, TOP_K)
        .findIndex(({ chunk }) => answers(question, chunk as EvaluatedChunk));
      found.push({ search, vector, answer, rank: place < 0 ? null : place + 1 });
    }
    evaluated.push({ question, index, found });
  }
  const worstFirst = evaluated.toSorted(
    (a, b) =>
      reciprocal(a.found.at(-1)!) - reciprocal(b.found.at(-1)!) || goodness(a) - goodness(b),
  );
  const results: QuestionEvaluation[] = [];
  for (const [place, { question, found }] of worstFirst.entries()) {
    const hybrid = found.at(-1)!;
    results.push({
      question: question.text,
      expected: [...question.documents, ...question.chunks],
      ranks: Object.fromEntries(found.map(({ search, rank }) => [nameOf(search.mode), rank])),
      ...(place < explain &&
        hybrid.rank !== 1 && { hits: await explainHits(openReads, question, hybrid) }),
    });
  }
  return {
    tenantId,
    botId: botId ?? null,
    modes: MODES.map((mode, nth) => ({
      mode: nameOf(mode),
      ...shares(evaluated.map(({ found }) => found[nth]!.rank)),
    })),
    questions: results,
  };
}

interface FoundInMode {
  readonly search: Search;
  readonly vector: QueryVector | undefined;
  readonly answer: SearchResult;
  readonly rank: number | null;
}

const nameOf = (mode: SearchMode): string => mode.toUpperCase();

function reciprocal({ rank }: FoundInMode): number {
  return rank === null ? 0 : 1 / rank;
}

function goodness({ found }: { readonly found: readonly FoundInMode[] }): number {
  return found.reduce((sum, each) => sum + reciprocal(each), 0);
}

function shares(ranks: readonly (number | null)[]): Omit<ModeEvaluation, 'mode'> {
  const within = (last: number): number =>
    ranks.filter(rank => rank !== null && rank <= last).length / ranks.length;
  const sum = ranks.reduce<number>((total, rank) => total + (rank === null ? 0 : 1 / rank), 0);
  return { hit1: within(1), hit3: within(3), hit10: within(10), mrr: sum / ranks.length };
}

function answers({ documents, chunks }: EvaluationQuestion, chunk: EvaluatedChunk): boolean {
  return (
    chunks.some(id => id.toLowerCase() === chunk.id) ||
    documents.some(name => name === chunk.filename || name.toLowerCase() === chunk.doc_id)
  );
}

function searchOf(
  { text }: EvaluationQuestion,
  index: number,
  mode: SearchMode,
  {
    tenantId,
    botId,
    embedder,
  }: { readonly tenantId: string; readonly botId: string | undefined; readonly embedder: Embedder },
): Search {
  try {
    return checkSearch(
      {
        text,
        mode,
        topK: TOP_K,
        exact: false,
        distinct: false,
        contextWindow: 0,
        botId: botId ?? null,
      },
      {
        tenantId,
        embeddingModel: embedder.model,
        dimensions: embedder.dimensions,
        vectorWeight: embedder.vectorWeight,
      },
    );
  } catch (error) {
    if (error instanceof AppError)
      throw new StartupError(`Question [${index}] cannot be searched for: ${error.message}`);
    throw error;
  }
}

/** The first hits down to the right one, with what their scores are made of. */
async function explainHits(
  openReads: () => OperationReads,
  question: EvaluationQuestion,
  { search, vector, answer, rank }: FoundInMode,
): Promise<ExplainedHit[]> {
  const shown = answer.hits.filter(
    (_, index) => index < Math.min(MAX_ABOVE, (rank ?? TOP_K + 1) - 1) || index + 1 === rank,
  );
  const explained: ExplainedHit[] = [];
  for (const hit of shown) {
    const facts = await chunkFacts(openReads(), search, vector, answer.bm25, hit.id);
    const chunk = hit.chunk as EvaluatedChunk;
    explained.push({
      rank: answer.hits.indexOf(hit) + 1,
      isRight: answers(question, chunk),
      chunkId: hit.id,
      document: chunk.filename,
      chunkIndex: chunk.chunk_index,
      score: hit.score,
      similarity: hit.similarity,
      keywordScore: hit.keywordScore,
      ...fusionParts(
        answer.scale!,
        hit.vectorRank === null ? null : hit.similarity,
        hit.keywordScore,
      ),
      words:
        facts?.keyword?.words
          .filter(({ score }) => score > 0)
          .sort((a, b) => b.score - a.score)
          .map(({ word, score }) => ({ word, score })) ?? [],
    });
  }
  return explained;
}

const KNOWN = statement(
  'evaluatedDocuments',
  `select filename as name from docs where tenant_id = $1::uuid and filename = any($2::text[])
    union all
   select id::text from docs where tenant_id = $1::uuid and id::text = any($2::text[])
    union all
   select id::text from doc_chunks where tenant_id = $1::uuid and id = any($3::uuid[])`,
);

async function checkExpected(
  reads: OperationReads,
  tenantId: string,
  questions: readonly EvaluationQuestion[],
): Promise<void> {
  const documents = questions.flatMap(question => question.documents);
  const names = [...new Set([...documents, ...documents.map(name => name.toLowerCase())])];
  const chunks = [...new Set(questions.flatMap(question => question.chunks))];
  const rows = await reads.query<{ name: string }>(KNOWN, [tenantId, names, chunks]);
  const known = new Set(rows.map(({ name }) => name));
  for (const [index, question] of questions.entries())
    for (const field of ['documents', 'chunks'] as const)
      for (const [place, name] of question[field].entries())
        if (!known.has(name) && !known.has(name.toLowerCase()))
          throw new StartupError(
            `[${index}].${field}[${place}] is ${name}; the tenant has no such ` +
              `${field === 'documents' ? 'document' : 'chunk'}.`,
          );
}
