import type { Command } from 'commander';
import { hasVisibleCharacter } from '../base/control-characters.js';

/**
 * Refuses arguments and options without a character that shows, as wrong usage: a shell puts such
 * in the place of a variable that is not set, and none of ours means anything.
 */
export function refuseEmptyValues(program: Command): void {
  program.hook('preAction', (_, command) => {
    for (const [index, { variadic }] of command.registeredArguments.entries()) {
      const name = command.registeredArguments[index]!.name();
      if (isEmpty(command.processedArgs[index]))
        refuse(command, `argument '${variadic ? `${name}...` : name}'`);
    }
    for (const option of command.options)
      if (isEmpty(command.getOptionValue(option.attributeName())))
        refuse(command, `option '${option.flags}'`);
  });
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value)
    ? value.some(isEmpty)
    : typeof value === 'string' && !hasVisibleCharacter(value);
}

function refuse(command: Command, what: string): never {
  command.error(`error: ${what} is empty.`, { exitCode: 2 });
}
