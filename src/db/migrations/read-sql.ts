import { parse } from 'libpg-query';

/** Something with rows that a statement takes away. `values`: it writes over those of all rows. */
export interface Loss {
  readonly kind: 'table' | 'column' | 'rows' | 'values';
  readonly table: string;
  readonly column?: string;
}

/** What a text of SQL does to tables and their rows, as PostgreSQL's own grammar reads it. */
export interface SqlReading {
  /** Undefined where the text is no SQL of PostgreSQL 18 or before. */
  readonly statements: number | undefined;
  readonly losses: readonly Loss[];
  /** What it does whose effect on rows cannot be read, as clauses such as `runs a do block`. */
  readonly unclear: readonly string[];
  /** Functions that it calls, of which only the database knows whether they write. */
  readonly calls: readonly string[];
  /** Tables that it makes. */
  readonly creates: readonly string[];
  /** New names of tables, with the old ones. */
  readonly renames: readonly { readonly from: string; readonly to: string }[];
  /** The table of a text that is one statement which writes rows. */
  readonly writes: string | undefined;
  /** Whether it may read or write rows: it is not only about the catalogue. */
  readonly touchesRows: boolean;
}

type Node = Record<string, unknown>;

const ROWS_OF = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'];
const TOUCHES_ROWS = new Set([...ROWS_OF, 'SelectStmt', 'DoStmt', 'CallStmt', 'ExecuteStmt', 'TruncateStmt', 'CopyStmt']);
/** Bodies that run later, not when the statement does. */
const RUN_LATER = new Set(['CreateFunctionStmt', 'RuleStmt', 'CreateTrigStmt', 'ViewStmt', 'CreatePolicyStmt', 'AlterPolicyStmt']);
const RUNS_CODE: Record<string, string> = { DoStmt: 'runs a do block', CallStmt: 'calls a procedure', ExecuteStmt: 'runs a prepared statement', DropOwnedStmt: 'drops all that a role owns' };
const DROPS_ROWS: Record<string, 'table'> = { OBJECT_TABLE: 'table', OBJECT_MATVIEW: 'table', OBJECT_FOREIGN_TABLE: 'table' };

/** Reads statements as the server would. Nothing is run. */
export async function readSql(sql: string): Promise<SqlReading> {
  const parsed = await parse(sql).catch(() => undefined);
  if (!parsed) {
    return { statements: undefined, losses: [], unclear: ['is SQL that cannot be read'], calls: [], creates: [], renames: [], writes: undefined, touchesRows: true };
  }
  const statements = (parsed.stmts ?? []).map(({ stmt }) => stmt as Node);
  const reader = new Reader();
  for (const statement of statements) reader.walk(statement);
  const [only] = statements.length === 1 ? Object.entries(statements[0]!) : [];
  return {
    statements: statements.length,
    losses: reader.losses,
    unclear: [...new Set(reader.unclear)],
    calls: [...new Set(reader.calls)],
    creates: reader.creates,
    renames: reader.renames,
    writes: only && ROWS_OF.includes(only[0]) ? tableOf((only[1] as Node).relation) : undefined,
    touchesRows: statements.some(statement => TOUCHES_ROWS.has(Object.keys(statement)[0]!)),
  };
}

class Reader {
  readonly losses: Loss[] = [];
  readonly unclear: string[] = [];
  readonly calls: string[] = [];
  readonly creates: string[] = [];
  readonly renames: { from: string; to: string }[] = [];

  walk(value: unknown): void {
    if (Array.isArray(value)) return value.forEach(item => this.walk(item));
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (RUNS_CODE[key]) this.unclear.push(RUNS_CODE[key]);
      if (RUN_LATER.has(key)) continue;
      this.#readers[key]?.(inner as Node);
      this.walk(inner);
    }
  }

  readonly #readers: Record<string, (node: Node) => void> = {
    DropStmt: node => this.#drop(node),
    AlterTableStmt: node => this.#alter(node),
    DeleteStmt: ({ relation }) => this.#lose('rows', relation),
    TruncateStmt: ({ relations, behavior }) => {
      for (const { RangeVar } of relations as Node[]) this.#lose('rows', RangeVar);
      if (behavior === 'DROP_CASCADE') this.unclear.push('empties whatever refers to these tables, with "cascade"');
    },
    MergeStmt: ({ relation, mergeWhenClauses }) => {
      const deletes = (mergeWhenClauses as { MergeWhenClause: Node }[]).some(({ MergeWhenClause }) => MergeWhenClause.commandType === 'CMD_DELETE');
      if (deletes) this.#lose('rows', relation);
    },
    UpdateStmt: ({ relation, targetList, whereClause }) => {
      if (whereClause && !('A_Const' in (whereClause as Node))) return;
      for (const { ResTarget } of targetList as { ResTarget: { name: string } }[]) this.#lose('values', relation, ResTarget.name);
    },
    CreateStmt: ({ relation }) => void this.creates.push(tableOf(relation)),
    CreateTableAsStmt: ({ into }) => void this.creates.push(tableOf((into as Node).rel)),
    RenameStmt: ({ renameType, relation, newname }) => {
      if (renameType === 'OBJECT_TABLE') this.renames.push({ from: tableOf(relation), to: String(newname) });
    },
    FuncCall: ({ funcname }) => {
      const names = namesIn(funcname);
      if (names.length === 1 || names[0] !== 'pg_catalog') this.calls.push(names.at(-1)!);
    },
  };

  #drop({ objects, removeType, behavior }: Node): void {
    const kind = DROPS_ROWS[removeType as string];
    if (kind) for (const object of objects as Node[]) this.#loseNamed(kind, namesIn((object.List as Node).items));
    else if (behavior === 'DROP_CASCADE') {
      const what = String(removeType).replace('OBJECT_', '').toLowerCase();
      this.unclear.push(`drops ${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what} with "cascade", and whatever depends on it`);
    }
  }

  #alter({ relation, cmds }: Node): void {
    for (const { AlterTableCmd: { subtype, name, def } } of cmds as { AlterTableCmd: Node }[]) {
      if (subtype === 'AT_DropColumn') this.#lose('column', relation, name as string);
      // A conversion that is written out may give anything for the old value.
      if (subtype === 'AT_AlterColumnType' && (def as { ColumnDef?: Node }).ColumnDef?.raw_default) this.#lose('values', relation, name as string);
    }
  }

  #lose(kind: Loss['kind'], relation: unknown, column?: string): void {
    const { schemaname, relname } = relation as { schemaname?: string; relname: string };
    this.#loseNamed(kind, schemaname === undefined ? [relname] : [schemaname, relname], column);
  }

  /** Rows are counted in Weaver's own schema alone. */
  #loseNamed(kind: Loss['kind'], names: readonly string[], column?: string): void {
    const [schema, table] = names.length > 1 ? names.slice(-2) : ['public', names[0]!];
    if (schema === 'public') this.losses.push({ kind, table: table!, ...(column !== undefined && { column }) });
    else this.unclear.push(`changes ${schema}.${table}, which is in another schema`);
  }
}

function tableOf(relation: unknown): string {
  return (relation as { relname: string }).relname;
}

function namesIn(list: unknown): string[] {
  return (list as { String: { sval: string } }[]).map(({ String }) => String.sval);
}
