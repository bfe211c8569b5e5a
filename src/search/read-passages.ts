import type { GraphQLResolveInfo } from 'graphql';
import { readWindows } from '../chunks/chunk-windows.js';
import { statement } from '../db/statement.js';
import type { RequestContext } from '../graphql/context.js';
import { nestedRowSelectionOf, nestedSelectionHas } from '../graphql/selection.js';
import {
  GAP,
  mergeWindows,
  runsOf,
  toPassage,
  type PassageRow,
  type Run,
  type SearchPassage,
} from './passages.js';
import type { ChunkSearchResult } from './search.types.js';

/** Of `doc_chunks t`. */
const COLUMNS = 't.tenant_id as _tenant, t.page_num as _page';
const TEXT_COLUMNS =
  't.text as _text, t.revision as _revision, t.text_start as _start, t.text_end as _end';

const PASSAGE_TEXTS = statement(
  'passageTexts',
  `select p.n::int as n, substr(d.text, p.start + 1, p.stop - p.start) as text
     from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::int[])
            with ordinality as p(tenant_id, doc_id, revision, start, stop, n)
     join doc_texts d on d.tenant_id = p.tenant_id and d.doc_id = p.doc_id
                     and d.revision = p.revision`,
);

/** What `ChunkSearchResult.passages` shows, as far as it is selected. */
export async function readPassages(
  context: RequestContext,
  info: GraphQLResolveInfo,
  { hits, contextWindow: size }: ChunkSearchResult,
): Promise<SearchPassage[]> {
  const { model, properties } = nestedRowSelectionOf(info, context.models, ['chunks']);
  const hasText = nestedSelectionHas(info, ['text']);
  const columns = [model.select(properties, 't'), COLUMNS, ...(hasText ? [TEXT_COLUMNS] : [])];
  const requests = hits.map(({ chunk }) => ({
    chunk: chunk as unknown as { id: string; tenantId: string },
    before: size,
    after: size,
  }));
  const windows = (await readWindows(context, requests, columns.join(', '))) as PassageRow[][];
  const groups = mergeWindows(windows.map((rows, index) => ({ rank: hits[index]!.rank, rows })));
  const runs = hasText ? groups.map(runsOf) : [];
  const texts = await textsOfRuns(context, runs.flat());
  let next = 0;
  return groups.map((group, index) => {
    const first = next;
    next += runs[index]?.length ?? 0;
    return toPassage(group, texts.slice(first, next));
  });
}

/** The text of each run. One of several chunks is cut from its document: one statement for all. */
async function textsOfRuns(context: RequestContext, runs: readonly Run[]): Promise<string[]> {
  const cut = runs.filter(run => run.length > 1);
  const callerTenantId = context.reads.tenantId;
  const rows =
    cut.length === 0
      ? []
      : await context.reads.query<{ n: number; text: string }>(
          PASSAGE_TEXTS,
          [
            cut.map(([first]) => callerTenantId ?? first!._tenant),
            cut.map(([first]) => first!._document),
            cut.map(([first]) => first!._revision),
            cut.map(([first]) => first!._start),
            cut.map(run => Math.max(...run.map(row => row._end!))),
          ],
          cut.length,
        );
  const texts = new Map(rows.map(({ n, text }) => [cut[n - 1], text]));
  // The document may have got another text since its chunks were read.
  return runs.map(run => texts.get(run) ?? run.map(row => row._text).join(GAP));
}
