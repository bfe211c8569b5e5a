import { readFileSync, statSync } from 'node:fs';
import { StartupError } from './startup-error.js';

/**
 * What the system says of a file or folder, as clauses:
 * https://nodejs.org/api/errors.html#common-system-errors
 */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user has no right to it',
  EPERM: 'this user has no right to it',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'the file system takes no file that large',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  EEXIST: 'it is there already: name another file',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  EMFILE: 'this process has too many files open',
  ENFILE: 'the system has too many files open',
  EIO: 'the disk reports an error',
  ENXIO: 'there is no such device',
  EBUSY: 'another process is using it',
};

/**
 * Thrown for a path that leads to neither a file nor a folder: reading a pipe waits for its writer,
 * and a device may have no end.
 */
class NotAFileError extends Error {
  override readonly name = 'NotAFileError';

  constructor() {
    super('it is a pipe or a device, and no file');
  }
}

/** The system's word for what went wrong with a file, such as `ENOSPC`; undefined for others. */
export function fileErrorCode(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** What is wrong with a file or folder, as a clause; undefined where `error` is of another kind. */
export function fileErrorReason(error: unknown): string | undefined {
  if (error instanceof NotAFileError) return error.message;
  const code = fileErrorCode(error);
  return code && (REASONS[code] ?? 'the system reports an error');
}

/** The same, to be put behind `cannot be read`. */
export function fileErrorText(error: unknown): string | undefined {
  const reason = fileErrorReason(error);
  const code = fileErrorCode(error);
  return reason && `${code === undefined ? '' : ` (${code})`}: ${reason}`;
}

/** An error of the file system as one sentence; any other as it is. */
export function fileError(
  error: unknown,
  file: string,
  doing: 'written' | 'read' = 'written',
): unknown {
  const text = error instanceof StartupError ? undefined : fileErrorText(error);
  return text === undefined
    ? error
    : new StartupError(`${file} cannot be ${doing}${text}.`, { cause: error });
}

/** The bytes of a file; throws `NotAFileError` for a pipe or a device, which could have no end. */
export function readRegularFile(path: string): Buffer {
  refuseOtherThanFile(path);
  return readFileSync(path);
}

export function refuseOtherThanFile(path: string): void {
  const found = statSync(path);
  if (!found.isFile() && !found.isDirectory()) throw new NotAFileError();
}
