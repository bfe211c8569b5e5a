import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../../base/startup-error.js';
import type { Config } from '../../config.js';
import type { Database } from '../../db/database.js';
import { OPERATOR_SCOPE } from '../../db/database-scope.js';
import { createEmbedder } from '../../embedders/create-embedder.js';
import { IngestionEvents } from '../../ingestion/ingestion-events.js';
import { startWorker } from '../../ingestion/start-worker.js';
import { createLogger } from '../../observability/logger.js';
import type { CommandContext, CommandIo } from '../command-io.js';
import { findBot } from '../find-bot.js';
import { findTenant } from '../find-tenant.js';
import { untilInterrupted } from '../interruption.js';
import { mustExist, withReadyDatabase } from '../open-database.js';
import { Progress } from '../progress.js';
import { ComingFiles, MAX_COMING } from './coming-files.js';
import { FileImporter } from './file-importer.js';
import { FileRefusal } from './file-refusal.js';
import type { FilePlan, ImportTarget } from './find-document.js';
import { mustBeFolder, readFolder, type FolderFile } from './folder-files.js';
import { Report, type FileOutcome } from './outcomes.js';
import { watchFolder } from './watch-folder.js';

export interface ImportOptions {
  readonly tenant: string;
  readonly bot: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly watch?: boolean;
}

/** How often it is looked whether files are processed. */
const POLL_MS = 250;

/** Refusals that say nothing of the file: another time it may be accepted. */
const PASSING = new Set(['CHANGED', 'UNAVAILABLE']);

/** `weaver import`. */
export async function importCommand(
  config: Config,
  { io, fail }: CommandContext,
  folder: string,
  options: ImportOptions,
): Promise<void> {
  const { json = false, dryRun = false, watch = false } = options;
  if (dryRun && watch) throw new UsageError('--dry-run and --watch cannot be used together.');
  mustExist(config.database);
  await mustBeFolder(folder);
  const report = new Report(io, { json, dryRun, each: false });
  let coming: ComingFiles | undefined;
  const kept = (): string => {
    if (dryRun) return 'nothing was changed';
    const { total } = report;
    const more = coming?.size ?? 0;
    const stored =
      `, and ${more} more ${more === 1 ? 'is' : 'are'} stored, which a gateway or the next ` +
      'import processes';
    return (
      `${total} ${total === 1 ? 'file is' : 'files are'} done${more > 0 ? stored : ''}. To ` +
      'continue, run the same command again'
    );
  };
  await untilInterrupted(kept, async stopped => {
    await withReadyDatabase(config, async database => {
      const target = await findTarget(database, options);
      const events = new IngestionEvents();
      const importer = new FileImporter(config, database, folder, target, events);
      const { files, ...left } = await readFolder(folder);
      if (dryRun) {
        await tellPlans(importer, files, report, stopped);
        return report.summarize(left);
      }
      coming = new ComingFiles(database, target.tenantId);
      const run: ImportRun = { io, folder, importer, coming, stopped };
      const worker = workerOf(config, database, events, io);
      try {
        const passing = await importFiles(run, files, report);
        report.summarize(left);
        if (!watch) return;
        io.say(`Watching ${folder} for files that are added or changed. Ctrl+C ends it.`);
        const each = new Report(io, { json, dryRun, each: true });
        await watchFolder(
          { folder, io, stopped, seen: files.filter(file => !passing.includes(file)) },
          changed => importFiles(run, changed, each, 'later'),
        );
      } catch (error) {
        if (!watch || !stopped.aborted) throw error;
        io.say('Watching has ended. The same command continues it.');
      } finally {
        await worker.close();
      }
    });
  });
  if (report.hasRefused && !watch) fail();
}

async function findTarget(
  database: Database,
  { tenant: tenantName, bot: botName }: ImportOptions,
): Promise<ImportTarget> {
  return database.write('importTarget', OPERATOR_SCOPE, async em => {
    const tenant = await findTenant(em, tenantName);
    const bot = await findBot(em, tenant, botName);
    return { tenantId: tenant.id, botId: bot.id };
  });
}

/** Whoever imports sees what becomes of each file, and of the log only what is unexpected. */
function workerOf(config: Config, database: Database, events: IngestionEvents, io: CommandIo) {
  const level = config.logLevel === 'info' ? 'warn' : config.logLevel;
  const log = createLogger(level, { write: line => io.sayLines(line.trimEnd()) });
  const embedder = createEmbedder(config.embedder, log);
  return startWorker(config, { database, embedder, events, log, metrics: undefined });
}

const PLANNED: Readonly<Record<FilePlan['kind'], Exclude<FileOutcome['outcome'], 'refused'>>> = {
  create: 'created',
  revise: 'revised',
  unchanged: 'unchanged',
  wait: 'unfinished',
  retry: 'unfinished',
};

async function tellPlans(
  importer: FileImporter,
  files: readonly FolderFile[],
  report: Report,
  stopped: AbortSignal,
): Promise<void> {
  for (const file of files) {
    stopped.throwIfAborted();
    try {
      const plan = await importer.plan(file);
      const documentId = plan.kind === 'create' ? null : plan.documentId;
      report.add({ file: file.path, outcome: PLANNED[plan.kind], documentId });
    } catch (error) {
      report.add(refusalOf(file, error));
    }
  }
}

interface ImportRun {
  readonly io: CommandIo;
  readonly folder: string;
  readonly importer: FileImporter;
  readonly coming: ComingFiles;
  readonly stopped: AbortSignal;
}

/**
 * Brings files in, a few ahead of those that are processed, and waits for the end of each. Gives
 * those that were refused for a reason that may pass; `later` tells nothing of them.
 */
async function importFiles(
  { io, folder, importer, coming, stopped }: ImportRun,
  files: readonly FolderFile[],
  report: Report,
  passingIs: 'refused' | 'later' = 'refused',
): Promise<FolderFile[]> {
  const progress = new Progress(io, `Importing ${folder}`, { total: files.length, unit: 'files' });
  const passing: FolderFile[] = [];
  let done = 0;
  const tell = (outcome: FileOutcome): void => {
    done += 1;
    report.add(outcome);
  };
  const takeEnded = async (doing?: string): Promise<void> => {
    for (const ended of await coming.takeEnded()) tell(ended);
    progress.update(done, coming.problem ?? doing);
  };
  const waitForSome = async (): Promise<void> => {
    await sleep(POLL_MS, undefined, { signal: stopped });
    await takeEnded();
  };
  try {
    for (const file of files) {
      stopped.throwIfAborted();
      while (coming.size >= MAX_COMING) await waitForSome();
      try {
        const brought = await importer.bringIn(file);
        const { documentId } = brought;
        if (brought.kind === 'coming')
          coming.add(brought.ingestionId, { file: file.path, documentId });
        else tell({ file: file.path, outcome: 'unchanged', documentId });
      } catch (error) {
        const refusal = refusalOf(file, error);
        const isPassing = PASSING.has(refusal.code);
        if (isPassing) passing.push(file);
        if (!isPassing || passingIs === 'refused') tell(refusal);
      }
      await takeEnded(file.path);
    }
    while (coming.size > 0) await waitForSome();
    return passing;
  } finally {
    progress.end();
  }
}

function refusalOf({ path }: FolderFile, error: unknown): FileOutcome & { outcome: 'refused' } {
  if (!(error instanceof FileRefusal)) throw error;
  const { code, message } = error;
  return { file: path, outcome: 'refused', documentId: null, code, message };
}
