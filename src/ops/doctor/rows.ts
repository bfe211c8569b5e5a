import { calendarConstraint, inCalendar } from '../../db/calendar-times.js';
import type { Database } from '../../db/database.js';
import { OPERATOR_SCOPE } from '../../db/database-scope.js';
import { fail, ok, warn, type Finding } from './finding.js';
import { statement } from '../../db/statement.js';
import { withUnicodeDomain } from '../../users/email-input.js';

/** The index that keeps an e-mail address to one user of a tenant, and what it compares. */
const ONE_USER_INDEX = 'profiles_email_one_user';
const ADDRESS = `"left"(weaver_fold(email), 600)`;
const BY_ADDRESS = `profiles (tenant_id, ${ADDRESS})`;
const MAKE_ONE_USER_INDEX = `create unique index concurrently ${ONE_USER_INDEX} on ${BY_ADDRESS}`;

/** Constraints on what other programs write, what a row that breaks it has, and what to do. */
const SHAPES: Readonly<Record<string, { readonly has: string; readonly repair: string }>> = {
  bot_queries_sources_are_objects: {
    has: 'sources that are not all objects',
    repair: 'Make each element of sources a JSON object, as a superuser.',
  },
  api_keys_scopes_one_list: {
    has: 'scopes in a list of lists',
    repair: 'Give scopes one dimension, as a superuser.',
  },
  docs_tags_are_texts: {
    has: 'tags that are null or in a list of lists',
    repair: 'Give tags one dimension without nulls, as a superuser.',
  },
};
const SHAPE_NAMES = Object.keys(SHAPES)
  .map(name => `'${name}'`)
  .join(', ');

/** Rows, and groups of them, that a finding names. */
const MAX_LISTED = 5;

interface OpenIssues {
  /**
   * Tables of which older rows may hold times that DateTime cannot show, with their columns of
   * times.
   */
  readonly tables: readonly { readonly table: string; readonly columns: readonly string[] }[];
  /** Constraints of `SHAPES` that older rows may break. */
  readonly shapes: readonly Shape[];
  readonly lacksOneUserIndex: boolean;
}

interface Shape {
  readonly table: string;
  readonly name: string;
  readonly condition: string;
}

// What a migration leaves open where rows are in its way: it changes none.
const OPEN_ISSUES = `
  with times as (
    select c.relname::text as "table",
           array(select a.attname::text from pg_attribute a
                  where a.attrelid = c.oid and a.atttypid = 'timestamptz'::regtype
                    and not a.attisdropped
                  order by a.attnum) as columns
      from pg_constraint k join pg_class c on c.oid = k.conrelid
     where k.connamespace = current_schema()::regnamespace
       and k.conname = c.relname || '${calendarConstraint('')}' and not k.convalidated
  ),
  shapes as (
    select conrelid::regclass::text as "table", conname::text as name,
           pg_get_expr(conbin, conrelid) as condition
      from pg_constraint
     where connamespace = current_schema()::regnamespace
       and conname in (${SHAPE_NAMES}) and not convalidated
  )
  select (select coalesce(json_agg(times order by "table"), '[]') from times) as tables,
         (select coalesce(json_agg(shapes order by name), '[]') from shapes) as shapes,
         to_regproc('weaver_fold') is not null and not exists (
           select from pg_index where indexrelid = to_regclass('${ONE_USER_INDEX}') and indisvalid
         ) as "lacksOneUserIndex"`;

async function readOpenIssues(database: Database): Promise<OpenIssues> {
  const [found] = await database.orm.em
    .getDriver()
    .getConnection()
    .execute<OpenIssues[]>(OPEN_ISSUES);
  return found!;
}

/**
 * What migrations left open because of rows that only the operator can mend, a sentence for each.
 * Reads the catalogue only.
 */
export async function openIssues(database: Database): Promise<string[]> {
  const { tables, shapes, lacksOneUserIndex } = await readOpenIssues(database);
  const times = tables.map(
    ({ table }) =>
      `${table} has rows with times that RFC 3339 cannot write. They were not changed.`,
  );
  const shapeIssues = shapes.map(
    ({ table, name }) => `${table} has rows with ${SHAPES[name]!.has}. They were not changed.`,
  );
  const addresses =
    'profiles has users of one tenant whose e-mail addresses differ only in case. They ' +
    'were not changed.';
  return [...times, ...shapeIssues, ...(lacksOneUserIndex ? [addresses] : [])];
}

/**
 * Rows that break a rule which came after them, by id, and how to put them right. Changes nothing.
 */
export async function examineRows(database: Database): Promise<Finding[]> {
  const { tables, shapes, lacksOneUserIndex } = await readOpenIssues(database);
  const findings: Finding[] = [];
  for (const { table, columns } of tables)
    findings.push(await examineTimes(database, table, columns));
  for (const shape of shapes) findings.push(await examineShape(database, shape));
  if (lacksOneUserIndex) findings.push(await examineAddresses(database));
  findings.push(...(await examineDomains(database)));
  if (findings.length > 0) return findings;
  return [
    ok(
      'All rows hold times that RFC 3339 can write and values that the API can answer, and ' +
        'an e-mail address is one user of its tenant',
    ),
  ];
}

async function examineTimes(
  database: Database,
  table: string,
  columns: readonly string[],
): Promise<Finding> {
  const constraint = calendarConstraint(table);
  const alter = `alter table ${table} validate constraint ${constraint}`;
  const validate = `"${alter}" as the owner of the tables`;
  const wrongColumns = columns
    .map(column => `case when not ${inCalendar([column])} then '${column}' end`)
    .join(', ');
  const rows = await database
    .reads(OPERATOR_SCOPE)
    .query<{ id: string | null; columns: string; total: number }>(
      statement(
        'doctorTimes',
        `select to_jsonb(t) ->> 'id' as id, concat_ws(', ', ${wrongColumns}) as columns,
                count(*) over ()::int as total
           from ${table} t where not (${inCalendar(columns)}) order by 1 limit ${MAX_LISTED}`,
      ),
      [],
    );
  if (rows.length === 0)
    return warn(
      `The constraint ${constraint} was never validated, though all rows hold it.`,
      `Run ${validate}.`,
    );
  const { total } = rows[0]!;
  const [subjectPhrase, objectPhrase] =
    total === 1 ? ['row of', 'holds a time'] : ['rows of', 'hold times'];
  const examples =
    rows.map(row => `${row.id ?? 'a row'}: ${row.columns}`).join('; ') +
    (total > rows.length ? '; …' : '');
  return fail(
    `${total} ${subjectPhrase} ${table} ${objectPhrase} that RFC 3339 cannot write ` +
      `(${examples}). ` +
      'Such a field is answered with an error, and such a row cannot be changed.',
    'Set another time, as a superuser; in expires_at of a key, null means never. Then ' +
      `run ${validate}.`,
  );
}

async function examineShape(
  database: Database,
  { table, name, condition }: Shape,
): Promise<Finding> {
  const { has, repair } = SHAPES[name]!;
  const validation = `alter table ${table} validate constraint ${name}`;
  const validate = `run "${validation}" as the owner of the tables`;
  const rows = await database.reads(OPERATOR_SCOPE).query<{ id: string; total: number }>(
    statement(
      'doctorShapes',
      `select id, count(*) over ()::int as total from ${table} where not (${condition})
        order by id limit ${MAX_LISTED}`,
    ),
    [],
  );
  if (rows.length === 0)
    return warn(
      `The constraint ${name} was never validated, though all rows hold it.`,
      `To validate it, ${validate}.`,
    );
  const { total } = rows[0]!;
  return fail(
    `${total} ${total === 1 ? 'row of' : 'rows of'} ${table} ${total === 1 ? 'has' : 'have'} ` +
      `${has} (${listed(rows, total)}). The field is answered with an error, and such a row ` +
      'cannot be changed.',
    `${repair} Then ${validate}.`,
  );
}

function listed(rows: readonly { readonly id: string }[], total: number): string {
  return rows.map(({ id }) => id).join(', ') + (total > rows.length ? ', …' : '');
}

/**
 * The gateway stores international domains in Unicode; other programs may not, and then an address
 * is not known again.
 */
async function examineDomains(database: Database): Promise<Finding[]> {
  const users = await database.reads(OPERATOR_SCOPE).query<{ id: string; email: string }>(
    statement(
      'doctorDomains',
      `select id, email from profiles
        where email ~* '@([^@]*[.])?xn--[^@]*$' or email ~ '@[^@]*[^[:ascii:]][^@]*$' order by id`,
    ),
    [],
  );
  const unusual = users.filter(({ email }) => withUnicodeDomain(email) !== email);
  if (unusual.length === 0) return [];
  const isOne = unusual.length === 1;
  return [
    warn(
      `${unusual.length} ${isOne ? 'user has' : 'users have'} an e-mail address whose domain is ` +
        ('not in Unicode and small letters ' +
          `(${listed(unusual.slice(0, MAX_LISTED), unusual.length)}). `) +
        'Another user may be given the same address.',
      'Set the address of each again with updateUser. Where that is refused with CONFLICT, two ' +
        'users have one address: delete one of them.',
    ),
  ];
}

async function examineAddresses(database: Database): Promise<Finding> {
  const groups = await database
    .reads(OPERATOR_SCOPE)
    .query<{ tenantId: string; ids: string; total: number }>(
      statement(
        'doctorAddresses',
        `select tenant_id as "tenantId", string_agg(id::text, ', ' order by created_at, id) as ids,
                count(*) over ()::int as total
           from profiles
          group by tenant_id, ${ADDRESS} having count(*) > 1
          order by 1, 2 limit ${MAX_LISTED}`,
      ),
      [],
    );
  const createIndex = `"${MAKE_ONE_USER_INDEX}" as the owner of the tables`;
  if (groups.length === 0) {
    return warn(
      `The index ${ONE_USER_INDEX} is missing: an address can be given to a second user ` +
        'in another case.',
      `Run ${createIndex}.`,
    );
  }
  const { total } = groups[0]!;
  const subjectPhrase = total === 1 ? 'address belongs' : 'addresses belong';
  const examples =
    groups.map(({ tenantId, ids }) => `tenant ${tenantId}: ${ids}`).join('; ') +
    (total > groups.length ? '; …' : '');
  return warn(
    `${total} e-mail ${subjectPhrase} to several users of a tenant, in different spellings ` +
      `(${examples}). More may be added.`,
    `Give all but one of them another address, or delete them. Then run ${createIndex}.`,
  );
}
