import { CHANGES_TABLE, NEW_IDS_TABLE, type SevenTable } from './names.js';

/**
 * A value that the new table would refuse or not understand, and what it becomes. The old value
 * stays with the old row.
 */
interface Mend {
  readonly column: string;
  /** Holds of the old row `o`. Of two mends of one column at most one holds. */
  readonly when: string;
  readonly to: string;
  /** What is changed into what, as the plan tells it. */
  readonly why: string;
}

/** How the rows of one table come over: as SQL about the old row `o`. */
export interface Copy {
  readonly table: SevenTable;
  /** The columns that are not taken as they are or mended only. */
  readonly values: Readonly<Record<string, string>>;
  /** The columns that are taken as they are, where nothing below mends them. */
  readonly same: readonly string[];
  readonly mends: readonly Mend[];
}

/** The name under which old rows of a table are to be had just now. */
export type OldTable = (becomes: SevenTable) => string;

/**
 * Keys of the older Weaver knew no scopes: each could do all that its program did. None may
 * administer.
 */
const LEGACY_KEY_SCOPES = ['read', 'write', 'search', 'ask'] as const;

const newId = (table: SevenTable, id: string): string =>
  `coalesce((select n.new_id from ${NEW_IDS_TABLE} n where n.table_name = '${table}' and ` +
  `n.old_id = ${id}), ${id})`;
const OLDEST_BOT =
  '(select b.id from bots b where b.tenant_id = o.tenant_id order by b.created_at, b.id ' +
  'limit 1)';

const nullTo = (column: string, to: string, told = to): Mend => ({
  column,
  when: `o.${column} is null`,
  to,
  why: `null becomes ${told}`,
});
const emptyTo = (column: string, to: string, told: string): Mend => ({
  column,
  when: `o.${column} is null or o.${column} = ''`,
  to,
  why: `nothing becomes ${told}`,
});
const below = (column: string, least: number, to: string): Mend => ({
  column,
  when: `o.${column} < ${least}`,
  to,
  why: `less than ${least} becomes ${to}`,
});

// Infinity, and years that DateTime cannot write.
const READABLE = (column: string): string =>
  `o.${column} >= '0001-01-01 00:00:00+00'::timestamptz and o.${column} < '10000-01-01 ` +
  "00:00:00+00'::timestamptz";
const time = (column: string): Mend[] => [
  nullTo(column, 'now()', 'the time of the adoption'),
  {
    column,
    when: `not (${READABLE(column)})`,
    to: 'now()',
    why: 'a time without a calendar date becomes that of the adoption',
  },
];
const TIMES = [...time('created_at'), ...time('updated_at')];

const object = (column: string): Mend[] => [
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

const withoutVector = (table: SevenTable, column: string): string =>
  `case when not exists (select from ${CHANGES_TABLE} c where c.table_name = '${table}' ` +
  `and c.id = o.id and c.column_name = '${column}') then o.${column} end`;

const KNOWN_STATUS = `('pending', 'processing', 'completed', 'failed')`;
const UNKNOWN_STATUS = `o.status not in ${KNOWN_STATUS}`;

/** All seven tables, parents first. */
export function copies(old: OldTable, hasQueryVectors: boolean): Copy[] {
  const keyOfTenant =
    `exists (select from ${old('api_keys')} k where k.id = o.api_key_id and k.tenant_id = ` +
    'o.tenant_id)';
  return [
    {
      table: 'tenants',
      values: { id: 'o.id' },
      same: ['name', 'plan_tier', 'storage_used_bytes', 'created_at', 'updated_at'],
      mends: [
        emptyTo('name', `'Unnamed tenant'`, '"Unnamed tenant"'),
        emptyTo('plan_tier', `'free'`, '"free"'),
        nullTo('storage_used_bytes', '0'),
        below('storage_used_bytes', 0, '0'),
        ...TIMES,
      ],
    },
    {
      table: 'profiles',
      values: { id: 'o.id', tenant_id: 'o.tenant_id' },
      same: ['email', 'role', 'created_at', 'updated_at'],
      mends: [
        emptyTo('email', `'unknown-' || o.id || '@invalid'`, '"unknown-<id>@invalid"'),
        nullTo('role', `'member'`, '"member"'),
        {
          column: 'role',
          when: `o.role not in ('owner', 'admin', 'member')`,
          to: `'member'`,
          why: 'an unknown role becomes "member"',
        },
        ...TIMES,
      ],
    },
    {
      table: 'bots',
      values: { id: newId('bots', 'o.id'), tenant_id: 'o.tenant_id' },
      same: ['name', 'config_json', 'created_at', 'updated_at'],
      mends: [
        emptyTo('name', `'Unnamed bot'`, '"Unnamed bot"'),
        ...object('config_json'),
        ...TIMES,
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
      same: ['filename', 'size_bytes', 'status', 'created_at', 'updated_at'],
      mends: [
        emptyTo('filename', `'unnamed'`, '"unnamed"'),
        nullTo('size_bytes', '0'),
        below('size_bytes', 0, '0'),
        nullTo('status', `'pending'`, '"pending"'),
        {
          column: 'status',
          when: UNKNOWN_STATUS,
          to: `'failed'`,
          why: 'an unknown status becomes "failed", and error_message says which it was',
        },
        ...TIMES,
      ],
    },
    {
      table: 'doc_chunks',
      values: {
        id: newId('doc_chunks', 'o.id'),
        tenant_id: 'o.tenant_id',
        bot_id: OLDEST_BOT,
        doc_id: newId('docs', 'o.doc_id'),
        embedding: withoutVector('doc_chunks', 'embedding'),
      },
      same: ['text', 'chunk_index', 'page_num', 'chunk_metadata', 'created_at'],
      mends: [
        nullTo('text', `''`, 'empty text'),
        nullTo('chunk_index', '0'),
        below('chunk_index', 0, '0'),
        below('page_num', 1, 'null'),
        ...object('chunk_metadata'),
        ...time('created_at'),
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
      same: ['name', 'rate_limit_rpm', 'revoked', 'last_used_at', 'created_at', 'updated_at'],
      mends: [
        emptyTo('name', `'Unnamed key'`, '"Unnamed key"'),
        nullTo('rate_limit_rpm', '60'),
        below('rate_limit_rpm', 1, '1'),
        nullTo('revoked', 'false'),
        {
          column: 'last_used_at',
          when: `not (${READABLE('last_used_at')})`,
          to: 'null',
          why: 'a time without a calendar date becomes null',
        },
        ...TIMES,
      ],
    },
    {
      table: 'bot_queries',
      values: {
        id: newId('bot_queries', 'o.id'),
        tenant_id: 'o.tenant_id',
        bot_id: OLDEST_BOT,
        ...(hasQueryVectors && {
          query_embedding: withoutVector('bot_queries', 'query_embedding'),
        }),
        api_key_id: `case when ${keyOfTenant} then ${newId('api_keys', 'o.api_key_id')} end`,
      },
      same: ['query', 'answer', 'confidence', 'latency_ms', 'sources', 'created_at'],
      mends: [
        {
          column: 'api_key_id',
          when: `o.api_key_id is not null and not ${keyOfTenant}`,
          to: 'null',
          why: "another tenant's key becomes null",
        },
        nullTo('query', `''`, 'empty text'),
        nullTo('answer', `''`, 'empty text'),
        {
          column: 'confidence',
          when: `o.confidence not in ('high', 'medium', 'low')`,
          to: 'null',
          why: 'an unknown confidence becomes null',
        },
        below('latency_ms', 0, 'null'),
        {
          column: 'sources',
          when: `coalesce(jsonb_typeof(o.sources), 'null') = 'null'`,
          to: `'[]'`,
          why: 'null becomes []',
        },
        {
          column: 'sources',
          when: `jsonb_typeof(o.sources) not in ('array', 'null')`,
          to: 'jsonb_build_array(o.sources)',
          why: 'what is no array becomes its only element',
        },
        ...time('created_at'),
      ],
    },
  ];
}

/**
 * `insert … select` of a table's old rows; `where` may narrow them, `orderBy` says how they come to
 * lie.
 */
export function insertSql(
  { table, values, same, mends }: Copy,
  oldTable: string,
  where = '',
  orderBy = 'o.created_at, o.id',
): string {
  const mended = (column: string): string => {
    const own = mends.filter(mend => mend.column === column);
    return own.length === 0
      ? `o.${column}`
      : `case ${own.map(({ when, to }) => `when ${when} then ${to}`).join(' ')} else ` +
          `o.${column} end`;
  };
  const all = { ...values, ...Object.fromEntries(same.map(column => [column, mended(column)])) };
  return (
    `insert into ${table} (${Object.keys(all).join(', ')}) select ` +
    `${Object.values(all).join(', ')} from ${oldTable} o ${where} order by ${orderBy}`
  );
}
