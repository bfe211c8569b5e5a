import type { Database } from '../../db/database.js';
import { tenantScope } from '../../db/database-scope.js';
import { fixedStatement } from '../../db/statement.js';
import type { IngestionState } from '../../ingestion/ingestion.enums.js';
import type { FileOutcome } from './outcomes.js';

/** As long as a file is one of this many, the next one is stored while it is processed. */
export const MAX_COMING = 32;

interface ComingFile {
  readonly file: string;
  readonly documentId: string;
}

interface FoundIngestion {
  readonly id: string;
  readonly state: `${IngestionState}`;
  readonly revision: number;
  readonly code: string | null;
  readonly message: string | null;
}

const FIND = fixedStatement(
  'importedIngestions',
  `select id, state, revision, error_code as code, error_message as message
     from ingestions where tenant_id = $1::uuid and id = any($2::uuid[])`,
);

/** Files that were stored and are not processed yet, whoever works on them. */
export class ComingFiles {
  readonly #files = new Map<string, ComingFile>();
  /** Why one of them has to wait, as a sentence; undefined where none has. */
  problem: string | undefined;

  constructor(
    private readonly database: Database,
    private readonly tenantId: string,
  ) {}

  get size(): number {
    return this.#files.size;
  }

  add(ingestionId: string, file: ComingFile): void {
    this.#files.set(ingestionId, file);
  }

  /** What became of those that are over. */
  async takeEnded(): Promise<FileOutcome[]> {
    if (this.#files.size === 0) return [];
    const ids = [...this.#files.keys()];
    const found = await this.database
      .reads(tenantScope(this.tenantId))
      .query<FoundIngestion>(FIND, [this.tenantId, ids]);
    const byId = new Map(found.map(ingestion => [ingestion.id, ingestion]));
    this.problem = undefined;
    return ids.flatMap(id => {
      const ingestion = byId.get(id);
      const ended = endOf(this.#files.get(id)!, ingestion);
      if (ended) this.#files.delete(id);
      else this.problem ??= ingestion?.message ?? undefined;
      return ended ? [ended] : [];
    });
  }
}

function endOf(file: ComingFile, ingestion: FoundIngestion | undefined): FileOutcome | undefined {
  const refused = (code: string, message: string): FileOutcome => ({
    ...file,
    outcome: 'refused',
    code,
    message,
  });
  if (!ingestion)
    return refused('DELETED', 'The document was deleted before its file was processed.');
  switch (ingestion.state) {
    case 'completed':
      return { ...file, outcome: ingestion.revision === 1 ? 'created' : 'revised' };
    case 'failed':
      return refused(ingestion.code!, ingestion.message!);
    case 'cancelled':
      return refused(
        'CANCELLED',
        'The processing of the file was cancelled, or another file has come for its document.',
      );
    default:
      return undefined;
  }
}
