import { UsageError } from '../../base/startup-error.js';

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
 * A target as it is typed: `head`, `base`, the name of a migration, or a number of steps with its
 * sign. Throws a `UsageError` for what looks like steps and is none: no migration has such a name.
 */
function readTarget(target: string): Exclude<Target, { kind: 'default' }> {
  if (isHead(target)) return { kind: 'head' };
  if (target === 'base' || target === '0') return { kind: 'base' };
  if (/^[\w.]+[+-]\d+$/.test(target))
    throw new UsageError(
      `${target} counts from a migration. Name the migration that you want instead, or ` +
        'count from where the database is, such as +1 or -1.',
    );
  if (/^\d{1,3}$/.test(target))
    throw new UsageError(
      `${target} is a number without a sign. Write +${target} to apply and -${target} to revert ` +
        'that many migrations.',
    );
  if (!/^[+-]/.test(target)) return { kind: 'name', name: target };
  const steps = Number(target);
  if (!/^[+-]\d+$/.test(target) || steps === 0 || !Number.isSafeInteger(steps))
    throw new UsageError(`${target} is not a number of migrations. Write it such as +1 or -1.`);
  return { kind: 'steps', steps };
}

/** The target of a run that applies (`+`) or reverts (`-`) migrations. */
export function stepTarget(target: string | undefined, sign: '+' | '-'): Target {
  if (target === undefined) return { kind: 'default' };
  const found = readTarget(target);
  if (found.kind === (sign === '+' ? 'base' : 'head'))
    throw new UsageError(
      sign === '+'
        ? '"up" cannot go to base. To revert every migration: "npx weaver db down base".'
        : '"down" cannot go to head. To apply every migration: "npx weaver db up".',
    );
  if (found.kind !== 'steps') return found;
  if (found.steps > 0 !== (sign === '+'))
    throw new UsageError(
      sign === '+'
        ? `${target} goes the other way: to revert, use "npx weaver db down".`
        : `${target} goes the other way: to apply, use "npx weaver db up".`,
    );
  return { kind: 'steps', steps: Math.abs(found.steps) };
}

/** Refuses steps, where nothing says from which migration they are to be counted. */
export function refuseSteps(target: string | undefined): void {
  if (target !== undefined && readTarget(target).kind === 'steps')
    throw new UsageError(
      `${target} is a number of migrations, which cannot be counted here. Name the migration.`,
    );
}
