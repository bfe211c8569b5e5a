import { UnderscoreNamingStrategy } from '@mikro-orm/core';
import { StartupError } from '../../base/startup-error.js';
import { migrationFiles } from './emitted-sql.js';

/** What is wrong with the words that are to name a migration; undefined where nothing is. */
export function migrationWordsProblem(words: string): string | undefined {
  return /[\p{L}\p{N}]/u.test(words)
    ? undefined
    : 'Say in a few words what the migration does: its name needs a letter or a digit.';
}

/** The name of the file of a new migration, without its extension: that of its class. */
export function newMigrationName(timestamp: string, words?: string): string {
  const problem = words === undefined ? undefined : migrationWordsProblem(words);
  if (problem) throw new StartupError(problem);
  return new UnderscoreNamingStrategy().classToMigrationName(
    afterLast(timestamp, [...migrationFiles().keys()]),
    words,
  );
}

/** Of MikroORM, but for classes of migrations: the class is named like the file. */
export class NamingStrategy extends UnderscoreNamingStrategy {
  override classToMigrationName(timestamp: string, words?: string): string {
    return newMigrationName(timestamp, words);
  }
}

/**
 * The timestamp (YYYYMMDDhhmmss, UTC) of a migration that comes after those that are there: whoever
 * wrote the last may have had a clock that is ahead, and a run refuses what is older than what is
 * applied.
 */
export function afterLast(timestamp: string, names: readonly string[]): string {
  const last = /\d{14}/.exec(names.toSorted().at(-1) ?? '')?.[0];
  if (last === undefined || timestamp > last) return timestamp;
  const time = new Date(
    last.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  // Made by hand, it may be no time at all.
  return Number.isNaN(time.getTime())
    ? String(BigInt(last) + 1n)
    : new Date(time.getTime() + 1_000).toISOString().replace(/\D/g, '').slice(0, 14);
}
