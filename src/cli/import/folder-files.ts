import type { Dirent, Stats } from 'node:fs';
import { constants } from 'node:fs';
import { lstat, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileErrorText } from '../../base/file-errors.js';
import { StartupError } from '../../base/startup-error.js';
import { FileRefusal } from './file-refusal.js';

/** A file below a folder. */
export interface FolderFile {
  /** From the folder on, with `/` between its parts. */
  readonly path: string;
  /** Another one tells that the file has changed. */
  readonly stamp: string;
  /** Why it cannot be read, or what is in this folder, as a clause. */
  readonly unreadable?: string;
}

/** What a folder holds. */
export interface FolderContent {
  /** By their paths, in the order of folders. */
  readonly files: readonly FolderFile[];
  /** Files and folders whose names begin with a dot. */
  readonly hidden: number;
  readonly links: number;
  /** Sockets, pipes and devices. */
  readonly others: number;
}

/** Throws a `StartupError` for what is no folder that can be read. */
export async function mustBeFolder(folder: string): Promise<void> {
  try {
    if (!(await stat(folder)).isDirectory())
      throw new StartupError(`${folder} is a file. Give the folder that it is in.`);
    await readdir(folder);
  } catch (error) {
    throw unusable(folder, error);
  }
}

/** All files below a folder, but hidden ones, and none behind symbolic links. */
export async function readFolder(folder: string): Promise<FolderContent> {
  const files: FolderFile[] = [];
  const left = { hidden: 0, links: 0, others: 0 };
  const visit = async (parent: string): Promise<void> => {
    for (const entry of await entriesOf(folder, parent, files)) {
      const path = parent === '' ? entry.name : `${parent}/${entry.name}`;
      if (entry.name.startsWith('.')) left.hidden += 1;
      else if (entry.isSymbolicLink()) left.links += 1;
      else if (entry.isDirectory()) await visit(path);
      else if (entry.isFile()) files.push(await fileAt(folder, path));
      else left.others += 1;
    }
  };
  await visit('');
  return { files, ...left };
}

/**
 * The bytes of a file, as they were at one time. Throws a `FileRefusal` where it is larger than
 * `maxBytes`, cannot be read, or is being changed.
 */
export async function readFolderFile(
  folder: string,
  { path, unreadable }: FolderFile,
  maxBytes: number,
): Promise<Buffer> {
  if (unreadable !== undefined) throw new FileRefusal('UNREADABLE', unreadable);
  try {
    // What was a file may have become a link, or a pipe, which would have no end.
    const file = await open(
      join(folder, path),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      const before = await file.stat();
      if (!before.isFile()) throw new FileRefusal('UNREADABLE', 'It is no file any more.');
      if (before.size > maxBytes)
        throw new FileRefusal(
          'TOO_LARGE',
          `The file has ${before.size} bytes; at most ${maxBytes} are accepted.`,
        );
      const bytes = await file.readFile();
      if (bytes.length !== before.size || stampOf(before) !== stampOf(await file.stat()))
        throw new FileRefusal(
          'CHANGED',
          'The file was changed while it was read. Import it again when it is complete.',
        );
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    const text = fileErrorText(error);
    throw text === undefined ? error : new FileRefusal('UNREADABLE', cannotBeRead(text));
  }
}

async function entriesOf(
  folder: string,
  parent: string,
  files: FolderFile[],
): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(join(folder, parent), { withFileTypes: true });
    return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (parent === '') throw unusable(folder, error);
    files.push({ path: parent, ...unreadableBy(error, 'The folder') });
    return [];
  }
}

async function fileAt(folder: string, path: string): Promise<FolderFile> {
  try {
    return { path, stamp: stampOf(await lstat(join(folder, path))) };
  } catch (error) {
    return { path, ...unreadableBy(error) };
  }
}

function stampOf({ size, mtimeMs, ctimeMs, ino }: Stats): string {
  return [size, mtimeMs, ctimeMs, ino].join();
}

function unreadableBy(error: unknown, what?: string): Pick<FolderFile, 'stamp' | 'unreadable'> {
  const text = fileErrorText(error);
  if (text === undefined) throw error;
  return { stamp: text, unreadable: cannotBeRead(text, what) };
}

function cannotBeRead(text: string, what = 'The file'): string {
  return `${what} cannot be read${text}.`;
}

function unusable(folder: string, error: unknown): unknown {
  const text = error instanceof StartupError ? undefined : fileErrorText(error);
  return text === undefined
    ? error
    : new StartupError(`The folder ${folder} cannot be read${text}.`, { cause: error });
}
