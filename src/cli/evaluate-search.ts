import { AppError } from '../base/app-error.js';
import { StartupError } from '../base/startup-error.js';
import { Bot } from '../bots/bot.entity.js';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import { OPERATOR_SCOPE } from '../db/database-scope.js';
import { createEmbedder } from '../embedders/create-embedder.js';
import { reason } from '../ops/connection-errors.js';
import { evaluateSearch, type Evaluation, type ExplainedHit } from '../ops/search/evaluate.js';
import { readQuestionFile } from '../ops/search/question-file.js';
import type { CommandIo } from './command-io.js';
import { findTenant } from './find-tenant.js';
import { untilInterrupted } from './interruption.js';
import { mustExist, withReadyDatabase } from './open-database.js';

export interface EvaluateCommandOptions {
  readonly tenant: string;
  readonly bot?: string;
  readonly worst: number;
  readonly json?: boolean;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** `weaver search evaluate`. */
export async function evaluateCommand(
  config: Config,
  io: CommandIo,
  file: string,
  { tenant: wanted, bot: wantedBot, worst, json = false }: EvaluateCommandOptions,
): Promise<void> {
  const questions = readQuestionFile(file);
  mustExist(config.database);
  const embedder = createEmbedder(config.embedder);
  const evaluate = async (database: Database): Promise<void> => {
    const { tenant, bot } = await findScope(database, wanted, wantedBot);
    io.show?.(`Asking ${questions.length} questions of ${tenant.name} ...`);
    const evaluation = await evaluateSearch(
      database,
      embedder,
      { tenantId: tenant.id, botId: bot?.id },
      questions,
      worst,
    ).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'UNAVAILABLE')
        throw new StartupError(`The questions could not be embedded: ${reason(error)}.`, {
          cause: error,
        });
      throw error;
    });
    if (json) io.outLines(JSON.stringify({ tenantName: tenant.name, ...evaluation }, null, 2));
    else
      for (const line of linesOf(bot ? `${tenant.name}, ${bot.name}` : tenant.name, evaluation))
        io.out(line);
  };
  await untilInterrupted('nothing was changed', signal =>
    withReadyDatabase(config, evaluate, signal),
  );
}

interface Named {
  readonly id: string;
  readonly name: string;
}

function findScope(
  database: Database,
  wanted: string,
  wantedBot: string | undefined,
): Promise<{ tenant: Named; bot: Named | undefined }> {
  return database.write('namedTenant', OPERATOR_SCOPE, async em => {
    const { id, name } = await findTenant(em, wanted);
    if (wantedBot === undefined) return { tenant: { id, name }, bot: undefined };
    const where = UUID.test(wantedBot) ? { id: wantedBot } : { name: wantedBot };
    const [bot, other] = await em.find(Bot, { tenant: id, ...where }, { limit: 2 });
    if (!bot)
      throw new StartupError(`${name} has no bot with the id or the exact name ${wantedBot}.`);
    if (other)
      throw new StartupError(
        `${name} has more than one bot called ${wantedBot}. Give the id of one.`,
      );
    return { tenant: { id, name }, bot: { id: bot.id, name: bot.name } };
  });
}

function columns(mode: string, ...figures: readonly string[]): string {
  return `  ${mode.padEnd(10)}${figures.map(figure => figure.padStart(9)).join('')}`;
}

function linesOf(name: string, { modes, questions }: Evaluation): string[] {
  const explained = questions.filter(({ hits }) => hits !== undefined);
  return [
    `${name}: ${questions.length} questions`,
    columns('mode', 'hit@1', 'hit@3', 'hit@10', 'MRR'),
    ...modes.map(({ mode, hit1, hit3, hit10, mrr }) =>
      columns(mode, ...[hit1, hit3, hit10, mrr].map(share => share.toFixed(3))),
    ),
    ...(explained.length > 0 ? ['', 'The worst questions in the mode HYBRID:'] : []),
    ...explained.flatMap(({ question, expected, ranks, hits }) => [
      '',
      `  ${question.replace(/\s+/g, ' ')}`,
      `    expected ${expected.join(' or ')}; ${Object.entries(ranks)
        .map(([mode, rank]) => `${mode} ${rank ?? 'not in 10'}`)
        .join(', ')}`,
      ...hits!.map(lineOfHit),
    ]),
  ];
}

function lineOfHit(hit: ExplainedHit): string {
  const words = hit.words
    .slice(0, 6)
    .map(({ word, score }) => `${word} ${score.toFixed(2)}`)
    .join(', ');
  return (
    `    ${hit.rank}. ${hit.isRight ? 'right: ' : ''}${hit.document} [${hit.chunkIndex}] score ` +
    `${hit.score.toFixed(3)}: vector ${hit.vectorPart.toFixed(2)}, keyword ` +
    `${hit.keywordPart.toFixed(2)}${words && ` (${words})`}`
  );
}
