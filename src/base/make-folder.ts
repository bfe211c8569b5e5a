import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileErrorCode } from './file-errors.js';

/**
 * Makes a folder and those above it that are missing, or throws the system's error. Node's own
 * `recursive` never ends where a folder that is there takes no entries, as `/proc` does: it makes
 * the parent and tries again for ever.
 */
export function makeFolder(path: string): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (!lstatSync(parent, { throwIfNoEntry: false })) makeFolder(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process was quicker.
    if (fileErrorCode(error) !== 'EEXIST' || !isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
