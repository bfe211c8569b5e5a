// oxlint-disable max-lines -- one reader of SQL, with a function for each kind of statement
import { parse, scan } from 'libpg-query';
import { escapeIdentifier } from 'pg';

/** Something with rows that a statement takes away. `values`: it writes over those of all rows. */
export interface Loss {
  readonly kind: 'table' | 'column' | 'rows' | 'values';
  readonly table: string;
  readonly column?: string;
  /** Of values that a change of type converts: `varchar(600)`, `text`. */
  readonly type?: string;
}

/** What can hurt a database with rows and users: the rules of `lint.ts`. */
export type Hazard =
  | 'index-blocks-writes'
  | 'concurrently-if-not-exists'
  | 'drop-index-blocks'
  | 'column-type'
  | 'volatile-default'
  | 'stored-generated'
  | 'not-null-without-default'
  | 'set-not-null'
  | 'constraint-not-valid'
  | 'unique-constraint'
  | 'drop-column'
  | 'drop-table'
  | 'rename'
  | 'update-all-rows';

/** What is done `concurrently`, which no transaction may hold. */
interface Concurrent {
  /** An index that has a name, with its table as SQL has it. */
  readonly builds?: { readonly index: string; readonly table: string };
  readonly reindexes: boolean;
}

/** What a text of SQL does to tables and their rows, as PostgreSQL's own grammar reads it. */
export interface SqlReading {
  /** The text of each statement; the whole text where it is no SQL of PostgreSQL 18 or before. */
  readonly statements: readonly string[];
  readonly losses: readonly Loss[];
  /** What it does whose effect on rows cannot be read, as clauses such as `runs a do block`. */
  readonly unclear: readonly string[];
  /** Functions that it calls, of which only the database knows whether they write. */
  readonly calls: readonly string[];
  /** Functions that it makes and that may write. */
  readonly createsFunctions: readonly string[];
  /** Tables that it makes. */
  readonly creates: readonly string[];
  /** Columns that it makes or gives another type, in tables that it makes, too. */
  readonly columns: readonly ColumnType[];
  /** Columns that it adds to tables. */
  readonly adds: readonly string[];
  /** New names of tables, with the old ones. */
  readonly renames: readonly { readonly from: string; readonly to: string }[];
  /** The table of a text that is one statement which writes rows. */
  readonly writes: string | undefined;
  /** Whether it may read or write rows: it is not only about the catalogue. */
  readonly touchesRows: boolean;
  /** With their table, where the statement names it, and the column that gets another type. */
  readonly hazards: readonly {
    readonly hazard: Hazard;
    readonly table?: string;
    readonly column?: ColumnType;
  }[];
  readonly concurrent: Concurrent | undefined;
}

/**
 * A column as `docs.filename`, with the name of its type as PostgreSQL's grammar has it, and its
 * length.
 */
interface ColumnType {
  readonly column: string;
  readonly type: string;
}

type Node = Record<string, unknown>;

const ROWS_OF = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'];
const TOUCHES_ROWS = new Set([
  ...ROWS_OF,
  'SelectStmt',
  'DoStmt',
  'CallStmt',
  'ExecuteStmt',
  'TruncateStmt',
  'CopyStmt',
]);
/** Bodies that run later, not when the statement does. */
const RUN_LATER = new Set([
  'CreateFunctionStmt',
  'RuleStmt',
  'CreateTrigStmt',
  'ViewStmt',
  'CreatePolicyStmt',
  'AlterPolicyStmt',
]);
const RUNS_CODE: Record<string, string> = {
  DoStmt: 'runs a do block',
  CallStmt: 'calls a procedure',
  ExecuteStmt: 'runs a prepared statement',
  DropOwnedStmt: 'drops all that a role owns',
};
/** Functions that give each row another value, and types of columns whose default is one. */
const VOLATILE =
  /^(gen_random_uuid|uuid_generate_v\d\w*|uuidv\d|random\w*|clock_timestamp|timeofday|nextval)$/;
const SERIAL = /^(small|big)?serial\d?$/;
const DROPS_ROWS: Record<string, 'table'> = {
  OBJECT_TABLE: 'table',
  OBJECT_MATVIEW: 'table',
  OBJECT_FOREIGN_TABLE: 'table',
};

/** Reads statements as the server would. Nothing is run. */
export async function readSql(sql: string): Promise<SqlReading> {
  const parsed = await parse(sql).catch(() => undefined);
  if (!parsed) {
    return {
      ...new Reader().found(),
      statements: [sql],
      unclear: ['is SQL that cannot be read'],
      writes: undefined,
      touchesRows: true,
    };
  }
  const statements = (parsed.stmts ?? []).map(({ stmt }) => stmt as Node);
  const bytes = Buffer.from(sql);
  const reader = new Reader();
  for (const statement of statements) reader.walk(statement);
  const [only] = statements.length === 1 ? Object.entries(statements[0]!) : [];
  return {
    ...reader.found(),
    statements: (parsed.stmts ?? []).map(({ stmt_location: start = 0, stmt_len: length }) =>
      bytes.subarray(start, length ? start + length : undefined).toString(),
    ),
    writes: only && ROWS_OF.includes(only[0]) ? tableOf((only[1] as Node).relation) : undefined,
    touchesRows: statements.some(statement => TOUCHES_ROWS.has(Object.keys(statement)[0]!)),
  };
}

class Reader {
  readonly #losses: Loss[] = [];
  readonly #unclear = new Set<string>();
  readonly #calls = new Set<string>();
  readonly #createsFunctions: string[] = [];
  readonly #creates: string[] = [];
  readonly #columns: ColumnType[] = [];
  readonly #adds: string[] = [];
  readonly #renames: { from: string; to: string }[] = [];
  readonly #hazards: SqlReading['hazards'][number][] = [];
  #concurrent: Concurrent | undefined;

  found(): Omit<SqlReading, 'statements' | 'writes' | 'touchesRows'> {
    return {
      losses: this.#losses,
      unclear: [...this.#unclear],
      calls: [...this.#calls],
      createsFunctions: this.#createsFunctions,
      creates: this.#creates,
      columns: this.#columns,
      adds: this.#adds,
      renames: this.#renames,
      hazards: this.#hazards,
      concurrent: this.#concurrent,
    };
  }

  walk(value: unknown): void {
    if (Array.isArray(value)) return value.forEach(item => this.walk(item));
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (RUNS_CODE[key]) this.#unclear.add(RUNS_CODE[key]);
      this.#readers[key]?.(inner as Node);
      if (RUN_LATER.has(key)) continue;
      this.walk(inner);
    }
  }

  readonly #readers: Record<string, (node: Node) => void> = {
    DropStmt: node => this.#drop(node),
    AlterTableStmt: node => this.#alter(node),
    IndexStmt: ({ idxname, relation, concurrent, if_not_exists: ifNotExists }) => {
      if (!concurrent || ifNotExists)
        this.#hazard(concurrent ? 'concurrently-if-not-exists' : 'index-blocks-writes', relation);
      if (concurrent)
        this.#concurrent = {
          ...(idxname !== undefined && {
            builds: { index: String(idxname), table: sqlName(relation) },
          }),
          reindexes: false,
        };
    },
    ReindexStmt: ({ params }) => {
      if (
        ((params ?? []) as { DefElem: Node }[]).some(
          ({ DefElem }) => DefElem.defname === 'concurrently',
        )
      )
        this.#concurrent = { reindexes: true };
    },
    DeleteStmt: ({ relation, whereClause }) => {
      this.#recordLoss('rows', relation);
      if (isOfAll(whereClause)) this.#hazard('update-all-rows', relation);
    },
    TruncateStmt: ({ relations, behavior }) => {
      for (const { RangeVar } of relations as Node[]) this.#recordLoss('rows', RangeVar);
      if (behavior === 'DROP_CASCADE')
        this.#unclear.add('empties whatever refers to these tables, with "cascade"');
    },
    MergeStmt: ({ relation, mergeWhenClauses }) => {
      const deletes = (mergeWhenClauses as { MergeWhenClause: Node }[]).some(
        ({ MergeWhenClause }) => MergeWhenClause.commandType === 'CMD_DELETE',
      );
      if (deletes) this.#recordLoss('rows', relation);
    },
    UpdateStmt: ({ relation, targetList, whereClause }) => {
      if (!isOfAll(whereClause)) return;
      this.#hazard('update-all-rows', relation);
      for (const { ResTarget } of targetList as { ResTarget: { name: string } }[])
        this.#recordLoss('values', relation, ResTarget.name);
    },
    CreateStmt: ({ relation, tableElts }) => {
      this.#creates.push(tableOf(relation));
      for (const { ColumnDef } of (tableElts ?? []) as { ColumnDef?: Node }[])
        if (ColumnDef) this.#column(relation, ColumnDef.colname, ColumnDef);
    },
    CreateFunctionStmt: ({ funcname, options }) => {
      const volatility = ((options ?? []) as { DefElem: Node }[]).find(
        ({ DefElem }) => DefElem.defname === 'volatility',
      )?.DefElem.arg as { String: { sval: string } } | undefined;
      if (!volatility || volatility.String.sval === 'volatile')
        this.#createsFunctions.push(namesIn(funcname).at(-1)!);
    },
    CreateTableAsStmt: ({ into }) => void this.#creates.push(tableOf((into as Node).rel)),
    RenameStmt: ({ renameType, relation, newname }) => {
      if (['OBJECT_TABLE', 'OBJECT_COLUMN', 'OBJECT_TABCONSTRAINT'].includes(String(renameType)))
        this.#hazard('rename', relation);
      if (renameType === 'OBJECT_TABLE')
        this.#renames.push({ from: tableOf(relation), to: String(newname) });
    },
    FuncCall: ({ funcname }) => {
      const names = namesIn(funcname);
      if (names.length === 1 || names[0] !== 'pg_catalog') this.#calls.add(names.at(-1)!);
    },
  };

  #hazard(hazard: Hazard, relation?: unknown, column?: ColumnType): void {
    this.#hazards.push({
      hazard,
      ...(relation !== undefined && { table: tableOf(relation) }),
      ...(column && { column }),
    });
  }

  #drop({ objects, removeType, behavior, concurrent }: Node): void {
    if (concurrent) this.#concurrent = { reindexes: false };
    else if (removeType === 'OBJECT_INDEX') this.#hazard('drop-index-blocks');
    const kind = DROPS_ROWS[removeType as string];
    if (kind)
      for (const object of objects as Node[])
        this.#recordNamedLoss(kind, namesIn((object.List as Node).items));
    else if (behavior === 'DROP_CASCADE') {
      const what = String(removeType).replace('OBJECT_', '').toLowerCase();
      this.#unclear.add(
        `drops ${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what} with "cascade", and ` +
          'whatever depends on it',
      );
    }
  }

  #alter({ relation, cmds }: Node): void {
    for (const {
      AlterTableCmd: { subtype, name, def },
    } of cmds as { AlterTableCmd: Node }[]) {
      const { Constraint, PartitionCmd } = (def ?? {}) as {
        Constraint?: Node;
        PartitionCmd?: Node;
      };
      if (PartitionCmd?.concurrent) this.#concurrent = { reindexes: false };
      if (subtype === 'AT_DropColumn') this.#recordLoss('column', relation, name as string);
      if (subtype === 'AT_SetNotNull') this.#hazard('set-not-null', relation);
      if (subtype === 'AT_AddConstraint') this.#constrain(relation, Constraint!);
      // A conversion that is written out may give anything for the old value.
      const { ColumnDef } = (def ?? {}) as { ColumnDef?: Node };
      if (subtype === 'AT_AddColumn') this.#add(relation, ColumnDef!);
      if (subtype !== 'AT_AlterColumnType') continue;
      const column = this.#column(relation, name, ColumnDef!);
      const { type } = column;
      this.#hazard('column-type', relation, column);
      if (ColumnDef!.raw_default)
        this.#recordLoss(
          'values',
          relation,
          name as string,
          isCastOf(ColumnDef!.raw_default, name as string) ? type : undefined,
        );
    }
  }

  #add(relation: unknown, definition: Node): void {
    const { column, type } = this.#column(relation, definition.colname, definition);
    this.#adds.push(column);
    const constraints = ((definition.constraints ?? []) as { Constraint: Node }[]).map(
      ({ Constraint }) => Constraint,
    );
    const of = (...types: string[]): Node | undefined =>
      constraints.find(({ contype }) => types.includes(contype as string));
    const [value, generated] = [of('CONSTR_DEFAULT'), of('CONSTR_GENERATED')];
    const isSerial = SERIAL.test(type) || of('CONSTR_IDENTITY') !== undefined;
    if (isSerial || functionsIn(value?.raw_expr).some(called => VOLATILE.test(called)))
      this.#hazard('volatile-default', relation);
    if (generated?.generated_kind === 's') this.#hazard('stored-generated', relation);
    if (of('CONSTR_NOTNULL', 'CONSTR_PRIMARY') && !value && !generated && !isSerial)
      this.#hazard('not-null-without-default', relation);
    // Without a value yet, a foreign key has nothing to check.
    for (const constraint of constraints)
      if (
        constraint.contype !== 'CONSTR_NOTNULL' &&
        (constraint.contype !== 'CONSTR_FOREIGN' || value)
      )
        this.#constrain(relation, constraint);
  }

  #constrain(relation: unknown, { contype, skip_validation: notValid, indexname }: Node): void {
    if (!notValid && ['CONSTR_CHECK', 'CONSTR_FOREIGN'].includes(contype as string))
      this.#hazard('constraint-not-valid', relation);
    if (!notValid && contype === 'CONSTR_NOTNULL') this.#hazard('set-not-null', relation);
    if (
      indexname === undefined &&
      ['CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_EXCLUSION'].includes(contype as string)
    )
      this.#hazard('unique-constraint', relation);
  }

  #column(relation: unknown, name: unknown, { typeName }: Node): ColumnType {
    const { names, typmods } = typeName as {
      names: unknown;
      typmods?: { A_Const?: { ival?: { ival?: number } } }[];
    };
    const length = typmods?.[0]?.A_Const?.ival?.ival;
    const column = {
      column: `${tableOf(relation)}.${String(name)}`,
      type: `${namesIn(names).at(-1)}${length === undefined ? '' : `(${length})`}`,
    };
    this.#columns.push(column);
    return column;
  }

  #recordLoss(kind: Loss['kind'], relation: unknown, column?: string, type?: string): void {
    const { schemaname, relname } = relation as { schemaname?: string; relname: string };
    this.#recordNamedLoss(
      kind,
      schemaname === undefined ? [relname] : [schemaname, relname],
      column,
      type,
    );
  }

  /** Rows are counted in Weaver's own schema alone. */
  #recordNamedLoss(
    kind: Loss['kind'],
    names: readonly string[],
    column?: string,
    type?: string,
  ): void {
    const [schema, table] = names.length > 1 ? names.slice(-2) : ['public', names[0]!];
    if (kind === 'table' || kind === 'column') this.#hazard(`drop-${kind}`, { relname: table });
    if (schema === 'public')
      this.#losses.push({
        kind,
        table: table!,
        ...(column !== undefined && { column }),
        ...(type !== undefined && { type }),
      });
    else this.#unclear.add(`changes ${schema}.${table}, which is in another schema`);
  }
}

function tableOf(relation: unknown): string {
  return (relation as { relname: string }).relname;
}

function sqlName(relation: unknown): string {
  const { schemaname, relname } = relation as { schemaname?: string; relname: string };
  return [schemaname, relname]
    .filter(name => name !== undefined)
    .map(escapeIdentifier)
    .join('.');
}

/** Whether a statement without this condition would do the same. */
function isOfAll(whereClause: unknown): boolean {
  return !whereClause || 'A_Const' in (whereClause as Node);
}

function functionsIn(expression: unknown): string[] {
  if (typeof expression !== 'object' || expression === null) return [];
  const { FuncCall } = expression as { FuncCall?: Node };
  return [
    ...(FuncCall ? [namesIn(FuncCall.funcname).at(-1)!] : []),
    ...Object.values(expression).flatMap(functionsIn),
  ];
}

/** The same statement without its word `concurrently`. */
export async function withoutConcurrently(sql: string): Promise<string> {
  if (!(await readSql(sql)).concurrent) return sql;
  const bytes = Buffer.from(sql);
  const { tokens } = await scan(sql);
  const at = tokens.findIndex(
    ({ text, keywordName }) =>
      keywordName !== 'NO_KEYWORD' && text.toLowerCase() === 'concurrently',
  );
  const { start, end } = tokens[at]!;
  // An option in brackets stays, and says no.
  const [from, instead] = ['(', ','].includes(tokens[at - 1]!.text) ? [end, ' false'] : [start, ''];
  return `${bytes.subarray(0, from)}${instead}${bytes.subarray(end)}`;
}

/** As far as no value can have begun. */
const BEFORE_VALUES = /^[^'"$\d/-]*/;

const NUMBER = [/^[IF]CONST$/, '…'] as const;
/** What is shown of a token, by its kind or its text: `U&'…'`, `b'…'` and `x'…'` have no kind. */
const SHOWN_INSTEAD: readonly (readonly [RegExp, string])[] = [
  [/^(SQL|C)_COMMENT$/, ''],
  NUMBER,
  [/^\$.*\$$/s, '$$…$$'],
  [/^SCONST$|^(U&|b|x)'/i, "'…'"],
];

/**
 * A statement for whoever reads of it, without comments and with its values left out: they may be
 * somebody's data. Of a statement that is only about the catalogue numbers stay, unless `numbers`
 * says that they go, too.
 */
export async function withoutValues(sql: string, numbers = false): Promise<string> {
  const scanned = await scan(sql).catch(() => undefined);
  // A text that was cut in the middle of a literal, for one.
  if (!scanned) return `${BEFORE_VALUES.exec(sql)![0]}…`;
  const withNumbers = !numbers && !(await readSql(sql)).touchesRows;
  const bytes = Buffer.from(sql);
  let [text, at] = ['', 0];
  for (const { start, end, tokenName, text: token } of scanned.tokens) {
    const shown = SHOWN_INSTEAD.find(([pattern]) => pattern.test(tokenName) || pattern.test(token));
    if (!shown || (withNumbers && shown === NUMBER)) continue;
    text += `${bytes.subarray(at, start)}${shown[1]}`;
    at = end;
  }
  return `${text}${bytes.subarray(at)}`;
}

function namesIn(list: unknown): string[] {
  return (list as { String: { sval: string } }[]).map(({ String }) => String.sval);
}

/** Whether a conversion is a column as another type: what MikroORM writes. */
function isCastOf(expression: unknown, column: string): boolean {
  const { fields } = ((expression as { TypeCast?: { arg?: { ColumnRef?: { fields?: unknown } } } })
    .TypeCast?.arg?.ColumnRef ?? {}) as { fields?: { String?: { sval: string } }[] };
  return fields?.length === 1 && fields[0]!.String?.sval === column;
}

/**
 * Whether every value of a type fits another one as it is, without being written anew: a longer
 * varchar, or text.
 */
export function isWiderText(from: string, to: string): boolean {
  const length = (type: string): number =>
    type === 'text' || type === 'varchar'
      ? Infinity
      : Number(/^varchar\((\d+)\)$/.exec(type)?.[1] ?? NaN);
  return length(to) >= length(from);
}
