import type { z } from 'zod';
import { wholeNumber } from './checks.js';

/** The limits of one request and of all requests together. `docs/limits.md` explains each. */
export interface Limits {
  tokens: number;
  selections: number;
  depth: number;
  fragments: number;
  fragmentDepth: number;
  aliases: number;
  duplicatedFields: number;
  directives: number;
  directivesPerNode: number;
  rootFields: number;
  listItems: number;
  cost: number;
  rows: number;
  rowsInFlight: number;
  responseBytes: number;
  responseBytesInFlight: number;
  /** How long an operation may take, in milliseconds; and a statement of it. */
  operationMs: number;
  /** How long a statement may wait for what others have locked. */
  lockMs: number;
  concurrentOperations: number;
  queuedOperations: number;
  rates: RateLimits;
  bodyBytes: number;
  anonymousBodyBytes: number;
  bodyBytesInFlight: number;
  connections: number;
  /** How long the head of a request may take to arrive, in milliseconds, and then its body. */
  headersMs: number;
  requestMs: number;
  /** How long a caller may take to receive an answer. */
  responseMs: number;
}

/** Requests a minute, over all gateways on a database. A key's own limit is the key's. */
export interface RateLimits {
  /** Of callers without a token, by address. */
  anonymousRpm: number;
  /** Of one user. */
  userRpm: number;
  /** Tokens from one address that are not accepted. */
  failedTokensRpm: number;
}

export const LIMIT_SETTINGS = {
  WEAVER_MAX_TOKENS: wholeNumber(100, 1_000_000)
    .default(10_000)
    .describe('Lexical tokens in one document. A vector of 1536 numbers takes 1536 tokens.'),
  WEAVER_MAX_SELECTIONS: wholeNumber(10, 1_000_000)
    .default(5_000)
    .describe('Fields and fragments in one document, with fragments counted at every use.'),
  WEAVER_MAX_DEPTH: wholeNumber(2, 100)
    .default(25)
    .describe('Levels of nested fields. The usual introspection query has 15.'),
  WEAVER_MAX_FRAGMENTS: wholeNumber(0, 10_000)
    .default(200)
    .describe('Fragments that one document defines.'),
  WEAVER_MAX_FRAGMENT_DEPTH: wholeNumber(0, 100)
    .default(20)
    .describe('Levels of nested fragments, including inline fragments.'),
  WEAVER_MAX_ALIASES: wholeNumber(0, 100_000)
    .default(200)
    .describe('Aliases in one operation, with fragments counted at every use.'),
  WEAVER_MAX_DUPLICATED_FIELDS: wholeNumber(0, 100_000)
    .default(200)
    .describe('Repeated fields in the selection sets of one operation.'),
  WEAVER_MAX_DIRECTIVES: wholeNumber(0, 100_000)
    .default(100)
    .describe('Directives in one operation, with fragments counted at every use.'),
  WEAVER_MAX_DIRECTIVES_PER_NODE: wholeNumber(0, 1_000)
    .default(4)
    .describe('Directives on one field or fragment.'),
  WEAVER_MAX_ROOT_FIELDS: wholeNumber(1, 10_000)
    .default(100)
    .describe('Fields at the root of one operation.'),
  WEAVER_MAX_LIST_ITEMS: wholeNumber(1_536, 1_000_000)
    .default(2_000)
    .describe(
      'Items in any list in arguments and variables, including vectors. Some inputs have ' +
        'smaller limits.',
    ),
  WEAVER_MAX_COST: wholeNumber(100, Number.MAX_SAFE_INTEGER)
    .default(250_000)
    .describe('Rows that one operation could read, calculated from its page sizes.'),
  WEAVER_MAX_ROWS: wholeNumber(100, 10_000_000)
    .default(25_000)
    .describe('Rows of lists that one operation actually reads.'),
  WEAVER_MAX_ROWS_IN_FLIGHT: wholeNumber(100, 100_000_000)
    .default(200_000)
    .describe('Rows of lists that all operations of a process hold in memory together.'),
  WEAVER_MAX_ANSWER_BYTES: wholeNumber(1_024, 268_435_456)
    .default(33_554_432)
    .describe('Bytes of one answer, and of the rows that it is made from.'),
  WEAVER_MAX_ANSWER_BYTES_IN_FLIGHT: wholeNumber(1_024, 1_099_511_627_776)
    .default(100_663_296)
    .describe(
      'Bytes of all larger answers of a process together until they are sent; one tenant ' +
        'may use at most half.',
    ),
  WEAVER_MAX_OPERATION_MS: wholeNumber(50, 3_600_000)
    .default(30_000)
    .describe('Milliseconds that one operation may take, and each of its statements.'),
  WEAVER_MAX_LOCK_MS: wholeNumber(10, 3_600_000)
    .default(10_000)
    .describe('Milliseconds that a statement may wait for a lock.'),
  WEAVER_MAX_OPERATIONS_AT_ONCE: wholeNumber(1, 100_000)
    .default(256)
    .describe('Operations that a process runs at the same time.'),
  WEAVER_MAX_OPERATIONS_IN_QUEUE: wholeNumber(0, 1_000_000)
    .default(1_024)
    .describe('Operations that wait to run, in turn by caller.'),
  WEAVER_MAX_WRITES_AT_ONCE: wholeNumber(1, 1_000)
    .optional()
    .describe(
      'Concurrent write transactions of one tenant in a process; others wait. Not set: a ' +
        'quarter of DATABASE_POOL_SIZE, rounded up.',
    ),
  WEAVER_MAX_BODY_BYTES: wholeNumber(1_024, 1_073_741_824)
    .default(16_777_216)
    .describe(
      'Bytes of a request body with a valid token. 500 vectors of 1536 numbers take 5 to ' +
        '16 million.',
    ),
  WEAVER_MAX_ANONYMOUS_BODY_BYTES: wholeNumber(1_024, 1_073_741_824)
    .default(102_400)
    .describe('Bytes of any other request body.'),
  WEAVER_MAX_BODY_BYTES_IN_FLIGHT: wholeNumber(1_024, 1_099_511_627_776)
    .default(134_217_728)
    .describe('Bytes of all larger request bodies that a process is receiving.'),
  WEAVER_MAX_CONNECTIONS: wholeNumber(1, 1_000_000)
    .default(4_096)
    .describe('Concurrent connections to a process. Further connections are closed immediately.'),
  WEAVER_MAX_HEADERS_MS: wholeNumber(100, 3_600_000)
    .default(5_000)
    .describe('Milliseconds from the start of a request until all of its headers have arrived.'),
  WEAVER_MAX_REQUEST_MS: wholeNumber(100, 3_600_000)
    .default(15_000)
    .describe(
      'Milliseconds from when the headers of a request have arrived until its body has. Of an ' +
        'uploaded file, until more of it has.',
    ),
  WEAVER_MAX_ANSWER_MS: wholeNumber(100, 3_600_000)
    .default(60_000)
    .describe('Milliseconds that a caller may take to receive an answer.'),
  WEAVER_MAX_ANONYMOUS_RPM: wholeNumber(1, 10_000_000)
    .default(120)
    .describe('Requests a minute of callers without a token, by address, over all gateways.'),
  WEAVER_MAX_USER_RPM: wholeNumber(1, 10_000_000)
    .default(600)
    .describe('Requests a minute of one user, over all gateways.'),
  WEAVER_MAX_FAILED_TOKENS_RPM: wholeNumber(1, 10_000_000)
    .default(60)
    .describe('Invalid tokens a minute from one address, over all gateways.'),
};

export function toLimits(env: z.infer<z.ZodObject<typeof LIMIT_SETTINGS>>): Limits {
  return {
    tokens: env.WEAVER_MAX_TOKENS,
    selections: env.WEAVER_MAX_SELECTIONS,
    depth: env.WEAVER_MAX_DEPTH,
    fragments: env.WEAVER_MAX_FRAGMENTS,
    fragmentDepth: env.WEAVER_MAX_FRAGMENT_DEPTH,
    aliases: env.WEAVER_MAX_ALIASES,
    duplicatedFields: env.WEAVER_MAX_DUPLICATED_FIELDS,
    directives: env.WEAVER_MAX_DIRECTIVES,
    directivesPerNode: env.WEAVER_MAX_DIRECTIVES_PER_NODE,
    rootFields: env.WEAVER_MAX_ROOT_FIELDS,
    listItems: env.WEAVER_MAX_LIST_ITEMS,
    cost: env.WEAVER_MAX_COST,
    rows: env.WEAVER_MAX_ROWS,
    rowsInFlight: env.WEAVER_MAX_ROWS_IN_FLIGHT,
    responseBytes: env.WEAVER_MAX_ANSWER_BYTES,
    responseBytesInFlight: env.WEAVER_MAX_ANSWER_BYTES_IN_FLIGHT,
    operationMs: env.WEAVER_MAX_OPERATION_MS,
    lockMs: env.WEAVER_MAX_LOCK_MS,
    concurrentOperations: env.WEAVER_MAX_OPERATIONS_AT_ONCE,
    queuedOperations: env.WEAVER_MAX_OPERATIONS_IN_QUEUE,
    bodyBytes: env.WEAVER_MAX_BODY_BYTES,
    anonymousBodyBytes: env.WEAVER_MAX_ANONYMOUS_BODY_BYTES,
    bodyBytesInFlight: env.WEAVER_MAX_BODY_BYTES_IN_FLIGHT,
    connections: env.WEAVER_MAX_CONNECTIONS,
    headersMs: env.WEAVER_MAX_HEADERS_MS,
    requestMs: env.WEAVER_MAX_REQUEST_MS,
    responseMs: env.WEAVER_MAX_ANSWER_MS,
    rates: {
      anonymousRpm: env.WEAVER_MAX_ANONYMOUS_RPM,
      userRpm: env.WEAVER_MAX_USER_RPM,
      failedTokensRpm: env.WEAVER_MAX_FAILED_TOKENS_RPM,
    },
  };
}
