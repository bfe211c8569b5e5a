import { fileErrorCode, fileErrorReason } from '../../base/file-errors.js';
import { StartupError } from '../../base/startup-error.js';

const OTHER_DISK = 'Make room there, or set WEAVER_DATA_DIR to a folder on another disk.';
const OTHER_USER =
  'Give this user the right to write there, or set WEAVER_DATA_DIR to a folder that this user ' +
  'may write to.';
const OTHER_PATH = 'Set WEAVER_DATA_DIR to a folder.';
const MORE_FILES = 'Raise the limit of open files (ulimit -n), and try again.';

/** What to do about what the system says of the data folder. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: OTHER_DISK,
  EDQUOT: OTHER_DISK,
  EFBIG: 'Raise the limit of sizes of files (ulimit -f), or set WEAVER_DATA_DIR to another disk.',
  EROFS: 'Set WEAVER_DATA_DIR to a folder on a file system that can be written.',
  EACCES: OTHER_USER,
  EPERM: OTHER_USER,
  ENOENT: OTHER_PATH,
  ENOTDIR: OTHER_PATH,
  EEXIST: OTHER_PATH,
  ELOOP: OTHER_PATH,
  ENAMETOOLONG: OTHER_PATH,
  EMFILE: MORE_FILES,
  ENFILE: MORE_FILES,
};

/** What some of them say of a folder that is to be made. */
const ABOUT_FOLDERS: Readonly<Record<string, string>> = {
  EEXIST: 'it is not a folder',
  ENOENT: 'no folder can be created there',
};

/**
 * The numbers of those in WASI, which is all that PGlite tells of them:
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md#-errno-variant
 */
const WASI_CODES: Readonly<Record<number, string>> = {
  2: 'EACCES',
  19: 'EDQUOT',
  22: 'EFBIG',
  33: 'EMFILE',
  41: 'ENFILE',
  51: 'ENOSPC',
  63: 'EPERM',
  69: 'EROFS',
};

/**
 * `error`, met while the data folder was locked or opened, where the system refuses the folder, so
 * that its files need not be damaged; undefined for any other.
 */
export function unusableFolder(dataDir: string, error: unknown): StartupError | undefined {
  const { name, errno } = (error ?? {}) as { name?: string; errno?: number };
  const code = name === 'ErrnoError' ? WASI_CODES[errno ?? 0] : fileErrorCode(error);
  if (code === undefined) return undefined;
  const reason = ABOUT_FOLDERS[code] ?? fileErrorReason({ code });
  return new StartupError(
    `The data folder ${dataDir} cannot be used: ${reason} (${code}). ` +
      (REMEDIES[code] ?? 'Set WEAVER_DATA_DIR to another folder.'),
    { cause: error },
  );
}
