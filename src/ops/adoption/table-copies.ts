// Longer than 300 lines: one table for each of the older Weaver, side by side.
import { CHANGES_TABLE, NEW_IDS_TABLE, type AdoptedTable } from './names.js';

/**
 * A value that the new table would refuse or not understand, and what it becomes. The old value
 * stays with the old row.
 */
interface Repair {
  readonly column: string;
  /** Holds of the old row `o`. Of two mends of one column at most one holds. */
  readonly when: string;
  readonly to: string;
  /** What is changed into what, as the plan tells it. */
  readonly why: string;
}

/** How the rows of one table come over: as SQL about the old row `o`. */
export interface TableCopy {
  readonly table: AdoptedTable;
  /** The columns that are not taken as they are or mended only. */
  readonly values: Readonly<Record<string, string>>;
  /** The columns that are taken as they are, where nothing below mends them. */
  readonly copiedColumns: readonly string[];
  readonly repairs: readonly Repair[];
}

/** The name under which old rows of a table are to be had just now. */
export type LegacyTableName = (becomes: AdoptedTable) => string;

/**
 * Keys of the older Weaver knew no scopes: each could do all that its program did. None may
 * administer.
 */
const LEGACY_KEY_SCOPES = ['read', 'write', 'search', 'ask'] as const;

const newId = (table: AdoptedTable, id: string): string =>
  `coalesce((select n.new_id from ${NEW_IDS_TABLE} n where n.table_name = '${table}' and ` +
  `n.old_id = ${id}), ${id})`;
const OLDEST_BOT =
  '(select b.id from bots b where b.tenant_id = o.tenant_id order by b.created_at, b.id ' +
  'limit 1)';

const replaceNull = (column: string, to: string, description = to): Repair => ({
  column,
  when: `o.${column} is null`,
  to,
  why: `null becomes ${description}`,
});
const replaceEmpty = (column: string, to: string, description: string): Repair => ({
  column,
  when: `o.${column} is null or o.${column} = ''`,
  to,
  why: `nothing becomes ${description}`,
});
const raiseToMinimum = (column: string, min: number, to: string): Repair => ({
  column,
  when: `o.${column} < ${min}`,
  to,
  why: `less than ${min} becomes ${to}`,
});

// Infinity, and years that DateTime cannot write.
const isCalendarTime = (column: string): string =>
  `o.${column} >= '0001-01-01 00:00:00+00'::timestamptz and o.${column} < '10000-01-01 ` +
  "00:00:00+00'::timestamptz";
const timeRepairs = (column: string): Repair[] => [
  replaceNull(column, 'now()', 'the time of the adoption'),
  {
    column,
    when: `not (${isCalendarTime(column)})`,
    to: 'now()',
    why: 'a time without a calendar date becomes that of the adoption',
  },
];
const TIMESTAMP_REPAIRS = [...timeRepairs('created_at'), ...timeRepairs('updated_at')];

const objectRepairs = (column: string): Repair[] => [
  {
    column,
    when: `coalesce(jsonb_typeof(o.${column}), 'null') = 'null'`,
    to: `'{}'`,
    why: 'null becomes {}',
  },
  {
    column,
    when: `jsonb_typeof(o.${column}) not in ('object', 'null')`,
    to: `jsonb_build_object('value', o.${column})`,
    why: 'what is no object becomes {"value": …}',
  },
];

const usableVector = (table: AdoptedTable, column: string): string =>
  `case when not exists (select from ${CHANGES_TABLE} c where c.table_name = '${table}' ` +
  `and c.id = o.id and c.column_name = '${column}') then o.${column} end`;

const KNOWN_STATUS = `('pending', 'processing', 'completed', 'failed')`;
const UNKNOWN_STATUS = `o.status not in ${KNOWN_STATUS}`;

/** All seven tables, parents first. */
export function tableCopies(legacyTable: LegacyTableName, hasQueryVectors: boolean): TableCopy[] {
  const keyOfTenant =
    `exists (select from ${legacyTable('api_keys')} k where k.id = o.api_key_id and ` +
    'k.tenant_id = ' +
    'o.tenant_id)';
  return [
    {
      table: 'tenants',
      values: { id: 'o.id' },
      copiedColumns: ['name', 'plan_tier', 'storage_used_bytes', 'created_at', 'updated_at'],
      repairs: [
        replaceEmpty('name', `'Unnamed tenant'`, '"Unnamed tenant"'),
        replaceEmpty('plan_tier', `'free'`, '"free"'),
        replaceNull('storage_used_bytes', '0'),
        raiseToMinimum('storage_used_bytes', 0, '0'),
        ...TIMESTAMP_REPAIRS,
      ],
    },
    {
      table: 'profiles',
      values: { id: 'o.id', tenant_id: 'o.tenant_id' },
      copiedColumns: ['email', 'role', 'created_at', 'updated_at'],
      repairs: [
        replaceEmpty('email', `'unknown-' || o.id || '@invalid'`, '"unknown-<id>@invalid"'),
        replaceNull('role', `'member'`, '"member"'),
        {
          column: 'role',
          when: `o.role not in ('owner', 'admin', 'member')`,
          to: `'member'`,
          why: 'an unknown role becomes "member"',
        },
        ...TIMESTAMP_REPAIRS,
      ],
    },
    {
      table: 'bots',
      values: { id: newId('bots', 'o.id'), tenant_id: 'o.tenant_id' },
      copiedColumns: ['name', 'config_json', 'created_at', 'updated_at'],
      repairs: [
        replaceEmpty('name', `'Unnamed bot'`, '"Unnamed bot"'),
        ...objectRepairs('config_json'),
        ...TIMESTAMP_REPAIRS,
      ],
    },
    {
      table: 'docs',
      values: {
        id: newId('docs', 'o.id'),
        tenant_id: 'o.tenant_id',
        bot_id: OLDEST_BOT,
        gcs_path: 'o.gcs_path',
        error_message:
          `case when ${UNKNOWN_STATUS} then concat_ws(E'\\n', nullif(o.error_message, ''), ` +
          "'Status before the adoption: ' || o.status) else o.error_message end",
      },
      copiedColumns: ['filename', 'size_bytes', 'status', 'created_at', 'updated_at'],
      repairs: [
        replaceEmpty('filename', `'unnamed'`, '"unnamed"'),
        replaceNull('size_bytes', '0'),
        raiseToMinimum('size_bytes', 0, '0'),
        replaceNull('status', `'pending'`, '"pending"'),
        {
          column: 'status',
          when: UNKNOWN_STATUS,
          to: `'failed'`,
          why: 'an unknown status becomes "failed", and error_message says which it was',
        },
        ...TIMESTAMP_REPAIRS,
      ],
    },
    {
      table: 'doc_chunks',
      values: {
        id: newId('doc_chunks', 'o.id'),
        tenant_id: 'o.tenant_id',
        bot_id: OLDEST_BOT,
        doc_id: newId('docs', 'o.doc_id'),
        embedding: usableVector('doc_chunks', 'embedding'),
      },
      copiedColumns: ['text', 'chunk_index', 'page_num', 'chunk_metadata', 'created_at'],
      repairs: [
        replaceNull('text', `''`, 'empty text'),
        replaceNull('chunk_index', '0'),
        raiseToMinimum('chunk_index', 0, '0'),
        raiseToMinimum('page_num', 1, 'null'),
        ...objectRepairs('chunk_metadata'),
        ...timeRepairs('created_at'),
      ],
    },
    {
      table: 'api_keys',
      values: {
        id: newId('api_keys', 'o.id'),
        tenant_id: 'o.tenant_id',
        key_hash: `coalesce(o.key_hash, '')`,
        scopes: `'{${LEGACY_KEY_SCOPES.join()}}'`,
      },
      copiedColumns: [
        'name',
        'rate_limit_rpm',
        'revoked',
        'last_used_at',
        'created_at',
        'updated_at',
      ],
      repairs: [
        replaceEmpty('name', `'Unnamed key'`, '"Unnamed key"'),
        replaceNull('rate_limit_rpm', '60'),
        raiseToMinimum('rate_limit_rpm', 1, '1'),
        replaceNull('revoked', 'false'),
        {
          column: 'last_used_at',
          when: `not (${isCalendarTime('last_used_at')})`,
          to: 'null',
          why: 'a time without a calendar date becomes null',
        },
        ...TIMESTAMP_REPAIRS,
      ],
    },
    {
      table: 'bot_queries',
      values: {
        id: newId('bot_queries', 'o.id'),
        tenant_id: 'o.tenant_id',
        bot_id: OLDEST_BOT,
        ...(hasQueryVectors && {
          query_embedding: usableVector('bot_queries', 'query_embedding'),
        }),
        api_key_id: `case when ${keyOfTenant} then ${newId('api_keys', 'o.api_key_id')} end`,
      },
      copiedColumns: ['query', 'answer', 'confidence', 'latency_ms', 'sources', 'created_at'],
      repairs: [
        {
          column: 'api_key_id',
          when: `o.api_key_id is not null and not ${keyOfTenant}`,
          to: 'null',
          why: "another tenant's key becomes null",
        },
        replaceNull('query', `''`, 'empty text'),
        replaceNull('answer', `''`, 'empty text'),
        {
          column: 'confidence',
          when: `o.confidence not in ('high', 'medium', 'low')`,
          to: 'null',
          why: 'an unknown confidence becomes null',
        },
        raiseToMinimum('latency_ms', 0, 'null'),
        {
          column: 'sources',
          when: `coalesce(jsonb_typeof(o.sources), 'null') = 'null'`,
          to: `'[]'`,
          why: 'null becomes []',
        },
        {
          column: 'sources',
          when: `jsonb_typeof(o.sources) = 'object'`,
          to: 'jsonb_build_array(o.sources)',
          why: 'an object becomes the only element of an array',
        },
        {
          column: 'sources',
          when: `jsonb_typeof(o.sources) not in ('array', 'object', 'null')`,
          to: `jsonb_build_array(jsonb_build_object('value', o.sources))`,
          why: 'what is no array becomes [{"value": …}]',
        },
        {
          column: 'sources',
          when:
            `jsonb_typeof(o.sources) = 'array' and jsonb_path_match(o.sources, ` +
            `'strict $[*].type() != "object"', '{}', true)`,
          to:
            `(select jsonb_agg(case when jsonb_typeof(e.value) = 'object' then e.value ` +
            `else jsonb_build_object('value', e.value) end order by e.nth) ` +
            'from jsonb_array_elements(o.sources) with ordinality e (value, nth))',
          why: 'an element that is no object becomes {"value": …}',
        },
        ...timeRepairs('created_at'),
      ],
    },
  ];
}

/**
 * `insert … select` of a table's old rows; `where` may narrow them, `orderBy` says how they come to
 * lie.
 */
export function insertSql(
  { table, values, copiedColumns, repairs }: TableCopy,
  oldTable: string,
  where = '',
  orderBy = 'o.created_at, o.id',
): string {
  const repairedColumn = (column: string): string => {
    const ownRepairs = repairs.filter(repair => repair.column === column);
    return ownRepairs.length === 0
      ? `o.${column}`
      : `case ${ownRepairs.map(({ when, to }) => `when ${when} then ${to}`).join(' ')} else ` +
          `o.${column} end`;
  };
  const columns = {
    ...values,
    ...Object.fromEntries(copiedColumns.map(column => [column, repairedColumn(column)])),
  };
  return (
    `insert into ${table} (${Object.keys(columns).join(', ')}) select ` +
    `${Object.values(columns).join(', ')} from ${oldTable} o ${where} order by ${orderBy}`
  );
}
