import { setTimeout as sleep } from 'node:timers/promises';
import type { AppError } from '../base/app-error.js';
import { StartupError } from '../base/startup-error.js';
import {
  countCharactersToEmbed,
  countChunksToEmbed,
  FIRST,
  reembedChunks,
  type ChunksToEmbed,
} from '../ops/search/reembed.js';
import type { Config } from '../config.js';
import { reason } from '../ops/connection-errors.js';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { createEmbedder } from '../embedders/create-embedder.js';
import type { Embedder } from '../embedders/embedder.js';
import { beginning, TextRefusal } from '../embedders/text-refusal.js';
import { Tenant } from '../tenants/tenant.entity.js';
import type { CommandIo } from './command-io.js';
import { untilInterrupted } from './interruption.js';
import { findTenant } from './find-tenant.js';
import { mustExist, withReadyDatabase } from './open-database.js';
import { Progress } from './progress.js';

export interface ReembedCommandOptions {
  readonly tenant?: string[];
  readonly all?: boolean;
  readonly missing?: boolean;
  readonly after?: ReembedPosition;
  readonly dryRun?: boolean;
  readonly skip?: boolean;
}

/** The last chunk that was done, of the tenant that was being done. */
export interface ReembedPosition {
  readonly tenantId: string;
  readonly chunkId: string;
}

interface Embedding {
  readonly embedder: Embedder;
  /** Whether chunks that the service cannot embed are left without a vector. */
  readonly skip: boolean;
}

export interface NamedId {
  readonly id: string;
  readonly name: string;
}

/** `weaver search reembed`. Throws a `StartupError` that says how to go on. */
export async function reembedCommand(
  config: Config,
  io: CommandIo,
  options: ReembedCommandOptions,
): Promise<void> {
  const { missing = false, dryRun = false, skip = false, after } = options;
  mustExist(config.database);
  const embedder = createEmbedder(config.embedder);
  await untilInterrupted(undefined, stopped =>
    withReadyDatabase(config, async database => {
      const tenants = await tenantsOf(database, options);
      if (tenants.length === 0)
        io.out('Nothing to do: there is no tenant, or none from --after on.');
      for (const tenant of tenants) {
        const chunksToEmbed = {
          tenantId: tenant.id,
          missing,
          after: tenant.id === after?.tenantId ? after.chunkId : FIRST,
        };
        if (dryRun) {
          stopped.throwIfAborted();
          const [chunks, characters] = [
            await countChunksToEmbed(database, chunksToEmbed),
            await countCharactersToEmbed(database, chunksToEmbed),
          ];
          io.out(
            `${tenant.name} (${tenant.id}): would embed ${chunks} chunks, ${characters} ` +
              `characters, by ${embedder.model}.`,
          );
        } else {
          const { done, skipped } = await reembedTenant(
            database,
            { embedder, skip },
            tenant,
            chunksToEmbed,
            io,
            stopped,
          );
          const left = skipped > 0 ? `, left ${skipped} without a vector` : '';
          io.out(
            `${tenant.name} (${tenant.id}): embedded ${done} chunks by ${embedder.model}${left}.`,
          );
        }
      }
    }),
  );
}

/** Those that are meant, each once, in the order of their ids: from `after` on. */
export async function tenantsOf(
  database: Database,
  {
    all,
    tenant: names = [],
    after,
  }: Pick<ReembedCommandOptions, 'all' | 'tenant'> & { after?: { readonly tenantId: string } },
): Promise<NamedId[]> {
  const tenants = await database.write('tenantsToReembed', OPERATOR_SCOPE, async em => {
    const found = all ? await em.find(Tenant, {}) : [];
    for (const name of names) found.push(await findTenant(em, name));
    return found.map(({ id, name }): NamedId => ({ id, name }));
  });
  const each = [...new Map(tenants.map(tenant => [tenant.id, tenant])).values()];
  return each
    .filter(({ id }) => after === undefined || id >= after.tenantId)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** How many chunks it embedded, and how many it left without a vector. */
async function reembedTenant(
  database: Database,
  { embedder, skip }: Embedding,
  { id, name }: NamedId,
  chunksToEmbed: ChunksToEmbed,
  io: CommandIo,
  stopped: AbortSignal,
): Promise<{ done: number; skipped: number }> {
  let progress: Progress | undefined;
  let done = 0;
  let skipped = 0;
  let last = chunksToEmbed.after;
  const retrying = retryingEmbedder(embedder, stopped, cause =>
    progress?.update(done, `${cause} Waiting.`),
  );
  try {
    stopped.throwIfAborted();
    progress = new Progress(io, `Embedding ${name}`, {
      total: await countChunksToEmbed(database, chunksToEmbed),
      unit: 'chunks',
    });
    await reembedChunks(database, retrying, chunksToEmbed, {
      stored(count, lastId) {
        done += count;
        last = lastId;
        progress?.update(done);
      },
      refused({ chunkId, documentId, refusal }) {
        const chunk =
          `chunk ${chunkId} of document ${documentId}, whose text ` + beginning(refusal.text);
        if (!skip)
          throw new StartupError(
            `The embedding service cannot embed ${chunk}, while it embeds others: ` +
              `${reason(refusal)}. With --skip, the command leaves such chunks without a vector`,
          );
        skipped += 1;
        io.say(`Left without a vector: ${chunk}.`);
      },
    });
    return { done, skipped };
  } catch (error) {
    throw new StartupError(
      `${name}: ${done} chunks were embedded. ${reason(error)}. To continue, run the ` +
        `same command with --after ${id}/${last}`,
      { cause: error },
    );
  } finally {
    progress?.end();
  }
}

/**
 * Nobody waits for the answer: a service that is busy or down for a while does not end hours of
 * work.
 */
const MAX_OUTAGE_MS = 600_000;
const MIN_WAIT_MS = 2_000;

/**
 * The embedder, which tries each batch again as long as a later try makes sense and for ten minutes
 * at most. Throws as `embedder` does, and `signal`'s reason.
 */
export function retryingEmbedder(
  embedder: Embedder,
  signal: AbortSignal,
  waiting: (cause: string) => void,
): Pick<Embedder, 'embed'> {
  const embedBatch = async (texts: readonly string[]): Promise<number[][]> => {
    for (const endsAt = performance.now() + MAX_OUTAGE_MS; ;) {
      try {
        signal.throwIfAborted();
        return await embedder.embed(texts, { signal });
      } catch (error) {
        const { retryAfterMs, message } = error as Partial<AppError>;
        if (retryAfterMs === undefined || signal.aborted || performance.now() >= endsAt)
          throw error;
        waiting(message!);
        await sleep(Math.max(retryAfterMs, MIN_WAIT_MS), undefined, { signal }).catch(() =>
          signal.throwIfAborted(),
        );
      }
    }
  };
  return {
    async embed(texts) {
      const vectors: number[][] = [];
      for (let start = 0; start < texts.length; start += embedder.batchSize) {
        const batch = texts.slice(start, start + embedder.batchSize);
        try {
          vectors.push(...(await embedBatch(batch)));
        } catch (error) {
          throw error instanceof TextRefusal ? error.at(start + error.index) : error;
        }
      }
      return vectors;
    },
  };
}
