import { AppError } from '../base/app-error.js';
import { StartupError } from '../base/startup-error.js';
import type { Config } from '../config.js';
import { reason } from '../ops/connection-errors.js';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { createEmbedder } from '../embedders/create-embedder.js';
import { measureRecall, type RecallReport } from '../ops/search/recall.js';
import type { CommandIo } from './command-io.js';
import { untilInterrupted } from './interruption.js';
import { findTenant } from './find-tenant.js';
import { mustExist, withReadyDatabase } from './open-database.js';

export interface RecallCommandOptions {
  readonly tenant: string[];
  readonly samples: number;
  readonly topK: number;
  readonly json?: boolean;
}

/** `weaver search recall`. */
export async function recallCommand(
  config: Config,
  io: CommandIo,
  { tenant: wanted, samples, topK, json = false }: RecallCommandOptions,
): Promise<void> {
  mustExist(config.database);
  const embedder = createEmbedder(config.embedder);
  const compare = async (database: Database): Promise<void> => {
    const tenants = await database.write('namedTenant', OPERATOR_SCOPE, async em => {
      const found = [];
      for (const one of wanted) found.push(await findTenant(em, one));
      return found.map(({ id, name }) => ({ id, name }));
    });
    const reports: (RecallReport & { tenantName: string })[] = [];
    for (const { id, name } of tenants) {
      io.show?.(`Comparing ${name} ...`);
      const report = await measureRecall(database, embedder, id, { samples, topK }).catch(
        (error: unknown) => {
          if (error instanceof AppError && error.code === 'UNAVAILABLE')
            throw new StartupError(
              `The logged queries of ${name} could not be embedded: ${reason(error)}.`,
              { cause: error },
            );
          throw error;
        },
      );
      reports.push({ tenantName: name, ...report });
      if (!json) for (const line of linesOf(name, report)) io.out(line);
    }
    if (json) io.outLines(JSON.stringify(reports, null, 2));
  };
  await untilInterrupted('nothing was changed', signal =>
    withReadyDatabase(config, compare, signal),
  );
}

function columns(path: string, ...figures: readonly string[]): string {
  return `  ${path.padEnd(8)}${figures.map(figure => figure.padStart(11)).join('')}`;
}

function linesOf(
  name: string,
  { tenantId, chunks, samples, source, topK, paths, depthFor99 }: RecallReport,
): string[] {
  if (samples === 0)
    return [`${name} (${tenantId}): ${chunks} chunks with vectors, too few to compare.`];
  const from =
    source === 'queries'
      ? 'logged queries'
      : "of the tenant's own chunks, because no query is logged; those are easier to " +
        'answer than questions';
  return [
    `${name} (${tenantId}): ${chunks} chunks, by ${samples} ${from}`,
    columns('path', `recall@${topK}`, 'uncertain', 'median ms'),
    ...paths.map(({ path, recall, uncertain, medianMs }) =>
      columns(path, recall.toFixed(4), `${Math.round(uncertain * 100)} %`, medianMs.toFixed(1)),
    ),
    `  99 % of the nearest are among the ${depthFor99} nearest by code.`,
  ];
}
