import { StartupError } from '../base/startup-error.js';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { createEmbedder } from '../embedders/create-embedder.js';
import { reason } from '../ops/connection-errors.js';
import {
  countDocumentsToRebuild,
  rebuildDocuments,
  type DocumentsToRebuild,
  type RebuiltDocument,
} from '../ops/search/rebuild.js';
import { FIRST } from '../ops/search/reembed.js';
import type { CommandIo } from './command-io.js';
import { untilInterrupted } from './interruption.js';
import { mustExist, withReadyDatabase } from './open-database.js';
import { Progress } from './progress.js';
import { retryingEmbedder, tenantsOf, type NamedId } from './reembed.js';

export interface RebuildCommandOptions {
  readonly tenant?: string[];
  readonly all?: boolean;
  readonly after?: RebuildPosition;
  readonly dryRun?: boolean;
}

/** The last document that was done, of the tenant that was being done. */
export interface RebuildPosition {
  readonly tenantId: string;
  readonly documentId: string;
}

/** `weaver search rebuild`. Throws a `StartupError` that says how to go on. */
export async function rebuildCommand(
  config: Config,
  io: CommandIo,
  options: RebuildCommandOptions,
): Promise<void> {
  const { dryRun = false, after } = options;
  mustExist(config.database);
  const embedder = createEmbedder(config.embedder);
  await untilInterrupted(undefined, stopped =>
    withReadyDatabase(config, async database => {
      const tenants = await tenantsOf(database, options);
      if (tenants.length === 0)
        io.out('Nothing to do: there is no tenant, or none from --after on.');
      for (const tenant of tenants) {
        const documents = {
          tenantId: tenant.id,
          after: tenant.id === after?.tenantId ? after.documentId : FIRST,
          chunkSize: config.chunkSize,
          dryRun,
        };
        let progress: Progress | undefined;
        const retrying = retryingEmbedder(embedder, stopped, cause =>
          progress?.update(undefined, `${cause} Waiting.`),
        );
        progress = new Progress(io, `Splitting the documents of ${tenant.name}`, {
          total: await countDocumentsToRebuild(database, documents),
          unit: 'documents',
        });
        try {
          const rebuilt = await rebuildTenant(
            database,
            { embed: texts => retrying.embed(texts) },
            tenant,
            documents,
            count => {
              stopped.throwIfAborted();
              progress?.update(count);
            },
          );
          io.out(`${tenant.name} (${tenant.id}): ${summary(rebuilt, dryRun)}`);
        } finally {
          progress.end();
        }
      }
    }),
  );
}

async function rebuildTenant(
  database: Database,
  embedder: Parameters<typeof rebuildDocuments>[1],
  { id, name }: NamedId,
  documents: DocumentsToRebuild,
  progressed: (count: number) => void,
): Promise<RebuiltDocument[]> {
  const rebuilt: RebuiltDocument[] = [];
  try {
    await rebuildDocuments(database, embedder, documents, document => {
      rebuilt.push(document);
      progressed(rebuilt.length);
    });
    return rebuilt;
  } catch (error) {
    throw new StartupError(
      `${name}: ${rebuilt.length} documents are done. ${reason(error)}. To continue, run the ` +
        `same command with --after ${id}/${rebuilt.at(-1)?.id ?? documents.after}`,
      { cause: error },
    );
  }
}

function summary(rebuilt: readonly RebuiltDocument[], dryRun: boolean): string {
  const count = (outcome: RebuiltDocument['outcome']): number =>
    rebuilt.filter(document => document.outcome === outcome).length;
  const sum = (counted: 'embedded' | 'reused'): number =>
    rebuilt.reduce((total, document) => total + document[counted], 0);
  return (
    `${dryRun ? 'would split' : 'split'} ${count('rebuilt')} documents again, ` +
    `${dryRun ? 'embed' : 'embedded'} ${sum('embedded')} chunks and ` +
    `${dryRun ? 'keep' : 'kept'} ${sum('reused')} vectors. ${count('kept')} documents are split ` +
    `as they should be, ${count('noText')} have no stored text and keep their chunks.`
  );
}
