import { badInput } from '../base/app-error.js';
import { fixedStatement } from '../db/statement.js';
import { intInput } from '../graphql/input-checks.js';
import type { Parent } from '../graphql/list.js';
import { defineLoader } from '../graphql/loader.js';

/** Characters of a document's text in one answer, at most. */
const MAX_CHARACTERS = 100_000;
const DEFAULT_CHARACTERS = 10_000;
const MAX_INT = 2 ** 31 - 1;

const REVISIONS = fixedStatement(
  'documentRevisions',
  `select p.n::int as n, t.revision from unnest($1::uuid[], $2::uuid[])
          with ordinality as p(tenant_id, doc_id, n)
    cross join lateral (
      select max(revision) as revision from doc_texts
       where tenant_id = p.tenant_id and doc_id = p.doc_id
    ) t`,
);

/** The numbers of documents' texts: one statement for all documents of a level. */
export const revisionOf = defineLoader<Parent, number | null>(
  async (documents, { reads }) => {
    const rows = await reads.query<{ n: number; revision: number | null }>(REVISIONS, [
      documents.map(document => reads.tenantId ?? document.tenantId),
      documents.map(({ id }) => id),
    ]);
    const byNumber = new Map(rows.map(row => [row.n, row.revision]));
    return documents.map((_, index) => byNumber.get(index + 1) ?? null);
  },
  document => document.id,
);

/** A part of a document's text, in characters. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** Checks the arguments of `Document.text`. */
export function textRange(start: number, end: number | null | undefined): TextRange {
  intInput('start', start, 0, MAX_INT - DEFAULT_CHARACTERS);
  if (end == null) return { start, end: start + DEFAULT_CHARACTERS };
  if (end < start) throw badInput('end', `end is ${end}, but must not be less than start.`);
  if (end - start > MAX_CHARACTERS)
    throw badInput(
      'end',
      `From start to end are ${(end - start).toLocaleString('en-US')} characters; the limit is ` +
        `${MAX_CHARACTERS.toLocaleString('en-US')}. Read the text in parts.`,
    );
  return { start, end };
}

const TEXTS = fixedStatement(
  'documentTexts',
  `select p.n::int as n, t.text from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[])
          with ordinality as p(tenant_id, doc_id, start, stop, n)
    cross join lateral (
      select substr(d.text, p.start + 1, p.stop - p.start) as text from doc_texts d
       where d.tenant_id = p.tenant_id and d.doc_id = p.doc_id order by d.revision desc limit 1
    ) t`,
);

/** Parts of documents' texts: one statement for all documents of a level, whatever their parts. */
export const textOf = defineLoader<Parent & { readonly range: TextRange }, string | null>(
  async (parts, { reads }) => {
    const rows = await reads.query<{ n: number; text: string }>(TEXTS, [
      parts.map(part => reads.tenantId ?? part.tenantId),
      parts.map(({ id }) => id),
      parts.map(({ range }) => range.start),
      parts.map(({ range }) => range.end),
    ]);
    const byNumber = new Map(rows.map(row => [row.n, row.text]));
    return parts.map((_, index) => byNumber.get(index + 1) ?? null);
  },
);
