import { TSMigrationGenerator } from '@mikro-orm/migrations';

/** What the comparison writes for a function that the database has and the entities do not. */
const MAKES_FUNCTION = /^create or replace function /;

type Diff = Parameters<TSMigrationGenerator['generateMigrationFile']>[1];

/**
 * Entities declare no functions: those of triggers and orders are made by migrations written by
 * hand. `ignoreRoutines` keeps the comparison from dropping them, and its way back would still make
 * each anew, with another text.
 */
export class MigrationGenerator extends TSMigrationGenerator {
  override generateMigrationFile(className: string, { up, down }: Diff): string {
    const withoutFunctions = (statements: readonly string[]): string[] =>
      statements
        .filter(sql => !MAKES_FUNCTION.test(sql))
        // An empty text is an empty line, between two groups of statements.
        .filter((sql, index, all) => sql || (all[index - 1] && all.slice(index).some(Boolean)));
    return super.generateMigrationFile(className, {
      up: withoutFunctions(up),
      down: withoutFunctions(down),
    });
  }
}
