import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { contextOf, embeddingInput } from '../../chunking/chunk-context.js';
import { splitChunks, type UnembeddedChunk } from '../../chunking/prepare-chunks.js';
import { storeChunks } from '../../chunking/store-chunks.js';
import type { Database } from '../../db/database.js';
import { OPERATOR_SCOPE, tenantScope } from '../../db/database-scope.js';
import { runInWrite } from '../../db/run-in-write.js';
import { fixedStatement } from '../../db/statement.js';
import type { Embedder } from '../../embedders/embedder.js';
import { padVector } from '../../embedders/pad-vector.js';

/** Documents that are read together: each may have a text of a megabyte. */
const PAGE = 8;

export interface DocumentsToRebuild {
  readonly tenantId: string;
  /** Only those with a greater id. */
  readonly after: string;
  /** The most characters of a chunk. */
  readonly chunkSize: number;
  /** Tell what would change, change nothing. */
  readonly dryRun: boolean;
}

/** What became of a document. */
export interface RebuiltDocument {
  readonly id: string;
  /** `kept`: its chunks are as they should be; `noText`: nobody knows what they were cut from. */
  readonly outcome: 'rebuilt' | 'kept' | 'noText';
  /** New chunks that had to be embedded, and those that took the vector of an old one. */
  readonly embedded: number;
  readonly reused: number;
}

interface StoredText {
  readonly id: string;
  readonly filename: string;
  readonly revision: number | null;
  readonly text: string | null;
}

interface OldChunk {
  readonly id: string;
  readonly text: string;
  readonly context: string | null;
  readonly headings: readonly string[];
  readonly tableHeader: string | null;
  readonly textStart: number;
  readonly textEnd: number;
  readonly pageNum: number | null;
  readonly metadata: Record<string, unknown>;
  readonly hasVector: boolean;
}

const COUNT = fixedStatement(
  'documentsToRebuild',
  'select count(*)::int as documents from docs where tenant_id = $1::uuid and id > $2::uuid',
);
const NEXT = fixedStatement(
  'nextDocumentsToRebuild',
  `select d.id, d.filename, t.revision, t.text
     from (select tenant_id, id, filename from docs
            where tenant_id = $1::uuid and id > $2::uuid order by id limit ${PAGE}) d
     left join lateral (
       select t.revision, t.text from doc_texts t
        where t.tenant_id = d.tenant_id and t.doc_id = d.id order by t.revision desc limit 1
     ) t on true
    order by d.id`,
);
const CHUNKS = fixedStatement(
  'chunksToRebuild',
  `select id, text, context, headings, table_header as "tableHeader", text_start as "textStart",
          text_end as "textEnd", page_num as "pageNum", chunk_metadata as metadata,
          embedding_bq is not null as "hasVector"
     from doc_chunks where tenant_id = $1::uuid and doc_id = $2::uuid and revision = $3::int
    order by chunk_index, id`,
);
const VECTORS = fixedStatement(
  'vectorsToKeep',
  `select id, embedding::text as vector from doc_chunks
    where tenant_id = $1::uuid and id = any($2::uuid[]) and embedding is not null`,
);

/** How many documents there are to look at. */
export async function countDocumentsToRebuild(
  database: Database,
  { tenantId, after }: Pick<DocumentsToRebuild, 'tenantId' | 'after'>,
): Promise<number> {
  const [row] = await database
    .reads(tenantScope(tenantId))
    .query<{ documents: number }>(COUNT, [tenantId, after]);
  return row!.documents;
}

/**
 * Splits the stored texts of a tenant as new ones would be split, and puts other chunks in place
 * where that gives others. A chunk whose input for the embedder is that of an old one takes over
 * its vector; metadata and pages are those of the old chunk where it starts. Chunks that other
 * programs have added stay. `done` is told of each document once it is stored, in the order of
 * their ids. A document that gets another text meanwhile keeps what that made. Throws as `embedder`
 * does.
 */
export async function rebuildDocuments(
  database: Database,
  embedder: Pick<Embedder, 'embed'>,
  options: DocumentsToRebuild,
  done: (document: RebuiltDocument) => void,
): Promise<void> {
  const { tenantId } = options;
  for (let last = options.after; ;) {
    const page = await database
      .reads(tenantScope(tenantId))
      .query<StoredText>(NEXT, [tenantId, last]);
    if (page.length === 0) return;
    for (const document of page) done(await rebuildDocument(database, embedder, options, document));
    last = page.at(-1)!.id;
  }
}

async function rebuildDocument(
  database: Database,
  embedder: Pick<Embedder, 'embed'>,
  { tenantId, chunkSize, dryRun }: DocumentsToRebuild,
  document: StoredText,
): Promise<RebuiltDocument> {
  const { id, filename, revision, text } = document;
  const nothing = { id, embedded: 0, reused: 0 };
  if (text === null || revision === null) return { ...nothing, outcome: 'noText' };
  const reads = database.reads(tenantScope(tenantId));
  const old = await reads.query<OldChunk>(CHUNKS, [tenantId, id, revision]);
  const chunks = splitChunks(text, chunkSize);
  if (isSame(old, chunks)) return { ...nothing, outcome: 'kept' };
  const oldByInput = new Map(
    old
      .filter(chunk => chunk.hasVector)
      .map(chunk => [embeddingInput(chunk.context ?? '', chunk.text), chunk.id]),
  );
  const inputs = chunks.map(chunk => embeddingInput(contextOf(filename, chunk), chunk.text));
  const missing = inputs.filter(input => !oldByInput.has(input));
  const counts = { embedded: missing.length, reused: inputs.length - missing.length };
  if (dryRun) return { id, outcome: 'rebuilt', ...counts };
  const kept = await reads.query<{ id: string; vector: string }>(VECTORS, [
    tenantId,
    inputs.flatMap(input => oldByInput.get(input) ?? []),
  ]);
  const vectorOfOld = new Map(kept.map(row => [row.id, JSON.parse(row.vector) as number[]]));
  const made = missing.length > 0 ? await embedder.embed(missing) : [];
  const vectorOf = new Map(missing.map((input, index) => [input, padVector(made[index]!)]));
  const isStored = await database.write('rebuildDocument', OPERATOR_SCOPE, async em => {
    if (!(await isAsRead(em, tenantId, document))) return false;
    await runInWrite(
      em,
      'delete from doc_chunks where tenant_id = $1::uuid and doc_id = $2::uuid and revision = $3',
      [tenantId, id, revision],
    );
    const rows = chunks.map((chunk, index) => ({
      ...chunk,
      ...noted(chunk, old),
      embedding:
        vectorOf.get(inputs[index]!) ?? vectorOfOld.get(oldByInput.get(inputs[index]!)!) ?? null,
    }));
    await storeChunks(em, { id, tenantId }, rows, revision);
    return true;
  });
  return isStored ? { id, outcome: 'rebuilt', ...counts } : { ...nothing, outcome: 'kept' };
}

/** Whether the stored chunks are what the text is split into. */
function isSame(old: readonly OldChunk[], chunks: readonly UnembeddedChunk[]): boolean {
  const placeOf = ({ textStart, textEnd, headings, tableHeader }: OldChunk | UnembeddedChunk) =>
    JSON.stringify([textStart, textEnd, headings, tableHeader ?? null]);
  return (
    old.length === chunks.length &&
    chunks.every((chunk, index) => placeOf(chunk) === placeOf(old[index]!))
  );
}

/** What the old chunk notes in which a new one starts. */
function noted(
  { textStart }: UnembeddedChunk,
  old: readonly OldChunk[],
): Pick<OldChunk, 'pageNum' | 'metadata'> {
  const chunk =
    old.findLast(before => before.textStart <= textStart! && textStart! < before.textEnd) ?? old[0];
  return { pageNum: chunk?.pageNum ?? null, metadata: chunk?.metadata ?? {} };
}

/** Locks the document. */
async function isAsRead(
  em: SqlEntityManager,
  tenantId: string,
  { id, filename, revision }: StoredText,
): Promise<boolean> {
  const rows = await runInWrite(
    em,
    `select from docs d where d.tenant_id = $1::uuid and d.id = $2::uuid and d.filename = $3
        and exists (select from doc_texts t where t.tenant_id = d.tenant_id and t.doc_id = d.id
                       and t.revision = $4::int)
        for no key update`,
    [tenantId, id, filename, revision],
  );
  return rows.length > 0;
}
