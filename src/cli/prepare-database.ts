import { StartupError, UsageError } from '../base/startup-error.js';
import type { Config, DatabaseConfig } from '../config.js';
import { addressAs, addressUrl, type DatabaseAddress } from '../config/database-address.js';
import {
  bootstrap,
  bootstrapScript,
  loginExists,
  loginNameProblem,
  type BootstrapPlan,
} from '../ops/bootstrap/bootstrap.js';
import { newPassword, storedPassword } from '../ops/bootstrap/password.js';
import type { Database } from '../db/database.js';
import type { CommandIo } from './command-io.js';
import { describeDatabase, withDatabase } from './open-database.js';

export interface BootstrapOptions {
  readonly login?: string;
  readonly owner?: string;
  readonly passwordStdin?: boolean;
  readonly sql?: boolean;
}

/** `weaver db bootstrap`. */
export async function prepareDatabase(
  config: Config,
  io: CommandIo,
  options: BootstrapOptions,
): Promise<void> {
  const plan: BootstrapPlan = {
    login: options.login ?? loginOf(config.database),
    owner: options.owner,
  };
  if (plan.login !== undefined && plan.login === plan.owner)
    throw new UsageError(
      "The gateway's login and the owner must be different logins: the owner of the " +
        'tables bypasses their policies.',
    );
  const problem = plan.login === undefined ? undefined : loginNameProblem(plan.login);
  if (problem) throw new StartupError(`${problem} Name another with --login.`);
  if (options.sql) return io.outLines(bootstrapScript(plan).trimEnd());
  if (config.database.kind === 'embedded') {
    return io.out(
      'Nothing to do: the embedded database needs no preparation. Set DATABASE_URL to ' +
        'prepare PostgreSQL, or add --sql to print the statements.',
    );
  }
  const postgres = config.database;
  const given = options.passwordStdin ? await passwordFromStdin(io, plan) : undefined;
  await withDatabase(config, 'migrate', async database => {
    const passwords = await passwordsOf(database, plan, postgres, given);
    const stored = new Map(
      [...passwords].map(([login, { password }]) => [login, storedPassword(password)]),
    );
    const { created, found } = await bootstrap(database, plan, stored);
    for (const thing of found) io.out(`Exists: ${thing}`);
    for (const thing of created) io.out(`Created: ${thing}`);
    for (const [login, { generated }] of passwords)
      if (!generated) io.out(`Set: the password of ${login}`);
    const settings = settingsOf(plan, postgres, passwords);
    if (settings.length > 0)
      io.out('These settings contain the new passwords, which are shown only once:');
    for (const line of settings) io.out(line);
    io.say(`This is ${describeDatabase(postgres, 'migrate')}.`);
    if (plan.login === undefined)
      io.say('No login for the gateway was named: add --login <name> to create one.');
    io.say(`Next: "npx weaver db up", as ${plan.owner ?? 'whoever is to own the tables'}.`);
  });
}

/**
 * The variables of the logins whose passwords were made, ready to be pasted: nobody has to put a
 * URL together by hand.
 */
function settingsOf(
  { login, owner }: BootstrapPlan,
  { address, ownerAddress }: Extract<DatabaseConfig, { kind: 'postgres' }>,
  passwords: ReadonlyMap<string, { password: string; generated: boolean }>,
): string[] {
  const setting = (variable: string, name: string | undefined, base: DatabaseAddress): string[] => {
    const made = name === undefined ? undefined : passwords.get(name);
    return name !== undefined && made?.generated
      ? [`${variable}=${addressUrl(addressAs(base, name, made.password))}`]
      : [];
  };
  return [
    ...setting('DATABASE_URL', login, address),
    ...setting('WEAVER_MIGRATION_URL', owner, ownerAddress),
  ];
}

/** The login that the configuration asks for, where somebody else is there to make it. */
function loginOf(database: DatabaseConfig): string | undefined {
  if (database.kind === 'embedded') return undefined;
  const { user } = database.address;
  return user === database.ownerAddress.user ? undefined : user;
}

async function passwordFromStdin(io: CommandIo, { login }: BootstrapPlan): Promise<string> {
  if (login === undefined)
    throw new UsageError(
      '--password-stdin requires --login <name>, the login that gets the password.',
    );
  const password = (await io.read()).replace(/\r?\n$/, '');
  if (!password || /[\r\n]/.test(password))
    throw new StartupError('Standard input must hold the password in one line.');
  return password;
}

/** The passwords to set: the one that was given, and one for each login that is new. */
async function passwordsOf(
  database: Database,
  { login, owner }: BootstrapPlan,
  postgres: Extract<DatabaseConfig, { kind: 'postgres' }>,
  given: string | undefined,
): Promise<Map<string, { password: string; generated: boolean }>> {
  const passwords = new Map<string, { password: string; generated: boolean }>();
  const makeFor = async (name: string, known: string | undefined): Promise<void> => {
    if (known !== undefined) passwords.set(name, { password: known, generated: false });
    else if (!(await loginExists(database, name)))
      passwords.set(name, { password: newPassword(), generated: true });
  };
  if (owner !== undefined) await makeFor(owner, undefined);
  if (login !== undefined) {
    const configured = postgres.address.user === login ? postgres.address.password : undefined;
    const isNew = !(await loginExists(database, login));
    await makeFor(login, given ?? (isNew && configured ? configured : undefined));
  }
  return passwords;
}
