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
export function isHead(target: string): boolean {
  return target === 'head' || target === 'heads';
}

/**
 * A target as it is typed: `head`, `base`, a number of steps with its sign, or the name of a
 * migration.
 */
export function stepTarget(target: string | undefined, sign: '+' | '-'): Target {
  if (target === undefined) return { kind: 'default' };
  if (isHead(target)) return { kind: 'head' };
  if (target === 'base' || target === '0') return { kind: 'base' };
  const steps = /^([+-])(\d+)$/.exec(target);
  if (/^\w+[+-]\d+$/.test(target))
    throw new StartupError(
      `${target} counts from a migration. Name the migration that you want instead, or ` +
        `count from where the database is: ${sign}N.`,
    );
  if (!steps) return { kind: 'name', name: target };
  const count = Number(steps[2]);
  if (steps[1] !== sign)
    throw new StartupError(
      sign === '+'
        ? `${target} goes the other way: to revert, use "npx weaver db down".`
        : `${target} goes the other way: to apply, use "npx weaver db up".`,
    );
  if (count === 0) throw new StartupError(`${target} is no step.`);
  return { kind: 'steps', steps: count };
}
