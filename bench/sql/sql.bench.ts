import 'reflect-metadata';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { v7 } from 'uuid';
import { startGateway } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import { Database } from '../../src/db/database.js';
import { OPERATOR_SCOPE, tenantScope } from '../../src/db/database-scope.js';
import { createSearchIndex } from '../../src/ops/search/search-indexes.js';
import { maintain } from '../../src/ops/maintenance-session.js';
import { ENTITIES } from '../../src/entities.js';
import { createLogger } from '../../src/observability/logger.js';
import { commentOf, makeLogin, migrate, newKeys, urlOf, withClient } from '../shared/database.js';
import { explainStatements } from '../shared/explain.js';
import { graphqlRequest } from '../shared/http-request.js';
import { sentStatements, type SentStatement } from '../shared/sent-statements.js';
import { CHUNKS_OF_DOCUMENT, fillTenants, type TenantPlan } from '../shared/tenants-data.js';
import {
  BEFORE,
  BEFORE_PAGE,
  PAGES,
  SUBJECTS,
  type Operation,
  type Subject,
  type SubjectName,
} from './operations.js';
import {
  beforePageText,
  indexPageText,
  pageText,
  type PlannedOperation,
  type PlannedStatement,
} from './page-text.js';
import { postgresAt } from '../../test/support/postgres-at.js';

const DATABASE = 'weaver_bench_sql';
const LOGIN = 'weaver_bench_sql_gateway';
const OURS = 'Weaver bench';
const OPERATOR_TOKEN = 'the-operator-of-the-bench-sees-all-tenants';
const FOLDER = join(import.meta.dirname, '../../docs/sql');

/**
 * In the order of `SUBJECTS`, then all others. The third has as many chunks as it takes for an
 * index of its own by default.
 */
const TENANTS: readonly TenantPlan[] = [
  120,
  1_000,
  10_000,
  ...Array.from({ length: 300 }, () => 40),
].map((documents, number) => ({ number, documents, ownVectors: number < SUBJECTS.length }));

export function sqlCommand(): Command {
  return new Command('sql')
    .description(
      `Writes docs/sql/: the statements that the gateway sends for some operations, with their
plans. Makes the database ${DATABASE} and the login ${LOGIN}, and drops both afterwards.`,
    )
    .requiredOption(
      '--database-url <url>',
      'a superuser of a PostgreSQL with pgvector, such as postgresql://postgres@localhost/postgres',
    )
    .action(({ databaseUrl }: { databaseUrl: string }) => writeSqlPages(databaseUrl));
}

async function writeSqlPages(serverUrl: string): Promise<void> {
  const adminUrl = urlOf(serverUrl, DATABASE);
  const password = v7();
  const remove = (): Promise<unknown> =>
    withClient(serverUrl, admin =>
      admin
        .query(`drop database if exists ${DATABASE} with (force)`)
        .then(() => admin.query(`drop role if exists ${LOGIN}`)),
    );
  await withClient(serverUrl, admin => commentOf(admin, DATABASE, OURS));
  await remove();
  try {
    await withClient(serverUrl, async admin => {
      await admin.query(`create database ${DATABASE}`);
      await admin.query(`comment on database ${DATABASE} is '${OURS}: statements'`);
    });
    await migrate(adminUrl);
    const subjects = await withClient(adminUrl, async client => {
      await makeLogin(client, LOGIN, password);
      return fill(client);
    });
    await writePages(adminUrl, urlOf(serverUrl, DATABASE, LOGIN, password), subjects);
  } finally {
    await remove();
  }
}

type Subjects = Readonly<Record<SubjectName, Subject & { readonly apiKey: string }>>;

async function fill(client: Parameters<typeof fillTenants>[0]): Promise<Subjects> {
  const tenants = await fillTenants(client, TENANTS);
  const keys = await newKeys(
    client,
    tenants.map(({ id }) => id),
  );
  const { rows } = await client.query<{ id: string; question: string }>(
    'select id, (select embedding::text from doc_chunks where tenant_id = tenants.id ' +
      'order by id limit 1) as question from tenants',
  );
  const questions = new Map(rows.map(({ id, question }) => [id, JSON.parse(question) as number[]]));
  const subjectOf = (name: SubjectName): Subjects[SubjectName] => {
    const { id, botIds, documentIds } = tenants[SUBJECTS.indexOf(name)]!;
    return {
      tenantId: id,
      botId: botIds[0]!,
      documentIds: documentIds.slice(0, 3),
      question: questions.get(id)!,
      apiKey: keys.get(id)!,
    };
  };
  return { usual: subjectOf('usual'), large: subjectOf('large'), indexed: subjectOf('indexed') };
}

async function writePages(adminUrl: string, gatewayUrl: string, subjects: Subjects): Promise<void> {
  const owner = await Database.open(postgresAt(adminUrl, { poolSize: 1 }), ENTITIES, 'migrate');
  const chunks = TENANTS[SUBJECTS.indexOf('indexed')]!.documents * CHUNKS_OF_DOCUMENT;
  await maintain(owner, session =>
    createSearchIndex(session, subjects.indexed.tenantId, chunks),
  ).finally(() => owner.close());

  const config = readConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: gatewayUrl,
    WEAVER_OPERATOR_TOKEN: OPERATOR_TOKEN,
    LOG_LEVEL: 'silent',
  });
  const database = await Database.open(config.database, ENTITIES);
  const gateway = await startGateway({ config, database, log: createLogger('silent') });
  try {
    const before = new Map<string, PlannedStatement>();
    const files = new Map<string, string>();
    for (const page of PAGES) {
      const operations: PlannedOperation[] = [];
      for (const operation of page.operations) {
        const { statements, preparedTexts } = await sentStatements(database, () =>
          ask(gateway.url, operation, subjects[operation.subject]),
        );
        const scope = operation.asOperator
          ? OPERATOR_SCOPE
          : tenantScope(subjects[operation.subject].tenantId);
        const planned = (sent: readonly SentStatement[], as = scope): Promise<PlannedStatement[]> =>
          withClient(gatewayUrl, async client => {
            const plans = await explainStatements(client, as, sent, 'text');
            return sent.map(({ statement: { name, text } }, index) => ({
              name,
              text,
              plan: withoutChance(plans[index]!.text),
            }));
          });
        const isBefore = ({ statement }: SentStatement): boolean => BEFORE.includes(statement.name);
        operations.push({
          operation,
          statements: await planned(statements.filter(sent => !isBefore(sent))),
        });
        for (const sent of [...statements, ...preparedTexts].filter(isBefore)) {
          const { name } = sent.statement;
          // A key is looked up before it is known whose it is.
          if (!before.has(name))
            before.set(
              name,
              (await planned([sent], name.startsWith('apiKey') ? OPERATOR_SCOPE : scope))[0]!,
            );
        }
      }
      files.set(page.file, pageText(page, operations));
    }
    files.set(BEFORE_PAGE, beforePageText(BEFORE.map(name => before.get(name)!)));
    files.set('README.md', indexPageText(PAGES));
    mkdirSync(FOLDER, { recursive: true });
    for (const file of readdirSync(FOLDER)) rmSync(join(FOLDER, file));
    for (const [file, text] of files) writeFileSync(join(FOLDER, file), text);
    console.log(`Wrote ${files.size} pages to docs/sql.`);
  } finally {
    await gateway.close();
    await database.close();
  }
}

/** The same text each time: what is made anew for each run is left out. */
function withoutChance(plan: string): string {
  return plan.replace(/'\d+'::oid/g, `'doc_chunks'::regclass`).replace(/'wvr_\w+'/g, `'wvr_…'`);
}

async function ask(
  url: string,
  { query, variables, asOperator }: Operation,
  subject: Subject & { readonly apiKey: string },
): Promise<void> {
  const { path, headers, body } = graphqlRequest(query, variables(subject), {
    authorization: `Bearer ${asOperator ? OPERATOR_TOKEN : subject.apiKey}`,
  });
  const answer = await fetch(url + path, { method: 'POST', headers, body }).then(response =>
    response.text(),
  );
  if (answer.includes('"errors"')) throw new Error(`The gateway answered ${answer.slice(0, 500)}`);
}
