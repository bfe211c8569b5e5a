import type { Command } from 'commander';

/** `weaver help db up`: the help of a command, in its group too. */
export function addHelpCommand(program: Command): void {
  program.helpCommand(false);
  program
    .command('help [command...]')
    .description('show help for a command')
    .helpOption(false)
    .action(async (names: readonly string[]) => {
      let command: Command = program;
      for (const name of names) {
        const found = command.commands.find(inner => inner.name() === name);
        if (!found) command.error(`error: unknown command '${name}'`, { exitCode: 2 });
        // A word that only leads to another one has no help, and says where it leads.
        if (!command.createHelp().visibleCommands(command).includes(found))
          await found.parseAsync([], { from: 'user' });
        command = found;
      }
      command.help();
    });
}
