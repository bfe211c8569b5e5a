import { accessSync, constants, rmSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { refuseOtherThanFile } from './file-errors.js';

/** SQLite's code for a lock that another process holds: https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;
/** SQLite writes a page of this many bytes when it takes the lock. */
const PAGE_BYTES = 4_096;

export interface LockFile {
  release(): void;
}

/**
 * Takes the one lock of a file, making the file where it is missing; undefined where somebody else
 * has it. The operating system holds the lock for the process and drops it when the process ends,
 * however it ends, so that no stale lock can remain: it is an exclusive transaction on a small
 * SQLite file (https://www.sqlite.org/lockingv3.html). Throws the system's error where it refuses
 * the file.
 */
export function takeLockFile(path: string): LockFile | undefined {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path);
    lock.exec('pragma journal_mode = delete; pragma busy_timeout = 0; begin exclusive');
  } catch (error) {
    lock?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throwSystemError(path);
    throw error;
  }
  const held = lock;
  return { release: () => held.close() };
}

/**
 * SQLite knows that a file cannot be used, and not why: so the same is tried once more without it.
 * Another file is written, for closing the lock's own would give up a lock that is held.
 */
function throwSystemError(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })) {
    refuseOtherThanFile(path);
    accessSync(path, constants.R_OK | constants.W_OK);
  }
  const probe = `${path}.probe`;
  try {
    writeFileSync(probe, Buffer.alloc(PAGE_BYTES));
  } finally {
    rmSync(probe, { force: true });
  }
}
