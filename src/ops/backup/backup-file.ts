import { constants } from 'node:fs';
import { access, link, lstat, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { takeLockFile, type LockFile } from '../../base/lock-file.js';
import { StartupError } from '../../base/startup-error.js';
import { fileErrorCode, fileError } from '../../base/file-errors.js';

/**
 * A backup while it is written: `FILE.partial`, which only its owner may read from its first byte
 * on. It gets its name when it is complete and was tried, and never replaces a file that has it.
 */
export class PartialFile {
  private constructor(
    readonly file: string,
    readonly path: string,
    readonly handle: FileHandle,
    private readonly lock: LockFile,
  ) {}

  /**
   * Refused while another backup writes the same file. Whether another run was killed before it
   * could take its partial file away is told by `removed`.
   */
  static async create(file: string, removed: (path: string) => void): Promise<PartialFile> {
    await refuseExisting(file);
    const path = `${file}.partial`;
    const lock = takeLock(file);
    if (!lock)
      throw new StartupError(
        `Another backup is writing ${file}: name another file. Nothing was written.`,
      );
    try {
      if (await fileExists(path)) {
        await rm(path);
        removed(path);
      }
      return new PartialFile(file, path, await open(path, 'wx+', 0o600), lock);
    } catch (error) {
      await releaseLock(file, lock);
      throw fileError(error, path);
    }
  }

  /** Writes pieces behind each other; an error of the file system is told as such. */
  readonly write = async (pieces: AsyncIterable<Uint8Array>): Promise<void> => {
    try {
      for await (const piece of pieces) await this.handle.appendFile(piece);
    } catch (error) {
      throw fileError(error, this.path);
    }
  };

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  /** Gives the file its name. Whatever got that name meanwhile stays. */
  async publish(): Promise<void> {
    try {
      await this.handle.sync();
      const [own, renamed] = [await this.handle.stat(), await lstat(this.path)];
      if (own.ino !== renamed.ino)
        throw new StartupError(
          `Another backup writes to ${this.path}. Nothing was written to ${this.file}.`,
        );
      await renameWithoutReplacing(this.path, this.file);
    } catch (error) {
      throw fileError(error, this.file);
    }
  }

  /** Closes it, and takes away what has no name of its own yet. */
  async close(): Promise<void> {
    const own = await this.handle.stat();
    await this.handle.close();
    const renamed = await lstat(this.path).catch(() => undefined);
    if (renamed?.ino === own.ino) await rm(this.path, { force: true });
    await releaseLock(this.file, this.lock);
  }
}

function takeLock(file: string): LockFile | undefined {
  try {
    return takeLockFile(lockOf(file));
  } catch (error) {
    throw fileError(error, lockOf(file));
  }
}

const lockOf = (file: string): string => `${file}.partial.lock`;

async function releaseLock(file: string, lock: LockFile): Promise<void> {
  await rm(lockOf(file), { force: true });
  lock.release();
}

/**
 * Refuses a name that is taken, or a folder in which no file can be made: before hours of work, not
 * after them.
 */
export async function refuseExisting(file: string): Promise<void> {
  if (await fileExists(file))
    throw new StartupError(`${file} is there already: name another file.`);
  await access(dirname(file), constants.W_OK).catch(error => {
    throw fileError(error, file);
  });
}

/**
 * A second name for the same file fails where the name is taken; a file system without such names
 * gets an empty file to replace.
 */
async function renameWithoutReplacing(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
    await rm(from);
  } catch (error) {
    if (
      fileErrorCode(error) === 'EEXIST' ||
      !['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EOPNOTSUPP'].includes(fileErrorCode(error) ?? '')
    )
      throw error;
    await (await open(to, 'wx', 0o600)).close();
    await rename(from, to);
  }
}

async function fileExists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    error => {
      if (fileErrorCode(error) === 'ENOENT') return false;
      throw fileError(error, path);
    },
  );
}
