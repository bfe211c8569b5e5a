import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config.js';
import { EXTENSIONS, INDEXED_UNDER_POLICIES, SORT_KEY_SIGNATURE } from '../bootstrap/bootstrap.js';
import { reason } from '../connection-errors.js';
import { sharesSessions } from '../session-pooling.js';
import type { Database } from '../../db/database.js';
import { RESTORING } from '../../db/open/embedded-folder.js';
import { examineConnection } from './connection.js';
import { fail, ok, warn, type Finding } from './finding.js';
import { tryCanary } from './canary.js';
import { probeWalls } from './probes.js';
import { examineRows } from './rows.js';
import { examineSurroundings } from './server.js';
import { examineWalls } from './walls.js';
import { LOG_WITHOUT_TABLES_MESSAGE, migrationState, missingTables } from '../migrations/state.js';
import { OPERATOR_ROLE, TENANT_ROLE } from '../../db/roles.js';
import {
  compareVersions,
  loginAbovePolicies,
  MIN_SERVER_VERSION,
  MIN_VECTOR_VERSION,
  SAFE_VECTOR_VERSION,
  serverFacts,
  type ServerFacts,
} from '../server-checks.js';

/**
 * Everything that must hold of the live database that `config` names, one finding each, in the
 * order in which to mend. Changes nothing.
 */
export async function examine(
  database: Database,
  { database: config, production }: Pick<Config, 'database' | 'production'>,
): Promise<Finding[]> {
  const facts = await serverFacts(database);
  const prepared = rolesExist(facts);
  const unreportedPooler =
    config.kind === 'postgres' && config.pooler === 'none'
      ? await findUnreportedPooler(database)
      : [];
  const connection =
    config.kind === 'postgres' ? [await examineConnection(database, config.address)] : [];
  const findings = [
    ...unreportedPooler,
    ...server(facts),
    ...connection,
    ...extensions(facts, database.kind),
    ...roles(facts),
  ];
  if (database.kind === 'postgres') findings.push(...login(facts, production));
  if (config.kind === 'embedded') findings.push(...interruptedRestore(config.dataDir));
  findings.push(...(await examineSurroundings(database)));
  findings.push(await indexesUnderPolicies(database));
  const migrations = await examineMigrations(database).catch(error => [
    fail(`The log of migrations cannot be read: ${reason(error)}.`, 'Mend the above first.'),
  ]);
  findings.push(...migrations);
  if (prepared && !migrations.some(finding => finding.level === 'fail')) {
    findings.push(...(await sortKeyUnderPolicies(database)));
    const readFailure = (error: unknown): Finding[] => [
      fail(`The rows cannot be looked at: ${reason(error)}.`, 'Mend the above first.'),
    ];
    findings.push(...(await examineRows(database).catch(readFailure)));
    findings.push(...(await examineWalls(database, facts.login)));
    findings.push(
      ...(await probeWalls(database, production).catch(error => [
        fail(`The walls cannot be tried: ${reason(error)}.`, 'Mend the above first.'),
      ])),
    );
    findings.push(
      await tryCanary(database).catch(error =>
        fail(`The walls cannot be tried with a canary: ${reason(error)}.`, 'Mend the above first.'),
      ),
    );
  }
  return findings;
}

/** While the doctor has the folder, no restore is at work. */
function interruptedRestore(dataDir: string): Finding[] {
  const left = join(dataDir, RESTORING);
  if (!existsSync(left)) return [];
  return [
    warn(
      `An interrupted restore left a copy of a database in ${left}.`,
      'Delete that folder: no command uses it, and the next restore deletes it.',
    ),
  ];
}

/**
 * Statements have names unless the gateway is told, and a name is known on one connection of the
 * server's only.
 */
async function findUnreportedPooler(database: Database): Promise<Finding[]> {
  if (!(await sharesSessions(database))) return [];
  return [
    warn(
      'DATABASE_URL leads to a pooler in transaction mode, and DATABASE_POOLER does not ' +
        'say so: statements can fail.',
      'Set DATABASE_POOLER=transaction.',
    ),
  ];
}

function server({ serverVersion, fullVersion }: ServerFacts): Finding[] {
  if (serverVersion < MIN_SERVER_VERSION)
    return [
      fail(
        `PostgreSQL ${fullVersion} is too old.`,
        `Upgrade it to ${MIN_SERVER_VERSION} or later.`,
      ),
    ];
  return [ok(`PostgreSQL ${fullVersion}`)];
}

function extensions(
  { extensions: installed, available }: ServerFacts,
  kind: Database['kind'],
): Finding[] {
  return EXTENSIONS.map(name => {
    const version = installed[name];
    if (version === undefined) {
      const hint =
        available[name] === undefined
          ? 'Install it on the server, then run "npx weaver db bootstrap" as a superuser.'
          : 'Run "npx weaver db bootstrap" as a superuser.';
      return fail(`The extension ${name} is missing.`, hint);
    }
    // The embedded database has no parallel workers, and its version comes with Weaver.
    return name === 'vector' && kind === 'postgres'
      ? vector(version, available.vector)
      : ok(`Extension ${name} ${version}`);
  });
}

function vector(version: string, available: string | undefined): Finding {
  const newer = available !== undefined && compareVersions(available, version) > 0;
  const update = newer
    ? `Run "alter extension vector update" (the server has ${available}).`
    : `Install pgvector ${SAFE_VECTOR_VERSION} or later on the server, then run "alter ` +
      'extension vector update".';
  if (compareVersions(version, MIN_VECTOR_VERSION) < 0)
    return fail(
      `pgvector ${version} is too old: Weaver needs ${MIN_VECTOR_VERSION} or later.`,
      update,
    );
  if (compareVersions(version, SAFE_VECTOR_VERSION) < 0)
    return warn(
      `pgvector ${version}: parallel index builds can leak other tables' data (CVE-2026-3172).`,
      update,
    );
  return ok(`Extension vector ${version}`);
}

function rolesExist(facts: ServerFacts): boolean {
  return [TENANT_ROLE, OPERATOR_ROLE].every(role => facts.existingRoles.includes(role));
}

function roles(facts: ServerFacts): Finding[] {
  return [TENANT_ROLE, OPERATOR_ROLE].map(role => {
    if (!facts.existingRoles.includes(role))
      return fail(`The role ${role} is missing.`, 'Run "npx weaver db bootstrap" as a superuser.');
    if (facts.strongRoles.includes(role)) {
      return fail(
        `The role ${role} can log in or bypasses row-level security.`,
        `As a superuser: alter role ${role} nologin nosuperuser nobypassrls.`,
      );
    }
    return ok(`Role ${role}`);
  });
}

function login(facts: ServerFacts, production: boolean): Finding[] {
  const { grantedRoles, inheritedRoles, existingRoles } = facts;
  const own =
    'Make a login of its own with "npx weaver db bootstrap --login <name>" and use that in ' +
    'DATABASE_URL.';
  const above = loginAbovePolicies(facts);
  if (above) {
    const who = `The login ${facts.login} ${above}`;
    const message = `${who}: a forgotten role would show every tenant's rows.`;
    return [production ? fail(message, own) : warn(`${message} Refused in production.`, own)];
  }
  const bootstrapHint = `Run "npx weaver db bootstrap --login ${facts.login}" as a superuser.`;
  const missing = existingRoles.filter(role => !grantedRoles.includes(role));
  if (missing.length > 0)
    return [fail(`The login ${facts.login} may not take ${missing.join(' and ')}.`, bootstrapHint)];
  if (inheritedRoles.length > 0) {
    const message =
      `The login ${facts.login} has the rights of ${inheritedRoles.join(' and ')} without ` +
      'taking the role.';
    return [
      production
        ? fail(message, bootstrapHint)
        : warn(`${message} Refused in production.`, bootstrapHint),
    ];
  }
  return [ok(`The login ${facts.login} owns nothing, inherits nothing and may take both roles`)];
}

/**
 * Not part of the schema, and no difference that `db check` tells: without it answers are right,
 * and slow.
 */
async function indexesUnderPolicies(database: Database): Promise<Finding> {
  const functions = INDEXED_UNDER_POLICIES.map(
    signature => `'pg_catalog.${signature}'::regprocedure`,
  ).join();
  const sql =
    `select proname::text as name from pg_proc where oid in (${functions}) ` +
    'and not proleakproof order by 1';
  const rows: { name: string }[] = await database.orm.em.getDriver().getConnection().execute(sql);
  const unmarked = rows.map(({ name }) => name);
  if (unmarked.length === 0)
    return ok('Searches by words and by metadata use their indexes under row-level security');
  return warn(
    `${unmarked.join(' and ')} ${unmarked.length > 1 ? 'are' : 'is'} not marked ` +
      'leakproof: searches by words and by metadata are correct, but read all chunks of the ' +
      'tenant.',
    'Run "npx weaver db bootstrap" as a superuser, again after a restore on another ' +
      'server. Where nobody is one, leave it (docs/search-paths.md).',
  );
}

/**
 * The same of Weaver's own function: where nobody says so, a page of a list by name reads all names
 * before it.
 */
async function sortKeyUnderPolicies(database: Database): Promise<Finding[]> {
  const sql =
    'select proleakproof as marked from pg_proc ' +
    `where oid = to_regprocedure('${SORT_KEY_SIGNATURE}')`;
  const rows: { marked: boolean }[] = await database.orm.em
    .getDriver()
    .getConnection()
    .execute(sql);
  return rows.map(({ marked }) =>
    marked
      ? ok('Lists by name find their pages by an index under row-level security')
      : warn(
          'weaver_sort_key is not marked leakproof: lists by name are correct, but each page ' +
            'reads all names of the tenant before it.',
          'Run "npx weaver db bootstrap" as a superuser. Where nobody is one, leave it ' +
            '(docs/decisions/0012-names-in-alphabetical-order.md).',
        ),
  );
}

async function examineMigrations(database: Database): Promise<Finding[]> {
  const { executed, pending, unknown, edited } = await migrationState(database);
  if (executed.length === 0)
    return [fail("None of Weaver's tables are there yet.", 'Run "npx weaver db up".')];
  const findings: Finding[] = [];
  if (unknown.length > 0)
    findings.push(
      warn(
        `Migrations of another version of Weaver are applied: ${unknown.join(', ')}.`,
        'Use that version, or a later one.',
      ),
    );
  if (edited.length > 0)
    findings.push(
      warn(
        `Migrations were edited after they were applied: ${edited.join(', ')}.`,
        'Undo the edit and put the change into a new migration. "npx weaver db check" says ' +
          'whether the tables are as the migrations make them.',
      ),
    );
  if (pending.length > 0)
    findings.push(
      fail(`Migrations are pending: ${pending.join(', ')}.`, 'Run "npx weaver db up".'),
    );
  const missing = await missingTables(database);
  if (pending.length === 0 && missing.length > 0)
    findings.push(
      fail(
        'The log says that every migration is applied, and tables are missing: ' +
          `${missing.join(', ')}.`,
        LOG_WITHOUT_TABLES_MESSAGE,
      ),
    );
  return findings.length > 0
    ? findings
    : [ok(`No migration is pending; the last is ${executed.at(-1)!.name}`)];
}
