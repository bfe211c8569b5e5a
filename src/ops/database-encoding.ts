import { StartupError } from '../base/startup-error.js';

/**
 * Why a database cannot hold Weaver's tables, and what to do; undefined where it can. Texts are of
 * all languages, and PostgreSQL cannot change the encoding of a database.
 */
export async function encodingProblem(
  run: <R>(sql: string) => Promise<R[]>,
): Promise<{ problem: string; mend: string } | undefined> {
  const [{ encoding, name }] = (await run<{ encoding: string; name: string }>(
    "select current_setting('server_encoding') as encoding, current_database()::text as name",
  )) as [{ encoding: string; name: string }];
  if (encoding === 'UTF8') return undefined;
  return {
    problem: `The database ${name} has the encoding ${encoding}, but Weaver needs UTF8.`,
    mend:
      'Create another with "createdb --encoding UTF8 --template template0 <name>", and use ' +
      'that.',
  };
}

/** Refuses it with a `StartupError`, before anything is made in it. */
export async function refuseOtherEncoding(run: <R>(sql: string) => Promise<R[]>): Promise<void> {
  const found = await encodingProblem(run);
  if (found) throw new StartupError(`${found.problem} Nothing was changed. ${found.mend}`);
}
