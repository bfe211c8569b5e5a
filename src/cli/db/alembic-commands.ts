import type { Command } from 'commander';

/**
 * What Alembic and others call a thing, and what does it here: people type what they are used to.
 */
const ALEMBIC_COMMANDS: Readonly<Record<string, string>> = {
  upgrade:
    'Weaver\'s word is "up": npx weaver db up (head, +1 and the name of a migration as before).',
  downgrade:
    'Weaver\'s word is "down": npx weaver db down (-1, base and the name of a migration ' +
    'as before).',
  migrate: 'Weaver\'s word is "up": npx weaver db up.',
  rollback: 'Weaver\'s word is "down": npx weaver db down.',
  dump: 'Weaver\'s word is "backup": npx weaver db backup FILE.',
  merge:
    'There is nothing to merge: migrations are one line, in the order of their ' +
    'timestamps, so that there is one head only. A migration that comes late is refused ' +
    'by "npx weaver db up", and let through with --allow-out-of-order.',
  branches:
    'There are no branches: migrations are one line, in the order of their timestamps. ' +
    '"npx weaver db history" lists them, "npx weaver db heads" the last.',
  edit:
    'A migration is a file in the folder migrations: open it in an editor. "npx weaver db ' +
    'show <migration>" prints what it runs.',
  ensure_version:
    'The log of migrations is made by the first "npx weaver db up" or "npx weaver db stamp".',
  init:
    'There is nothing to set up: "npx weaver db up" makes the tables, and before it "npx ' +
    'weaver db bootstrap" prepares a PostgreSQL.',
};

/** Makes each of them tell its word of ours, as wrong usage, whatever stands behind it. */
export function addAlembicCommands(group: Command): void {
  for (const [name, message] of Object.entries(ALEMBIC_COMMANDS))
    addHint(group, name, `There is no command "db ${name}". ${message}`);
}

/** Makes what is typed without the group say where it stands: Alembic has no group. */
export function addWordsOfGroup(program: Command, group: Command): void {
  const taken = new Set(program.commands.map(command => command.name()));
  const names = group.commands.map(command => command.name());
  for (const name of names.filter(word => !taken.has(word))) {
    addHint(
      program,
      name,
      ALEMBIC_COMMANDS[name]
        ? `There is no command "${name}". ${ALEMBIC_COMMANDS[name]}`
        : `There is no command "${name}". It is one of "db": npx weaver db ${name}.`,
    );
  }
}

function addHint(parent: Command, name: string, message: string): void {
  const command = parent
    .command(name, { hidden: true })
    .allowUnknownOption()
    .argument('[anything...]')
    .helpOption(false);
  command.action(() => command.error(message, { exitCode: 2 }));
}
