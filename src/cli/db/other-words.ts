import type { Command } from 'commander';

/**
 * What Alembic and others call a thing, and what does it here: people type what they are used to.
 */
const OTHER_WORDS: Readonly<Record<string, string>> = {
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
export function addOtherWords(group: Command): void {
  for (const [word, told] of Object.entries(OTHER_WORDS))
    addHint(group, word, `There is no command "db ${word}". ${told}`);
}

/** Makes what is typed without the group say where it stands: Alembic has no group. */
export function addWordsOfGroup(program: Command, group: Command): void {
  const taken = new Set(program.commands.map(command => command.name()));
  for (const word of group.commands
    .map(command => command.name())
    .filter(name => !taken.has(name))) {
    addHint(
      program,
      word,
      OTHER_WORDS[word]
        ? `There is no command "${word}". ${OTHER_WORDS[word]}`
        : `There is no command "${word}". It is one of "db": npx weaver db ${word}.`,
    );
  }
}

function addHint(parent: Command, word: string, told: string): void {
  const command = parent
    .command(word, { hidden: true })
    .allowUnknownOption()
    .argument('[anything...]')
    .helpOption(false);
  command.action(() => command.error(told, { exitCode: 2 }));
}
