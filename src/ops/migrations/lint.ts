import { readFileSync } from 'node:fs';
import { emittedSql, migrationFiles } from './emitted-sql.js';
import { isWiderText, readSql, type Hazard } from './read-sql.js';

/** Something in a migration that can hurt a database with rows and users. */
export interface LintFinding {
  readonly migration: string;
  readonly rule: LintRule;
  /** 1 is the first; undefined for a finding about the whole migration. */
  readonly statement: number | undefined;
  /** In the file that is read; undefined where the statement is put together in code. */
  readonly line: number | undefined;
  /** What it does, the lock that it takes among it, and what to do instead. */
  readonly message: string;
  /** Why it is all right, as the migration says. */
  readonly allowed: string | undefined;
}

type LintRule =
  | Hazard
  | 'no-down'
  | 'several-outside-transaction'
  | 'concurrently-in-transaction'
  | 'asks-database'
  | 'rows-unclear'
  | 'unsteady';

/** By hazard: the lock that it takes, and what to do instead. */
const RULES: Record<Hazard, string> = {
  'index-blocks-writes':
    'SHARE lock: nobody writes to the table while the index is built. Use "create index ' +
    'concurrently" in a migration of its own, with isTransactional() false.',
  'concurrently-if-not-exists':
    'It passes over an index of that name, whatever it is an index of. Leave out "if not ' +
    'exists": the invalid rest of an earlier run is dropped first.',
  'drop-index-blocks':
    'ACCESS EXCLUSIVE lock on the table, behind whatever reads it. Use "drop index ' +
    'concurrently" in a migration of its own, with isTransactional() false.',
  'column-type':
    'ACCESS EXCLUSIVE lock while the table is written anew, except for a longer varchar. ' +
    'Add a column, fill it in batches, then change over.',
  'volatile-default':
    'ACCESS EXCLUSIVE lock while the table is written anew, since each row gets a value ' +
    'of its own. Add the column without a default, set the default, then fill in batches.',
  'stored-generated':
    'ACCESS EXCLUSIVE lock while the table is written anew. Add an ordinary column with ' +
    'a trigger, and fill it in batches.',
  'not-null-without-default':
    'Fails where the table has rows. Give it a default, or add it nullable and fill it first.',
  'set-not-null':
    'ACCESS EXCLUSIVE lock while every row is read. Add "check (… is not null) not ' +
    'valid", validate it in a later migration, then this reads nothing.',
  'constraint-not-valid':
    'Blocks writes (ACCESS EXCLUSIVE for a check, SHARE ROW EXCLUSIVE on both tables for ' +
    'a foreign key) while every row is read. Add it "not valid", and "validate ' +
    'constraint" in a later migration.',
  'unique-constraint':
    'ACCESS EXCLUSIVE lock while its index is built. Build a unique index concurrently ' +
    'first, then "add constraint … using index".',
  'drop-column':
    'Loses values, and breaks gateways of the version before that still read them. Drop ' +
    'it one version after the last that uses it.',
  'drop-table':
    'Loses rows, and breaks gateways of the version before that still read them. Drop it ' +
    'one version after the last that uses it.',
  rename:
    'Breaks gateways of the version before that use the old name. Add the new one beside ' +
    'it, and drop the old one a version later. The values stay: where the new name means ' +
    'something else, the old values would be taken for it.',
  'update-all-rows':
    'Locks every row until the end of the migration, and row-level security hides rows ' +
    'from the owner. Do it in batches.',
};

/**
 * Looks at the SQL of migrations; of all, where none is named. Statements on tables that the same
 * migration makes are harmless.
 */
export async function lintMigrations(names: readonly string[]): Promise<LintFinding[]> {
  const files = migrationFiles();
  const findings: LintFinding[] = [];
  for (const name of names) findings.push(...(await lintMigration(name, files.get(name)!)));
  return findings;
}

async function lintMigration(migration: string, file: string): Promise<LintFinding[]> {
  const { up, down, transactional, readsDatabase, hash } = await emittedSql(file);
  const source = readFileSync(file, 'utf8');
  const whole = (rule: LintRule, message: string): LintFinding => ({
    migration,
    rule,
    statement: undefined,
    line: undefined,
    message,
    allowed: allowReason(source, rule),
  });
  const findings: LintFinding[] = [];
  if (down === undefined)
    findings.push(
      whole(
        'no-down',
        'It cannot be reverted. Write "down", even if it only restores what has no rows.',
      ),
    );
  if (!transactional && up.length > 1) {
    findings.push(
      whole(
        'several-outside-transaction',
        'Outside a transaction a failure cannot undo the statements before it. Give each ' +
          'statement a migration of its own.',
      ),
    );
  }
  const readings = await Promise.all([...up, ...(down ?? [])].map(readSql));
  if (transactional && readings.some(({ concurrent }) => concurrent)) {
    findings.push(
      whole(
        'concurrently-in-transaction',
        '"concurrently" cannot be in a transaction: it would fail. Let isTransactional() ' +
          'return false.',
      ),
    );
  }
  if (readsDatabase)
    findings.push(
      whole(
        'asks-database',
        'It runs statements beside those that it hands over: no script can be made of ' +
          'it, and an edit may go unnoticed. Use addSql.',
      ),
    );
  if (hash === undefined)
    findings.push(
      whole(
        'unsteady',
        'It says something else each time, such as a random id or the time of day: an ' +
          'edit of it goes unnoticed. Let the database make the value: gen_random_uuid(), ' +
          'now().',
      ),
    );
  const own = new Set<string>();
  const types = await typesBefore(migration);
  for (const [index, sql] of up.entries()) {
    const { creates, columns, unclear, hazards } = readings[index]!;
    for (const table of creates) own.add(table);
    const found = (rule: LintRule, message: string): void =>
      void findings.push({
        migration,
        rule,
        statement: index + 1,
        line: lineOf(source, sql),
        message,
        allowed:
          allowReason(sql, rule) ?? allowReason(source, rule, rule === 'rows-unclear' ? '' : '// '),
      });
    const hurts = hazards.filter(
      ({ table, column }) =>
        !own.has(table ?? '') &&
        !(column && isWiderText(types.get(column.column) ?? '', column.type)),
    );
    for (const { column, type } of columns) types.set(column, type);
    for (const hazard of new Set(hurts.map(({ hazard: name }) => name)))
      found(hazard, RULES[hazard]);
    if (unclear.length > 0)
      found(
        'rows-unclear',
        `It ${unclear.join(' and ')}: nobody can tell which rows it removes, so a run ` +
          'asks first. Write plain statements, or say in a comment why none goes.',
      );
  }
  return findings;
}

/** The types of columns that the migrations before one make. */
async function typesBefore(migration: string): Promise<Map<string, string>> {
  const types = new Map<string, string>();
  for (const [name, file] of migrationFiles()) {
    if (name >= migration) break;
    for (const sql of (await emittedSql(file)).up)
      for (const { column, type } of (await readSql(sql)).columns) types.set(column, type);
  }
  return types;
}

/** `-- lint: allow <rule>: <reason>` in the statement, or `// lint: …` for all of a file. */
function allowReason(text: string, rule: LintRule, begins = ''): string | undefined {
  return new RegExp(String.raw`${begins}lint: allow ${rule}: *(\S[^\n]*)`).exec(text)?.[1]?.trim();
}

function lineOf(source: string, sql: string): number | undefined {
  const first = sql.trim().split('\n', 1)[0]!.trim().slice(0, 60);
  const line = source.split('\n').findIndex(text => text.includes(first));
  return line === -1 ? undefined : line + 1;
}
