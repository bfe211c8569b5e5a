import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StartupError } from '../../base/startup-error.js';
import type { DatabaseAddress } from '../../config/database-address.js';
import { EXTENSIONS } from '../bootstrap/bootstrap.js';
import type { RunSql } from '../migrations/catalogue.js';
import type { Counts } from './counts.js';
import { firstWord, hasOnlyWeaver, withList, type DumpEntry } from './dump-contents.js';
import { checkProgramVersion, libpqEnvironment, runProgram } from './programs.js';
import {
  compareRows,
  dropFunctionsAndTypes,
  dropRelations,
  restoreOwner,
  CURRENT_OWNERS,
  script,
  type ExtraObjects,
} from './restore-script.js';
import { formatBytes, type BackupContext } from './backup-context.js';

/** What stands in the database that a dump is to be restored into. */
export interface RestoreTarget {
  readonly serverVersion: number;
  readonly isSuperuser: boolean;
  /** Extensions, their tables and sequences as `schema name`, and schemas that are there. */
  readonly extensions: readonly string[];
  readonly ofExtensions: readonly string[];
  readonly schemas: readonly string[];
  /** Whether the login may say who may use the schema public. */
  readonly ownsPublic: boolean;
  /** What the schema public has and no extension made. */
  readonly relations: readonly string[];
  readonly functions: readonly string[];
  readonly types: readonly string[];
}

export async function readTarget(run: RunSql): Promise<RestoreTarget> {
  const notInExtension = (catalogue: string, oid: string): string =>
    `not exists (select from pg_depend d where d.classid = '${catalogue}'::regclass and ` +
    `d.objid = ${oid} and d.deptype in ('e', 'i'))`;
  const [target] = await run<RestoreTarget>(`
    select current_setting('server_version_num')::int / 10000 as "serverVersion",
           (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser",
           array(select extname::text from pg_extension) as extensions,
           array(select n.nspname || ' ' || c.relname from pg_depend d
                   join pg_class c on c.oid = d.objid
                   join pg_namespace n on n.oid = c.relnamespace
                  where d.classid = 'pg_class'::regclass and d.deptype = 'e') as "ofExtensions",
           array(select nspname::text from pg_namespace) as schemas,
           (select pg_has_role(nspowner, 'usage') from pg_namespace
             where nspname = 'public') as "ownsPublic",
           array(select c.relname::text from pg_class c
                  where c.relnamespace = 'public'::regnamespace
                    and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
                    and ${notInExtension('pg_class', 'c.oid')} order by 1) as relations,
           array(select format('%I(%s)', p.proname, oidvectortypes(p.proargtypes)) from pg_proc p
                  where p.pronamespace = 'public'::regnamespace
                    and ${notInExtension('pg_proc', 'p.oid')} order by 1) as functions,
           array(select t.typname::text from pg_type t
                  where t.typnamespace = 'public'::regnamespace and t.typtype in ('e', 'd', 'r')
                    and ${notInExtension('pg_type', 't.oid')} order by 1) as types`);
  return target!;
}

/**
 * A dump of Weaver's tables alone says nothing about what others keep beside them: of what it
 * lacks, it takes away what is surely Weaver's.
 */
export function extraObjectsIn(
  target: RestoreTarget,
  entries: readonly DumpEntry[],
  onlyWeaver: boolean,
): ExtraObjects {
  const inDump = (types: readonly string[], name: (entry: DumpEntry) => string): Set<string> =>
    new Set(
      entries.filter(({ type, schema }) => schema === 'public' && types.includes(type)).map(name),
    );
  const withoutOwner = ({ rest }: DumpEntry): string => rest.replace(/ [^ ]+$/, '');
  const relations = inDump(['TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW'], withoutOwner);
  const functions = inDump(['FUNCTION', 'PROCEDURE', 'AGGREGATE'], withoutOwner);
  const types = inDump(['TYPE', 'DOMAIN'], withoutOwner);
  const partial = onlyWeaver || hasOnlyWeaver(entries);
  return {
    relations: partial ? [] : target.relations.filter(name => !relations.has(name)),
    functions: target.functions.filter(
      name => !functions.has(name) && (!partial || name.startsWith('weaver_')),
    ),
    types: partial ? [] : target.types.filter(name => !types.has(name)),
  };
}

/**
 * The entries of a dump that can be restored into `target`: what the server or the database has
 * already is left as it is.
 */
export function restorableEntries(
  target: RestoreTarget,
  entries: readonly DumpEntry[],
): DumpEntry[] {
  const own = new Set(
    entries
      .filter(({ type }) => type === 'TABLE' || type === 'SEQUENCE')
      .map(({ schema = '', rest }) => `${schema} ${rest}`),
  );
  return entries.filter(({ type, schema, rest }) => {
    if (type === 'EXTENSION') return !target.extensions.includes(firstWord(rest));
    if (type === 'COMMENT' && schema === '-' && rest.startsWith('EXTENSION '))
      return !target.extensions.includes(rest.split(' ')[1]!);
    if (schema === '-' && (rest === 'SCHEMA public' || rest.startsWith('SCHEMA public ')))
      return type === 'ACL' && target.ownsPublic;
    if (type === 'SCHEMA') return !target.schemas.includes(rest.replace(/ [^ ]+$/, ''));
    if (type !== 'TABLE DATA' && type !== 'SEQUENCE SET') return true;
    // Rows of an extension's table, which are there with the extension.
    return (
      own.has(`${schema ?? ''} ${rest}`) ||
      !target.ofExtensions.includes(
        `${schema === undefined ? '' : `${schema} `}${rest.replace(/ [^ ]+$/, '')}`,
      )
    );
  });
}

export interface RestoreOptions {
  /** Drop what the dump has before it is made anew, and what `extraObjects` names. */
  readonly clean: boolean;
  readonly extraObjects?: ExtraObjects;
  /** Who is to own Weaver's tables; undefined: the login. */
  readonly owner?: string | undefined;
  /**
   * Make the extensions that Weaver's tables need, which the dump of these tables alone does not
   * have.
   */
  readonly makeExtensions: boolean;
  /** Rows that must be there in the end. */
  readonly counts: Counts;
  /** How long one statement waits for a lock, while others wait behind it. 0 has no limit. */
  readonly lockWaitMs: number;
}

/** What newer programs set and older servers do not know. */
const NEWER_SETTING = /^SET transaction_timeout = 0;$/m;
/** What pg_restore says of locks, in favour of what was said before. */
const LOCK_SETTING = /^SET lock_timeout = 0;$/m;
/**
 * The server sees that psql is gone while it waits for a lock, and holds none of others' tables any
 * longer. Some systems cannot tell.
 */
const NOTICE_LOST_CLIENT = `do $weaver$ begin
  perform set_config('client_connection_check_interval', '1s', true);
exception when others then null;
end $weaver$`;

/**
 * Restores entries of a dump into the database of `address` in one transaction, which ends well
 * only when all rows are there: it is all there, or as it was. pg_restore writes the script and
 * psql runs it, since pg_restore itself can do nothing else in the same transaction.
 */
export async function restoreDump(
  address: DatabaseAddress,
  file: string,
  target: RestoreTarget,
  entries: readonly DumpEntry[],
  options: RestoreOptions,
  context: BackupContext,
): Promise<void> {
  const { report, signal } = context;
  await checkProgramVersion('pg_restore', target.serverVersion, context);
  const args = [
    '--no-owner',
    '--file=-',
    ...(options.clean ? ['--clean', '--if-exists'] : []),
    file,
  ];
  const input = async (to: NodeJS.WritableStream): Promise<void> => {
    to.write(beforeScript(target, options));
    const output = (from: Readable): Promise<void> =>
      pipeline(
        from,
        chunks =>
          pieces(chunks as AsyncIterable<Buffer>, target, bytes =>
            report(`restoring, ${formatBytes(bytes)}`),
          ),
        to,
        { end: false, signal },
      );
    await withList(entries, list => runProgram('pg_restore', [list, ...args], context, { output }));
    // Not before pg_restore has ended well: without this, psql ends without a commit.
    to.end(afterScript(options));
  };
  let lastLine = '';
  const onLine = (line: string): void =>
    void (/NOTICE: {2}drop cascades/.test((lastLine = line)) && report(line));
  await runProgram(
    'psql',
    ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--output=/dev/null', '--file=-'],
    context,
    { connection: libpqEnvironment(address), input, onLine },
  ).catch(error => {
    throw error instanceof StartupError
      ? error
      : new StartupError(`psql failed: ${lastLine || String(error)}.`, { cause: error });
  });
}

/**
 * Definitions stand before the first rows, and some of them not every server and login can take.
 */
async function* pieces(
  chunks: AsyncIterable<Buffer>,
  target: RestoreTarget,
  definitionText: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  let definitions: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    definitionText((bytes += chunk.length));
    if (definitions === undefined) {
      yield chunk;
      continue;
    }
    definitions = Buffer.concat([definitions, chunk]);
    const rows = definitions.indexOf('\nCOPY ');
    if (rows < 0) continue;
    yield adaptDefinitions(definitions.subarray(0, rows), target);
    yield definitions.subarray(rows);
    definitions = undefined;
  }
  if (definitions !== undefined) yield adaptDefinitions(definitions, target);
}

/** Bytes stay as they are, in whichever encoding. */
function adaptDefinitions(
  definitions: Buffer,
  { serverVersion, isSuperuser }: RestoreTarget,
): Buffer {
  let text = definitions.toString('latin1').replace(LOCK_SETTING, '');
  if (serverVersion < 17) text = text.replace(NEWER_SETTING, '');
  // A superuser alone may say so. Without it a function does the same, and "weaver db bootstrap"
  // says it later.
  if (!isSuperuser) text = text.replace(/^( {4}LANGUAGE .*?) LEAKPROOF\b/gm, '$1');
  return Buffer.from(text, 'latin1');
}

function beforeScript(
  { extensions }: RestoreTarget,
  { clean, extraObjects, makeExtensions, lockWaitMs }: RestoreOptions,
): string {
  const wanted = EXTENSIONS.filter(name => makeExtensions && !extensions.includes(name));
  return script([
    'begin',
    NOTICE_LOST_CLIENT,
    `set local lock_timeout = ${lockWaitMs}`,
    ...wanted.map(name => `create extension ${name}`),
    CURRENT_OWNERS,
    ...(clean && extraObjects ? [dropRelations(extraObjects.relations)] : []),
  ]);
}

function afterScript({ counts, owner, clean, extraObjects }: RestoreOptions): string {
  return script([
    ...(clean && extraObjects ? [dropFunctionsAndTypes(extraObjects)] : []),
    compareRows(counts),
    restoreOwner(owner),
    'commit',
  ]);
}
