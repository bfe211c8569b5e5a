import { StartupError } from '../base/startup-error.js';
import { countChunksToEmbed, FIRST, reembedChunks, type ChunksToEmbed } from '../chunks/reembed-chunks.js';
import type { Config } from '../config.js';
import { reason } from '../db/connection-errors.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { createEmbedder } from '../embedders/create-embedder.js';
import { Tenant } from '../tenants/tenant.entity.js';
import type { CommandIo } from './command-io.js';
import { namedTenant } from './named-tenant.js';
import { mustExist, withReadyDatabase } from './open-database.js';
import { Progress } from './progress.js';

export interface ReembedCommandOptions {
  readonly tenant?: string[];
  readonly all?: boolean;
  readonly missing?: boolean;
  readonly after?: ReembedPlace;
  readonly dryRun?: boolean;
}

/** The last chunk that was done, of the tenant that was being done. */
export interface ReembedPlace {
  readonly tenantId: string;
  readonly chunkId: string;
}

interface NamedId {
  readonly id: string;
  readonly name: string;
}

/** `weaver search reembed`. Throws a `StartupError` that says how to go on. */
export async function reembedCommand(config: Config, io: CommandIo, options: ReembedCommandOptions): Promise<void> {
  const { missing = false, dryRun = false, after } = options;
  mustExist(config.database);
  const embedder = createEmbedder(config.embedder);
  await withReadyDatabase(config, async database => {
    const tenants = await database.write('tenantsToReembed', OPERATOR_SCOPE, async em => {
      const found = options.all ? await em.find(Tenant, {}) : [];
      for (const name of options.tenant ?? []) found.push(await namedTenant(em, name));
      return found.map(({ id, name }): NamedId => ({ id, name }));
    });
    const left = [...new Map(tenants.map(tenant => [tenant.id, tenant])).values()].filter(({ id }) => after === undefined || id >= after.tenantId).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const chunksOf = ({ id }: NamedId): ChunksToEmbed => ({ tenantId: id, missing, after: id === after?.tenantId ? after.chunkId : FIRST });
    if (left.length === 0) io.out('Nothing to do: there is no tenant from --after on.');
    for (const tenant of left) {
      const { chunks, characters } = await countChunksToEmbed(database, chunksOf(tenant));
      if (dryRun) {
        io.out(`${tenant.name} (${tenant.id}): would embed ${chunks} chunks, ${characters} characters, by ${embedder.model}.`);
        continue;
      }
      const progress = new Progress(io, `Embedding ${tenant.name}`, { total: chunks, unit: 'chunks' });
      let done = 0;
      let place: string | undefined;
      try {
        await reembedChunks(database, embedder, chunksOf(tenant), (count, lastId) => {
          done += count;
          place = `${tenant.id}/${lastId}`;
          progress.update(done, `--after ${place}`);
        });
      } catch (error) {
        throw new StartupError(`${tenant.name}: ${done} of ${chunks} chunks were embedded. ${reason(error)}. To go on from here, say the same again with --after ${place ?? `${tenant.id}/${chunksOf(tenant).after}`}.`, { cause: error });
      } finally {
        progress.end();
      }
      io.out(`${tenant.name} (${tenant.id}): embedded ${done} chunks by ${embedder.model}.`);
    }
  });
}
