import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseUnreachable } from '../../db/database-errors.js';
import type { CommandIo } from '../command-io.js';
import { readFolder, type FolderFile } from './folder-files.js';

/**
 * How long between two looks at the folder. Looks, and no notices of the system (`fs.watch`): those
 * are limited in number, do not come from network drives and mounted folders of containers, and
 * miss what is in a folder that has just come.
 */
const LOOK_MS = 2_000;

export interface WatchedFolder {
  readonly folder: string;
  readonly io: CommandIo;
  readonly stopped: AbortSignal;
  /** Files that were imported as they are. */
  readonly seen: readonly FolderFile[];
}

/**
 * Gives files that are added or changed to `importChanged`, which gives those back that it could
 * not import yet. A file that two looks find to be the same is taken: until then somebody may be
 * writing it. Ends by rejecting when `stopped` is aborted.
 */
export async function watchFolder(
  { folder, io, stopped, seen: imported }: WatchedFolder,
  importChanged: (files: readonly FolderFile[]) => Promise<readonly FolderFile[]>,
): Promise<never> {
  let seen = stampsOf(imported);
  let last = new Map<string, string>();
  for (;;) {
    await sleep(LOOK_MS, undefined, { signal: stopped });
    const { files } = await readFolder(folder);
    const changed = files.filter(
      ({ path, stamp }) => seen.get(path) !== stamp && last.get(path) === stamp,
    );
    last = stampsOf(files);
    // One that was deleted and comes back is looked at again.
    seen = new Map([...seen].filter(([path]) => last.has(path)));
    if (changed.length === 0) continue;
    try {
      const later = await importChanged(changed);
      for (const file of changed) if (!later.includes(file)) seen.set(file.path, file.stamp);
    } catch (error) {
      if (stopped.aborted || !isDatabaseUnreachable(error)) throw error;
      io.say('The database cannot be reached. The import goes on as soon as it can.');
    }
  }
}

function stampsOf(files: readonly FolderFile[]): Map<string, string> {
  return new Map(files.map(({ path, stamp }) => [path, stamp]));
}
