import { open, type FileHandle } from 'node:fs/promises';
import { StartupError } from '../../base/startup-error.js';
import { fileError, refuseOtherThanFile } from '../../base/file-errors.js';
import { isPortable } from './portable-format.js';

/**
 * What a backup holds: the file of pg_dump, an archive of the embedded database's files, or rows
 * that any database takes.
 */
export type BackupKind = 'postgres' | 'embedded' | 'portable';

/**
 * The first bytes of a file, unpacked where they are packed. A `StartupError` where it cannot be
 * read.
 */
async function startOf(file: string, bytes: number): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    refuseOtherThanFile(file);
    handle = await open(file, 'r');
    if ((await handle.stat()).isDirectory())
      throw new StartupError(`${file} is a folder, and a backup is a file.`);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw fileError(error, file, 'read');
  } finally {
    await handle?.close();
  }
}

/** Of which kind the backup in `file` is, by its first bytes. */
export async function kindOfBackup(file: string): Promise<BackupKind> {
  const start = await startOf(file, 5);
  if (start.length === 0) throw new StartupError(`${file} is empty, so it is no backup.`);
  if (start.toString('latin1') === 'PGDMP') return 'postgres';
  if (start[0] !== 0x1f || start[1] !== 0x8b)
    throw new StartupError(`${file} is no backup that "weaver db backup" wrote.`);
  return (await isPortable(file)) ? 'portable' : 'embedded';
}
