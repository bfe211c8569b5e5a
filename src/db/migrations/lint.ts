import { readFileSync } from 'node:fs';
import { emittedSql, migrationFiles } from './emitted-sql.js';
import { isWiderText, readSql } from './read-sql.js';

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
  | keyof typeof RULES
  | 'no-down'
  | 'several-outside-transaction'
  | 'concurrently-in-transaction'
  | 'asks-database'
  | 'rows-unclear'
  | 'unsteady';

interface Rule {
  /**
   * Matches a statement whose comments and literals are taken out; the first group names its table.
   */
  readonly pattern: RegExp;
  readonly unless?: RegExp;
  readonly message: string;
}

const TABLE = String.raw`(?:if exists )?(?:only )?(?:"?\w+"?\.)?"?(\w+)"?`;
const VOLATILE_FUNCTIONS = [
  'gen_random_uuid',
  String.raw`uuid_generate_v\d`,
  'uuidv7',
  'random',
  'clock_timestamp',
  'timeofday',
  'nextval',
];
const VOLATILE = String.raw`(?:${VOLATILE_FUNCTIONS.join('|')})\s*\(`;
const alter = (rest: string): RegExp =>
  new RegExp(String.raw`^alter table ${TABLE} .*?${rest}`, 'i');

const RULES = {
  'index-blocks-writes': {
    pattern: new RegExp(
      String.raw`^create (?:unique )?index (?!concurrently\b)(?:.*? )?on ${TABLE}`,
      'i',
    ),
    message:
      'SHARE lock: nobody writes to the table while the index is built. Use "create ' +
      'index concurrently" in a migration of its own, with isTransactional() false.',
  },
  'concurrently-if-not-exists': {
    pattern: new RegExp(
      String.raw`^create (?:unique )?index concurrently if not exists (?:.*? )?on ${TABLE}`,
      'i',
    ),
    message:
      'It passes over an index of that name, whatever it is an index of. Leave out "if ' +
      'not exists": the invalid rest of an earlier run is dropped first.',
  },
  'drop-index-blocks': {
    // Its table is not named, so it always counts as existing.
    pattern: /^drop index (?!concurrently\b)()/i,
    message:
      'ACCESS EXCLUSIVE lock on the table, behind whatever reads it. Use "drop index ' +
      'concurrently" in a migration of its own, with isTransactional() false.',
  },
  'column-type': {
    pattern: alter(String.raw`alter (?:column )?"?\w+"? (?:set data )?type\b`),
    message:
      'ACCESS EXCLUSIVE lock while the table is written anew, except for a longer ' +
      'varchar. Add a column, fill it in batches, then change over.',
  },
  'volatile-default': {
    pattern: alter(String.raw`add (?:column )?(?!constraint\b).*default [^,]*?${VOLATILE}`),
    message:
      'ACCESS EXCLUSIVE lock while the table is written anew, since each row gets a ' +
      'value of its own. Add the column without a default, set the default, then fill in ' +
      'batches.',
  },
  'stored-generated': {
    pattern: alter(String.raw`add (?:column )?(?!constraint\b).*generated always as\b.*\bstored`),
    message:
      'ACCESS EXCLUSIVE lock while the table is written anew. Add an ordinary column ' +
      'with a trigger, and fill it in batches.',
  },
  'not-null-without-default': {
    pattern: alter(String.raw`add (?:column )?(?!constraint\b)"?\w+"? [^,]*not null`),
    unless: /\bdefault\b|\bgenerated\b/i,
    message:
      'Fails where the table has rows. Give it a default, or add it nullable and fill it first.',
  },
  'set-not-null': {
    pattern: alter(String.raw`alter (?:column )?"?\w+"? set not null`),
    message:
      'ACCESS EXCLUSIVE lock while every row is read. Add "check (… is not null) not ' +
      'valid", validate it in a later migration, then this reads nothing.',
  },
  'constraint-not-valid': {
    pattern: alter(String.raw`add (?:constraint "?\w+"? )?(?:check\b|foreign key\b)`),
    unless: /not valid/i,
    message:
      'Blocks writes (ACCESS EXCLUSIVE for a check, SHARE ROW EXCLUSIVE on both tables ' +
      'for a foreign key) while every row is read. Add it "not valid", and "validate ' +
      'constraint" in a later migration.',
  },
  'unique-constraint': {
    pattern: alter(String.raw`add (?:constraint "?\w+"? )?(?:unique|primary key)\b`),
    unless: /using index/i,
    message:
      'ACCESS EXCLUSIVE lock while its index is built. Build a unique index concurrently ' +
      'first, then "add constraint … using index".',
  },
  'drop-column': {
    pattern: alter(
      String.raw`drop (?:column )?(?!(?:constraint|default|expression|identity|not)\b)"?\w+"?`,
    ),
    message:
      'Loses values, and breaks gateways of the version before that still read them. ' +
      'Drop it one version after the last that uses it.',
  },
  'drop-table': {
    pattern: new RegExp(`^drop table ${TABLE}`, 'i'),
    message:
      'Loses rows, and breaks gateways of the version before that still read them. Drop ' +
      'it one version after the last that uses it.',
  },
  rename: {
    pattern: alter(String.raw`rename\b`),
    message:
      'Breaks gateways of the version before that use the old name. Add the new one ' +
      'beside it, and drop the old one a version later. The values stay: where the new ' +
      'name means something else, the old values would be taken for it.',
  },
  'update-all-rows': {
    pattern: new RegExp(String.raw`^(?:update ${TABLE}|delete from ${TABLE}) `, 'i'),
    unless: /\bwhere\b/i,
    message:
      'Locks every row until the end of the migration, and row-level security hides rows ' +
      'from the owner. Do it in batches.',
  },
} satisfies Record<string, Rule>;

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
  const { up, down, transactional, asksDatabase, steady } = await emittedSql(file);
  const source = readFileSync(file, 'utf8');
  const whole = (rule: LintRule, message: string): LintFinding => ({
    migration,
    rule,
    statement: undefined,
    line: undefined,
    message,
    allowed: allowedBy(source, rule),
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
  if (
    transactional &&
    [...up, ...(down ?? [])].some(sql => /\bconcurrently\b/i.test(bareSql(sql)))
  ) {
    findings.push(
      whole(
        'concurrently-in-transaction',
        '"concurrently" cannot be in a transaction: it would fail. Let isTransactional() ' +
          'return false.',
      ),
    );
  }
  if (asksDatabase)
    findings.push(
      whole(
        'asks-database',
        'It runs statements beside those that it hands over: no script can be made of ' +
          'it, and an edit may go unnoticed. Use addSql.',
      ),
    );
  if (!steady)
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
    const { creates, columns, unclear, statements } = await readSql(sql);
    for (const table of creates) own.add(table);
    const found = (rule: LintRule, message: string): void =>
      void findings.push({
        migration,
        rule,
        statement: index + 1,
        line: lineOf(source, sql),
        message,
        allowed: allowedBy(rule === 'rows-unclear' ? source : sql, rule),
      });
    const longer =
      columns.length > 0 &&
      columns.every(({ column, type }) => isWiderText(types.get(column) ?? '', type));
    for (const { column, type } of columns) types.set(column, type);
    for (const bare of statements.map(bareSql)) {
      for (const [rule, { pattern, unless, message }] of Object.entries(
        RULES as Record<keyof typeof RULES, Rule>,
      )) {
        const match = pattern.exec(bare);
        if (
          !match ||
          unless?.test(bare) ||
          own.has(match[1] ?? match[2] ?? '') ||
          (rule === 'column-type' && longer)
        )
          continue;
        found(rule as LintRule, message);
      }
    }
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

/** On one line, without comments and with literals and bodies of functions emptied. */
function bareSql(sql: string): string {
  return sql
    .replace(/\$(\w*)\$.*?\$\1\$/gs, "''")
    .replace(/\/\*.*?\*\/|--[^\n]*/gs, ' ')
    .replace(/'(?:[^']|'')*'/g, "''")
    .replace(/\s+/g, ' ')
    .trim();
}

/**
 * `-- lint: allow <rule>: <reason>`, in the statement; for what is about the whole migration,
 * anywhere in its file.
 */
function allowedBy(text: string, rule: LintRule): string | undefined {
  return new RegExp(String.raw`lint: allow ${rule}: *(\S[^\n]*)`).exec(text)?.[1]?.trim();
}

function lineOf(source: string, sql: string): number | undefined {
  const first = sql.trim().split('\n', 1)[0]!.trim().slice(0, 60);
  const line = source.split('\n').findIndex(text => text.includes(first));
  return line === -1 ? undefined : line + 1;
}
