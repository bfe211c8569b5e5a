import { StartupError } from '../../base/startup-error.js';

/**
 * Where somebody wants a database to be: everything, nothing, a number of steps further, or a
 * migration.
 */
export type Target =
  | { kind: 'default' }
  | { kind: 'head' }
  | { kind: 'base' }
  | { kind: 'steps'; steps: number }
  | { kind: 'name'; name: string };

/** The newest migration, in Alembic's word too. */
export function isHead(given: string): boolean {
  return given === 'head' || given === 'heads';
}

/**
 * A target as it is typed: `head`, `base`, a number of steps with its sign, or the name of a
 * migration.
 */
export function stepTarget(given: string | undefined, sign: '+' | '-'): Target {
  if (given === undefined) return { kind: 'default' };
  if (isHead(given)) return { kind: 'head' };
  if (given === 'base' || given === '0') return { kind: 'base' };
  const steps = /^([+-])(\d+)$/.exec(given);
  if (/^\w+[+-]\d+$/.test(given))
    throw new StartupError(
      `${given} counts from a migration. Name the migration that you want instead, or ` +
        `count from where the database is: ${sign}N.`,
    );
  if (!steps) return { kind: 'name', name: given };
  const count = Number(steps[2]);
  if (steps[1] !== sign)
    throw new StartupError(
      sign === '+'
        ? `${given} goes the other way: to revert, use "npx weaver db down".`
        : `${given} goes the other way: to apply, use "npx weaver db up".`,
    );
  if (count === 0) throw new StartupError(`${given} is no step.`);
  return { kind: 'steps', steps: count };
}
