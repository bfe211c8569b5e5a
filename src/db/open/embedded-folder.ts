import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { PGlite, type Extensions } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { StartupError } from '../../base/startup-error.js';
import { unusableFolder } from './unusable-folder.js';

/** The version of PostgreSQL that PGlite brings; its files are of no use to any other. */
export const EMBEDDED_VERSION = '18';

/**
 * PostgreSQL's own file that names the version of a cluster. PGlite takes a folder without it for a
 * new one.
 */
const VERSION_FILE = 'PG_VERSION';

/** Where a restore makes its database, beside the one that it replaces. */
export const RESTORING = 'restoring';
/** How the folder begins in which a restore keeps the former files. */
export const BEFORE_RESTORE = 'pg.before-restore-';

/**
 * The folder of an embedded database's files. PGlite writes a new cluster file by file, and takes
 * whatever lacks one of them for none: stopped on the way, or copied in part, it would be made anew
 * over its own rows. So a new cluster is made beside its place and moved there when it is complete,
 * and files that are no cluster are refused, with a `StartupError`. Only for who holds the folder's
 * lock.
 */
export class EmbeddedFolder extends NodeFS {
  constructor(
    private readonly cluster: string,
    private readonly extensions: Extensions,
    private readonly image: Blob | undefined,
  ) {
    refuseForeignFiles(cluster);
    super(cluster);
  }

  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    if (!isCluster(this.cluster)) await this.#makeCluster();
    return super.init(...args);
  }

  async #makeCluster(): Promise<void> {
    const temporaryFolder = `${this.cluster}.new`;
    rmSync(temporaryFolder, { recursive: true, force: true });
    try {
      const created = await PGlite.create({
        dataDir: temporaryFolder,
        extensions: this.extensions,
        ...(this.image && { loadDataDir: this.image }),
      });
      await created.close();
    } catch (error) {
      // A disk that is full shall not stay so.
      rmSync(temporaryFolder, { recursive: true, force: true });
      throw this.image
        ? error
        : (unusableFolder(dirname(this.cluster), error) ?? creationError(error));
    }
    // Empty, or it would have been refused. Some systems do not rename onto a folder.
    rmdirSync(this.cluster);
    renameSync(temporaryFolder, this.cluster);
  }
}

function isCluster(folder: string): boolean {
  return existsSync(`${folder}/${VERSION_FILE}`);
}

function refuseForeignFiles(folder: string): void {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (!found) return refuseMissing(folder);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new StartupError(
      `${folder} must be the folder of the embedded database, but it is ` +
        (found.isSymbolicLink() ? 'a broken link' : 'not a folder') +
        '. Nothing was changed. Move it away, or set WEAVER_DATA_DIR to another folder.',
    );
  if (isCluster(folder)) {
    const version = readFileSync(`${folder}/${VERSION_FILE}`, 'utf8').trim();
    if (version === EMBEDDED_VERSION) return;
    throw new StartupError(
      `The embedded database in ${folder} was created by PostgreSQL ` +
        `${version.slice(0, 20)}, but this Weaver contains PostgreSQL ${EMBEDDED_VERSION}, ` +
        'which cannot open it. Nothing was changed. Back up its rows with the Weaver that ' +
        'created it ("npx weaver db backup --portable FILE"), then restore that file into ' +
        'another WEAVER_DATA_DIR here.',
    );
  }
  if (readdirSync(folder).length === 0) return refuseMissing(folder);
  throw new StartupError(
    `${folder} has files but no ${VERSION_FILE}, so it is not a complete embedded ` +
      'database and cannot be opened. Nothing was changed. Replace it with a complete ' +
      'copy, or restore a backup ("npx weaver db restore --yes FILE"), which keeps these ' +
      'files beside it. If Weaver was stopped while it created this database for the first ' +
      'time, it contains no rows: move it away and start again.',
  );
}

/**
 * Refuses the place of a cluster that a restore has set aside and not replaced. A `StartupError`.
 */
export function refuseMissing(cluster: string): void {
  const dataDir = dirname(cluster);
  if (!existsSync(dataDir)) return;
  const former = readdirSync(dataDir)
    .filter(name => name.startsWith(BEFORE_RESTORE))
    .sort()
    .at(-1);
  if (former === undefined) return;
  throw new StartupError(
    `${cluster} is missing, and ${join(dataDir, former)} contains the former database: a ` +
      'restore was interrupted after it had moved it aside. Nothing was changed. Rename that ' +
      'folder back, or restore again ("npx weaver db restore FILE"). To start with an empty ' +
      'database, move it to another place.',
  );
}

function creationError(error: unknown): StartupError {
  const said = error instanceof Error ? error.message : '';
  return new StartupError(
    'The embedded database could not be created: PostgreSQL stopped while it wrote the files' +
      `${said && !said.startsWith('Aborted(') ? `: ${said.split('\n', 1)[0]}` : ''}. Its ` +
      'files were removed. A new database needs 60 MB of disk and files of 20 MB (ulimit -f).',
    { cause: error },
  );
}

/**
 * `reason` says what PGlite met when it opened the folder of a cluster of its own version; of some
 * damage it knows only that it stopped.
 */
export function damagedFolder(dataDir: string, reason: string): StartupError {
  const because = reason.startsWith('Aborted(')
    ? 'PostgreSQL stopped while it read the files'
    : reason;
  return new StartupError(
    `The embedded database in ${dataDir} cannot be opened: ${because}. Its files may be ` +
      'damaged. Copy the folder before you try anything. Then restore a backup ("npx ' +
      'weaver db restore --yes FILE"), which keeps the old files beside it, or set ' +
      'WEAVER_DATA_DIR to another folder to start with an empty database.',
  );
}
