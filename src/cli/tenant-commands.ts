import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import {
  controlCharacterIn,
  hasVisibleCharacter,
  withoutMark,
} from '../base/control-characters.js';
import { readConfig } from '../config.js';
import type { CommandContext } from './command-io.js';
import { USING_DATABASE } from './help-texts.js';
import type { NewTenantOptions } from './manage-tenants.js';

const MAX_NAME_LENGTH = 255;
const MAX_PLAN_LENGTH = 50;

/** A text of one line, as GraphQL takes it. */
const lineParser =
  (most: number) =>
  (given: string): string => {
    const value = withoutMark(given);
    if (!hasVisibleCharacter(value)) throw new InvalidArgumentError('It has no visible character.');
    if ([...value].length > most)
      throw new InvalidArgumentError(`It has more than ${most} characters.`);
    const found = controlCharacterIn(value);
    if (found) throw new InvalidArgumentError(`It contains the control character ${found}.`);
    return value;
  };

export function addTenantCommands(program: Command, { io }: CommandContext): void {
  const group = program
    .command('tenant')
    .summary('tenants')
    .description('Tenants, who own everything else.');
  group
    .command('create')
    .addArgument(
      new Argument('<name>', `1 to ${MAX_NAME_LENGTH} characters`).argParser(
        lineParser(MAX_NAME_LENGTH),
      ),
    )
    .summary('create a tenant and print its id')
    .description('Creates a tenant and its first bot. Prints only its id on standard output.')
    .addOption(
      new Option('--plan <plan>', `the plan, 1 to ${MAX_PLAN_LENGTH} characters`)
        .argParser(lineParser(MAX_PLAN_LENGTH))
        .default('free'),
    )
    .addHelpText(
      'after',
      `${USING_DATABASE}\n\nExamples:\n  npx weaver tenant create "My company"\n  npx ` +
        'weaver key create --tenant "$(npx weaver tenant create Acme --plan business)" ' +
        '--name "My app"',
    )
    .action(async (name: string, options: NewTenantOptions) => {
      await (
        await import('./manage-tenants.js')
      ).createTenant(readConfig(io.env), io, name, options);
    });
  group
    .command('list')
    .summary('list all tenants')
    .description(
      'Lists the tenants, oldest first: id, plan, bots, documents, bytes stored, time of ' +
        'creation, and name.',
    )
    .option('--json', 'one JSON object a line, for programs')
    .addHelpText('after', `${USING_DATABASE}\n\nExamples:\n  npx weaver tenant list`)
    .action(async (options: { json?: boolean }) =>
      (await import('./manage-tenants.js')).listTenants(readConfig(io.env), io, options),
    );
  group
    .command('show <tenant>')
    .summary('show one tenant')
    .description('Shows a tenant, named by its id or exact name, with the numbers of its objects.')
    .option('--json', 'one JSON object, for programs')
    .addHelpText(
      'after',
      `${USING_DATABASE}\n\nExamples:\n  npx weaver tenant show "Harbor Outdoor"`,
    )
    .action(async (tenant: string, options: { json?: boolean }) =>
      (await import('./manage-tenants.js')).showTenant(readConfig(io.env), io, tenant, options),
    );
}
