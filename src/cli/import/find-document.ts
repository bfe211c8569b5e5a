import type { Database } from '../../db/database.js';
import { tenantScope } from '../../db/database-scope.js';
import { fixedStatement } from '../../db/statement.js';

/** The bot that files are imported for. */
export interface ImportTarget {
  readonly tenantId: string;
  readonly botId: string;
}

/** What is to be done with a file, by what the bot has under its name. */
export type FilePlan =
  | { readonly kind: 'create' }
  | { readonly kind: 'unchanged' | 'revise'; readonly documentId: string }
  /** The same content was brought in already: it is on its way, or was given up. */
  | {
      readonly kind: 'wait' | 'retry';
      readonly documentId: string;
      readonly ingestionId: string;
    };

interface FoundDocument {
  readonly documentId: string;
  readonly isComplete: boolean;
  readonly sha256: string | null;
  /** On its way to it. */
  readonly comingId: string | null;
  readonly comingSha256: string | null;
  /** With the content of the file, and given up. */
  readonly endedId: string | null;
}

// An ingestion without its file cannot be begun again.
const FIND = fixedStatement(
  'documentsOfFile',
  `select d.id as "documentId", d.status = 'completed' as "isComplete",
          d.content_sha256 as sha256, coming.id as "comingId",
          coming.content_sha256 as "comingSha256", ended.id as "endedId"
     from docs d
     left join lateral (
       select i.id, i.content_sha256 from ingestions i
        where i.tenant_id = d.tenant_id and i.doc_id = d.id and i.state in ('queued', 'running')
        order by i.created_at desc, i.id desc limit 1) coming on true
     left join lateral (
       select i.id from ingestions i
        where i.tenant_id = d.tenant_id and i.doc_id = d.id and i.state in ('failed', 'cancelled')
          and i.content_sha256 = $4 and i.upload_id is not null
        order by i.created_at desc, i.id desc limit 1) ended on true
    where d.tenant_id = $1::uuid and d.bot_id = $2::uuid and d.filename = $3
    order by d.created_at, d.id`,
);

/**
 * Looks for what the bot has of a file. Of several documents of its name, one with its content
 * counts, or else the oldest.
 */
export async function planFile(
  database: Database,
  { tenantId, botId }: ImportTarget,
  filename: string,
  sha256: string,
): Promise<FilePlan> {
  const found = await database
    .reads(tenantScope(tenantId))
    .query<FoundDocument>(FIND, [tenantId, botId, filename, sha256]);
  const plans = found.map(document => planOf(document, sha256));
  return (
    plans.find(({ kind }) => kind === 'unchanged' || kind === 'wait') ??
    plans[0] ?? { kind: 'create' }
  );
}

/** What comes counts more than what is there, which it will replace. */
function planOf(
  { documentId, isComplete, sha256: present, ...ingestions }: FoundDocument,
  sha256: string,
): FilePlan {
  const { comingId, comingSha256, endedId } = ingestions;
  if (comingId !== null)
    return comingSha256 === sha256
      ? { kind: 'wait', documentId, ingestionId: comingId }
      : { kind: 'revise', documentId };
  if (isComplete && present === sha256) return { kind: 'unchanged', documentId };
  return endedId === null
    ? { kind: 'revise', documentId }
    : { kind: 'retry', documentId, ingestionId: endedId };
}
