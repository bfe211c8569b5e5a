import { StartupError } from '../../base/startup-error.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'the file system takes no file that large',
  EROFS: 'the file system is read-only',
  EACCES: 'this user has no right to it',
  EPERM: 'this user has no right to it',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  EEXIST: 'it is there already: name another file',
  EIO: 'the disk reports an error',
};

/** An error of the file system as one sentence; any other as it is. */
export function fileError(
  error: unknown,
  file: string,
  doing: 'written' | 'read' = 'written',
): unknown {
  const code = codeOf(error);
  if (error instanceof StartupError || code === undefined || !/^E[A-Z0-9]+$/.test(code))
    return error;
  return new StartupError(
    `${file} cannot be ${doing} (${code}): ${REASONS[code] ?? 'the system reports an error'}.`,
    {
      cause: error,
    },
  );
}

export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}
