import { COMMAND_LINE } from '../auth/caller.js';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { IngestionEvents } from '../ingestion/ingestion-events.js';
import { Ingestion } from '../ingestion/ingestion.entity.js';
import { type IngestionState } from '../ingestion/ingestion.enums.js';
import { cancelIngestion, retryIngestion } from '../ingestion/ingestion.service.js';
import { operatorDb } from '../writes/db.js';
import type { CommandIo } from './command-io.js';
import { findTenant } from './find-tenant.js';
import { mustExist, withReadyDatabase } from './open-database.js';

export interface ListIngestionsOptions {
  readonly tenant: string;
  readonly state?: IngestionState;
  readonly limit: number;
  readonly json?: boolean;
}

/** `weaver ingest list`. */
export async function listIngestions(
  config: Config,
  io: CommandIo,
  { tenant, state, limit, json }: ListIngestionsOptions,
): Promise<void> {
  const found = await inDatabase(config, database =>
    database.write('listIngestions', OPERATOR_SCOPE, async em =>
      em.find(
        Ingestion,
        { tenant: (await findTenant(em, tenant)).id, ...(state && { state }) },
        { orderBy: { createdAt: 'desc', id: 'desc' }, limit },
      ),
    ),
  );
  if (found.length === 0) return io.say('There are no such files.');
  if (!json) io.sayLines('id\tstate\tstep\tdone\ttotal\tattempts\tcreated\terror\tfile\tmessage');
  for (const ingestion of found) {
    const { id, filename, kind, revision, attempt, done, total, createdAt } = ingestion;
    const { step = null, startedAt = null, finishedAt = null } = ingestion;
    const { errorCode = null, errorMessage = null, errorRetryable = null } = ingestion;
    if (json)
      io.out(
        JSON.stringify({
          id,
          documentId: ingestion.document.id,
          filename,
          kind,
          revision,
          state: ingestion.state,
          step,
          done,
          total,
          attempt,
          error: errorCode && {
            code: errorCode,
            message: errorMessage,
            retryable: errorRetryable,
          },
          createdAt,
          startedAt,
          finishedAt,
        }),
      );
    else
      io.out(
        id,
        ingestion.state,
        step ?? '-',
        String(done),
        String(total),
        String(attempt),
        createdAt,
        errorCode ?? '-',
        filename,
        errorMessage ?? '-',
      );
  }
}

/** `weaver ingest retry`. */
export async function retryCommand(config: Config, io: CommandIo, id: string): Promise<void> {
  await inDatabase(config, database => retryIngestion(dbOf(database), COMMAND_LINE, { id }));
  io.say(`The ingestion ${id} begins again as soon as a gateway or "weaver work" has its turn.`);
}

/** `weaver ingest cancel`. */
export async function cancelCommand(config: Config, io: CommandIo, id: string): Promise<void> {
  await inDatabase(config, database => cancelIngestion(dbOf(database), COMMAND_LINE, { id }));
  io.say(`The ingestion ${id} is cancelled. No chunk of its file will appear.`);
}

/** Nobody listens in this process: workers look into the database. */
const dbOf = (database: Database) => ({
  ...operatorDb(database),
  ingestionEvents: new IngestionEvents(),
});

function inDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  mustExist(config.database);
  return withReadyDatabase(config, work);
}
