import { AppError, badInput } from '../base/app-error.js';
import { calendarConstraint } from '../db/calendar-times.js';

/** What PostgreSQL says of a statement that it refused, as MikroORM hands it on. */
interface Refusal {
  readonly code: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly column?: string;
}

/** SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const UNIQUE = '23505';
const FOREIGN_KEY = '23503';
const NOT_NULL = '23502';
/** Checks, texts too long for their column, numbers out of their type's range. */
const BAD_VALUE = new Set(['23514', '22001', '22003']);
const SERIALIZATION_FAILURE = '40001';
const DEADLOCK = '40P01';

/**
 * What a caller is told when a constraint refuses a write. It names nothing of the row in the way:
 * that may be another tenant's.
 */
const BY_CONSTRAINT: Readonly<Record<string, (cause: unknown) => AppError>> = {
  bots_keep_last: cause =>
    new AppError(
      'CONFLICT',
      'This is the last bot of its tenant and cannot be deleted. Create another bot ' +
        'first, or delete the tenant.',
      { field: 'input.id', cause },
    ),
  profiles_keep_last_owner: cause =>
    new AppError(
      'CONFLICT',
      'This is the last owner of the tenant. Make another user an owner first.',
      { field: 'input.id', cause },
    ),
  // Ids are unique across tenants: which of the two is taken would tell of other tenants' users.
  profiles_email_unique: duplicateUser,
  profiles_email_one_user: duplicateUser,
  profiles_pkey: duplicateUser,
  bots_tenant_id_foreign: missingReference('tenant', 'input.tenantId'),
  profiles_tenant_id_foreign: missingReference('tenant', 'input.tenantId'),
  api_keys_tenant_id_foreign: missingReference('tenant', 'input.tenantId'),
  docs_bot_fk: missingReference('bot', 'input.botId'),
  uploads_bot_fk: missingReference('bot', 'input.botId'),
  bot_queries_bot_fk: missingReference('bot', 'input.botId'),
};

/** Columns that a trigger fills from a parent: null where there is no such parent. */
const BY_COLUMN: Readonly<Record<string, (cause: unknown) => AppError>> = {
  'docs.bot_id': missingReference('tenant', 'input.tenantId'),
  'uploads.bot_id': missingReference('tenant', 'input.tenantId'),
  'bot_queries.bot_id': missingReference('tenant', 'input.tenantId'),
};

/** Inputs hold no such times: the row does, from before the constraint. */
const CALENDAR_CONSTRAINT = new RegExp(`${calendarConstraint('')}$`);

function invalidStoredTime(cause: unknown): AppError {
  const message =
    'The stored row contains a time that cannot be shown, so it cannot be changed until ' +
    'the operator of this gateway corrects the time. "weaver db doctor" names the row.';
  return new AppError('CONFLICT', message, { cause });
}

function duplicateUser(cause: unknown): AppError {
  return new AppError('CONFLICT', 'A user with this id or e-mail address already exists.', {
    field: 'input',
    cause,
  });
}

function missingReference(what: string, field: string): (cause: unknown) => AppError {
  return cause =>
    new AppError('NOT_FOUND', `The ${what} that the input names was not found.`, { field, cause });
}

/**
 * A refusal of PostgreSQL as the caller is told of it; undefined for what is no refusal of their
 * values. Inputs are checked before they get here: what comes is what only the database can know,
 * and what slipped through.
 */
export function writeError(error: unknown): AppError | undefined {
  const refusal = refusalOf(error);
  if (!refusal) return undefined;
  const { code, constraint, table, column } = refusal;
  const known =
    (constraint && BY_CONSTRAINT[constraint]) ||
    (code === NOT_NULL && BY_COLUMN[`${table}.${column}`]);
  if (known) return known(error);
  if (constraint && CALENDAR_CONSTRAINT.test(constraint)) return invalidStoredTime(error);
  if (code === UNIQUE)
    return new AppError('CONFLICT', 'A value that must be unique already exists.', {
      cause: error,
    });
  if (code === FOREIGN_KEY)
    return new AppError('NOT_FOUND', 'Something that the input names was not found.', {
      cause: error,
    });
  if (BAD_VALUE.has(code))
    return new AppError('BAD_USER_INPUT', 'A value of the input cannot be stored.', {
      cause: error,
    });
  return code === NOT_NULL ? badInput('input', 'A value of the input is missing.') : undefined;
}

/**
 * Whether a transaction failed for meeting another one, so that the same may succeed when it is run
 * again.
 */
export function isRetryable(error: unknown): boolean {
  const code = refusalOf(error)?.code;
  return code === SERIALIZATION_FAILURE || code === DEADLOCK;
}

function refusalOf(error: unknown): Refusal | undefined {
  return typeof error === 'object' &&
    error !== null &&
    typeof (error as Partial<Refusal>).code === 'string'
    ? (error as Refusal)
    : undefined;
}
