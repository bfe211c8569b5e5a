// oxlint-disable max-lines -- all variables of the environment stand in one schema
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { escapeLine } from './base/control-characters.js';
import {
  EXTRACTION_SETTINGS,
  toExtractionLimits,
  type ExtractionLimits,
} from './config/extraction-limits.js';
import { LIMIT_SETTINGS, toLimits, type Limits } from './config/limits.js';
import { QUOTA_SETTINGS, toQuotas, type Quotas } from './config/quotas.js';
import { toUploads, UPLOAD_SETTINGS, type UploadConfig } from './config/uploads.js';
import {
  toTrustedDocuments,
  trustedDocumentProblems,
  TRUSTED_DOCUMENT_SETTINGS,
  type TrustedDocumentsConfig,
} from './config/trusted-documents.js';
import { flag, origins, trustedProxies, wholeNumber } from './config/checks.js';
import { AddressError, parseAddress, type DatabaseAddress } from './config/database-address.js';

/**
 * Everything that the environment decides, checked. An optional part is a union, so that half a
 * part cannot exist.
 */
export interface Config {
  production: boolean;
  /** Processes that serve. */
  workers: number;
  http: {
    host: string;
    port: number;
    /**
     * Addresses and networks of proxies whose word about the caller's address is taken; false for
     * nobody's.
     */
    trustProxy: false | string[];
    /** Origins whose pages may send operations; `*` for all. */
    corsOrigins: string[];
    /** Whether callers without a token may ask for the schema. */
    openIntrospection: boolean;
    /** Where clients reach the gateway, without a slash at the end. */
    publicUrl: string | undefined;
  };
  database: DatabaseConfig;
  /** How long whoever migrates waits while another process does; 0 does not wait. */
  migrationLockMs: number;
  /** How long a statement of a migration waits for a lock; 0 has no limit. */
  statementLockMs: number;
  /**
   * The token that makes its bearer the operator; none means that there is no operator over HTTP.
   */
  operatorToken: string | undefined;
  /** How users' tokens are checked; none means that there are no users over HTTP. */
  userTokens: UserTokenConfig | undefined;
  trustedDocuments: TrustedDocumentsConfig;
  embedder: EmbedderConfig;
  /** The most characters of a chunk that a text is split into. */
  chunkSize: number;
  search: {
    /** Chunks from which `weaver search tune` gives a tenant an index of its own. */
    indexMinChunks: number;
    /** Share of the searches that are compared with an exact scan afterwards, 0 to 1. */
    recallSample: number;
  };
  /** How files are processed in the background. */
  ingestion: {
    /** Whether the processes that serve work on files, too. */
    inline: boolean;
    /** Files that one process works on at the same time. */
    concurrency: number;
  };
  /** The token that may read `/metrics`; none means that there are no metrics over HTTP. */
  metricsToken: string | undefined;
  limits: Limits;
  uploads: UploadConfig;
  quotas: Quotas;
  /** What reading the text of a file may cost. */
  extraction: ExtractionLimits;
  logLevel: LogLevel;
}

export type DatabaseConfig =
  | { kind: 'embedded'; dataDir: string }
  | {
      kind: 'postgres';
      address: DatabaseAddress;
      /** The same database as the owner of its tables. */
      ownerAddress: DatabaseAddress;
      pooler: 'none' | 'transaction';
      poolSize: number;
      /**
       * Transactions of one tenant that write at the same time; undefined for a quarter of the
       * pool.
       */
      concurrentWrites?: number | undefined;
    };

export interface UserTokenConfig {
  /**
   * Where the keys are that signatures are checked with: published by the identity provider, or a
   * secret shared with it.
   */
  keys: { kind: 'jwks'; url: string } | { kind: 'secret'; secret: string };
  issuer: string;
  audience: string;
  /** All of one kind: of the secret's when there is a secret, else of public keys. */
  algorithms: string[];
  clockToleranceSeconds: number;
}

export type EmbedderConfig =
  | { provider: 'hashing' }
  | {
      provider: 'openai';
      /** Up to and without `/embeddings`, such as `https://api.openai.com/v1`. */
      baseUrl: string;
      apiKey: string | undefined;
      model: string;
      dimensions: number;
      /** Whether to ask for vectors of that length: not every service or model takes it. */
      sendDimensions: boolean;
      /** Requests at the same time. */
      concurrency: number;
      batchSize: number;
      batchTokens: number;
      queryPrefix: string;
      documentPrefix: string;
      timeoutMs: number;
    };

const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The environment cannot be used. `problems` names every mistake, one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`;
    const lines = problems.map(problem => `\n  - ${escapeLine(problem)}`);
    super(`The configuration has ${count}:${lines.join('')}`);
  }
}

const text = z.string().trim().min(1);
/** Not trimmed: the blank at its end counts. */
const prefix = z.string().max(1_000, 'must have at most 1000 characters').default('');
const url = (protocols: string[], example: string) =>
  text.refine(
    value => URL.canParse(value) && protocols.includes(new URL(value).protocol),
    `must be a URL such as ${example}`,
  );

/**
 * A secret signs what it checks, a public key does not: a token may never choose which of the two
 * it is.
 */
const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'];
const PUBLIC_KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];
const KNOWN_ALGORITHMS = [...SECRET_ALGORITHMS, ...PUBLIC_KEY_ALGORITHMS];

/** Each variable with its check; the description becomes its comment in `.env.example`. */
const SETTINGS = {
  HOST: text
    .default('127.0.0.1')
    .describe('Address to listen on. 0.0.0.0 opens the gateway to the network.'),
  PORT: wholeNumber(0, 65_535).default(4000).describe('Port to listen on. 0 takes a free one.'),
  WEAVER_PUBLIC_URL: url(['http:', 'https:'], 'https://weaver.example.com')
    .optional()
    .describe(
      'Address under which clients reach the gateway, such as https://weaver.example.com. The ' +
        'addresses of uploads begin with it. Not set: these are paths.',
    ),
  WEAVER_TRUST_PROXY: trustedProxies.describe(
    'Addresses and networks of the proxies in front of the gateway, separated by commas, ' +
      'whose X-Forwarded-For header is trusted. Not set: none is trusted.',
  ),
  WEAVER_CORS_ORIGINS: origins.describe(
    'Origins whose web pages may use the gateway, such as https://app.example.com, ' +
      "separated by commas; * for all. Not set: only the gateway's own.",
  ),
  WEAVER_INTROSPECTION: z
    .enum(['open', 'token'], 'must be open or token')
    .optional()
    .describe(
      'Who may read the schema by introspection and get suggestions for misspelt names: ' +
        'everyone (open), or callers with a token (token). Not set: token in production, ' +
        'else open.',
    ),
  DATABASE_URL: text
    .optional()
    .describe(
      "Address of PostgreSQL 15 or later with pgvector 0.8 or later, with the gateway's " +
        'login and parameters of libpq such as sslmode. Not set: the embedded database in ' +
        'WEAVER_DATA_DIR.',
    ),
  WEAVER_MIGRATION_URL: text
    .optional()
    .describe(
      'Address of the same database with the login that owns the schema, for migrations. ' +
        'Not set: DATABASE_URL.',
    ),
  WEAVER_MIGRATION_LOCK_TIMEOUT: wholeNumber(0, 86_400)
    .default(60)
    .describe(
      'Seconds to wait for another process that is migrating the same database. 0: do not wait.',
    ),
  WEAVER_STATEMENT_LOCK_TIMEOUT: wholeNumber(0, 86_400)
    .default(5)
    .describe(
      'Seconds that a statement of a migration, a backup or a restore waits for a locked ' +
        'table. 0: no limit.',
    ),
  DATABASE_POOLER: z
    .enum(['none', 'transaction'], 'must be none or transaction')
    .default('none')
    .describe(
      'Set it to transaction if DATABASE_URL leads to a pooler in transaction mode. ' +
        'Named statements are then not used, and WEAVER_MIGRATION_URL must lead to the ' +
        'server itself.',
    ),
  DATABASE_POOL_SIZE: wholeNumber(1, 1_000)
    .default(10)
    .describe('Maximum number of connections to PostgreSQL of each process of the gateway.'),
  WEAVER_WORKERS: z
    .union(
      [z.literal('auto').transform(() => availableParallelism()), wholeNumber(1, 64)],
      'must be auto or a whole number from 1 to 64',
    )
    .default(1)
    .describe(
      'Number of processes that share the port. auto: one per processor. More than one ' +
        'requires DATABASE_URL.',
    ),
  WEAVER_DATA_DIR: text
    .default('.data')
    .describe('Folder of the embedded database. Only one process can open it at a time.'),
  WEAVER_OPERATOR_TOKEN: text
    .min(32, 'must have at least 32 characters')
    .optional()
    .describe(
      'Bearer token of the operator, who has access to all tenants; at least 32 ' +
        'characters. Not set: there is no operator over HTTP.',
    ),
  JWT_JWKS_URL: url(['http:', 'https:'], 'https://login.example.com/.well-known/jwks.json')
    .optional()
    .describe(
      "Where the identity provider publishes the keys that sign users' tokens. Neither " +
        'this nor JWT_SECRET set: no users over HTTP.',
    ),
  JWT_SECRET: text
    .min(32, 'must have at least 32 characters')
    .optional()
    .describe(
      "Instead of JWT_JWKS_URL: the secret that signs users' tokens, at least 32 characters.",
    ),
  JWT_ISSUER: text
    .optional()
    .describe("Required issuer of users' tokens (iss). Required with JWT_JWKS_URL or JWT_SECRET."),
  JWT_AUDIENCE: text
    .optional()
    .describe(
      "Required audience of users' tokens (aud). Required with JWT_JWKS_URL or JWT_SECRET.",
    ),
  JWT_ALGORITHMS: text
    .transform(value => [...new Set(value.split(',').map(name => name.trim()))])
    .refine(
      names => names.every(name => KNOWN_ALGORITHMS.includes(name)),
      `must be a list of ${KNOWN_ALGORITHMS.join(', ')}, separated by commas`,
    )
    .optional()
    .describe(
      "Accepted signature algorithms of users' tokens. Not set: RS256,ES256 with " +
        'JWT_JWKS_URL, HS256 with JWT_SECRET.',
    ),
  JWT_CLOCK_TOLERANCE_SECONDS: wholeNumber(0, 300)
    .default(30)
    .describe('Accepted difference to the clock of the identity provider, in seconds.'),
  ...TRUSTED_DOCUMENT_SETTINGS,
  EMBEDDING_PROVIDER: z
    .enum(['hashing', 'openai'], 'must be hashing or openai')
    .default('hashing')
    .describe(
      'hashing: built in and offline. openai: any endpoint with the OpenAI embeddings API.',
    ),
  EMBEDDING_BASE_URL: url(['http:', 'https:'], 'https://api.openai.com/v1')
    .optional()
    .describe('Endpoint of the embedding service, without /embeddings.'),
  EMBEDDING_API_KEY: text
    .regex(
      /^[\x21-\x7e]+$/,
      'must be printable ASCII without spaces, because it is sent in an HTTP header',
    )
    .optional()
    .describe('API key for the embedding service, if it requires one.'),
  EMBEDDING_MODEL: text.optional().describe('Model of the embedding service.'),
  EMBEDDING_DIMENSIONS: wholeNumber(1, 1_536)
    .default(1_536)
    .describe(
      "Length of the model's vectors. Shorter ones are padded with zeros, which does not " +
        'change cosine similarities.',
    ),
  EMBEDDING_SEND_DIMENSIONS: flag
    .default(false)
    .describe(
      'Request vectors of EMBEDDING_DIMENSIONS numbers from the embedding service. Only ' +
        'for models that can shorten their vectors.',
    ),
  EMBEDDING_CONCURRENCY: wholeNumber(1, 1_000)
    .default(32)
    .describe(
      'Concurrent requests of a process to the embedding service; one tenant may use at ' +
        'most half. Others wait, in turn by caller.',
    ),
  EMBEDDING_BATCH_SIZE: wholeNumber(1, 2_048)
    .default(128)
    .describe('The most texts in one request to the embedding service.'),
  EMBEDDING_BATCH_TOKENS: wholeNumber(100, 10_000_000)
    .default(250_000)
    .describe(
      'The most tokens in one request to the embedding service, by an estimate that is rather ' +
        'too high. A longer text is sent alone.',
    ),
  EMBEDDING_QUERY_PREFIX: prefix.describe(
    'Written before each text that is searched for, where the model asks for it, such as ' +
      '"search_query: ".',
  ),
  EMBEDDING_DOCUMENT_PREFIX: prefix.describe(
    'Written before each text of a document, where the model asks for it, such as ' +
      '"search_document: ".',
  ),
  EMBEDDING_TIMEOUT_MS: wholeNumber(100, 600_000)
    .default(20_000)
    .describe(
      'Time limit for one batch of texts at the embedding service, including retries, in ' +
        'milliseconds. Set it below WEAVER_MAX_OPERATION_MS, or the operation ends first.',
    ),
  WEAVER_CHUNK_SIZE: wholeNumber(100, 5_000)
    .default(1_000)
    .describe(
      'Characters of a chunk, at most, where Weaver splits a text; one of Chinese, Japanese or ' +
        'Korean counts as three. Documents that are there change by weaver search rebuild.',
    ),
  WEAVER_SEARCH_INDEX_FROM: wholeNumber(100, 100_000_000)
    .default(50_000)
    .describe(
      'Number of chunks from which "weaver search tune" gives a tenant a separate index, ' +
        'which is faster and finds slightly less (docs/search-paths.md).',
    ),
  WEAVER_SEARCH_RECALL_SAMPLE: z
    .string()
    .regex(/^(0|1|0?\.\d{1,6}|1\.0+|0\.0+)$/, 'must be a number from 0 to 1, such as 0.01')
    .transform(Number)
    .default(0)
    .describe(
      'Fraction of searches that are compared with an exact scan afterwards, in the ' +
        'background, 0 to 1. /metrics shows what they missed.',
    ),
  WEAVER_WORK: z
    .enum(['inline', 'off'], 'must be inline or off')
    .default('inline')
    .describe(
      'Who processes uploaded files: the gateway itself (inline), or only "weaver work" ' +
        '(off, which requires DATABASE_URL).',
    ),
  WEAVER_WORK_CONCURRENCY: wholeNumber(1, 64)
    .default(2)
    .describe(
      'Files that one process works on at the same time, each of another tenant. The embedded ' +
        'database works on one.',
    ),
  WEAVER_METRICS_TOKEN: text
    .min(16, 'must have at least 16 characters')
    .optional()
    .describe(
      'Bearer token that may read /metrics, at least 16 characters. Not set: there is no /metrics.',
    ),
  ...LIMIT_SETTINGS,
  ...UPLOAD_SETTINGS,
  ...QUOTA_SETTINGS,
  ...EXTRACTION_SETTINGS,
  LOG_LEVEL: z
    .enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)
    .default('info')
    .describe(`How much to log: ${LOG_LEVELS.join(', ')}.`),
  NODE_ENV: z
    .enum(['production', 'development', 'test'], 'must be production, development or test')
    .optional()
    .describe('production refuses settings that are only safe for trials.'),
};
const ENVIRONMENT = z.object(SETTINGS);

/**
 * The environment as a `Config`, or one `ConfigError` that names every mistake. Empty variables
 * count as not set.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const values = Object.fromEntries(
    Object.keys(SETTINGS).flatMap(name => (env[name]?.trim() ? [[name, env[name]]] : [])),
  );
  const parsed = ENVIRONMENT.safeParse(values);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map(issue => `${issue.path.join('.')} ${issue.message}`);
  if (values.EMBEDDING_PROVIDER === 'openai') {
    if (!values.EMBEDDING_BASE_URL)
      problems.push('EMBEDDING_BASE_URL must be set when EMBEDDING_PROVIDER is openai');
    if (!values.EMBEDDING_MODEL)
      problems.push('EMBEDDING_MODEL must be set when EMBEDDING_PROVIDER is openai');
  }
  const addressesFor = (
    ['EMBEDDING_BASE_URL', 'EMBEDDING_MODEL', 'EMBEDDING_API_KEY'] as const
  ).filter(name => values[name]);
  if ((values.EMBEDDING_PROVIDER ?? 'hashing') === 'hashing' && addressesFor.length > 0) {
    problems.push(
      `${addressesFor.join(', ')} ${addressesFor.length === 1 ? 'is' : 'are'} not used ` +
        'while EMBEDDING_PROVIDER is hashing: set EMBEDDING_PROVIDER to openai',
    );
  }
  problems.push(...userTokenProblems(values), ...trustedDocumentProblems(values));
  if (values.WEAVER_WORKERS && values.WEAVER_WORKERS !== '1' && !values.DATABASE_URL) {
    problems.push(
      'WEAVER_WORKERS requires DATABASE_URL: only one process can open the embedded database',
    );
  }
  if (values.WEAVER_WORK === 'off' && !values.DATABASE_URL)
    problems.push(
      'WEAVER_WORK=off requires DATABASE_URL: only one process can open the embedded database, ' +
        'so nobody else could process files',
    );
  const addresses = readAddresses(values, env, problems);
  if (values.WEAVER_MIGRATION_URL && !values.DATABASE_URL)
    problems.push('WEAVER_MIGRATION_URL requires DATABASE_URL');
  if (parsed.data?.WEAVER_SEARCH_RECALL_SAMPLE && !values.WEAVER_METRICS_TOKEN)
    problems.push(
      'WEAVER_SEARCH_RECALL_SAMPLE requires WEAVER_METRICS_TOKEN: /metrics shows the result',
    );
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return toConfig(parsed.data, addresses);
}

interface DatabaseAddresses {
  readonly gateway: DatabaseAddress;
  readonly owner: DatabaseAddress;
}

/**
 * Where the database is; undefined for the embedded one, and where `problems` say why an address
 * cannot be used.
 */
function readAddresses(
  values: NodeJS.ProcessEnv,
  env: NodeJS.ProcessEnv,
  problems: string[],
): DatabaseAddresses | undefined {
  const read = (name: 'DATABASE_URL' | 'WEAVER_MIGRATION_URL'): DatabaseAddress | undefined => {
    try {
      return values[name] ? parseAddress(values[name], env) : undefined;
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      problems.push(...error.problems.map(problem => `${name} ${problem}`));
      return undefined;
    }
  };
  const [gateway, owner] = [read('DATABASE_URL'), read('WEAVER_MIGRATION_URL')];
  return gateway && { gateway, owner: owner ?? gateway };
}

function userTokenProblems(values: NodeJS.ProcessEnv): string[] {
  const problems: string[] = [];
  const source = values.JWT_JWKS_URL
    ? 'JWT_JWKS_URL'
    : values.JWT_SECRET
      ? 'JWT_SECRET'
      : undefined;
  if (source === undefined) {
    const idle = (['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_ALGORITHMS'] as const).filter(
      name => values[name],
    );
    return idle.length === 0
      ? []
      : [
          `${idle.join(', ')} ${idle.length === 1 ? 'requires' : 'require'} JWT_JWKS_URL ` +
            'or JWT_SECRET',
        ];
  }
  if (values.JWT_JWKS_URL && values.JWT_SECRET)
    problems.push('JWT_JWKS_URL and JWT_SECRET cannot be set together: remove one of them');
  for (const name of ['JWT_ISSUER', 'JWT_AUDIENCE'] as const)
    if (!values[name]) problems.push(`${name} must be set when ${source} is`);
  const usable = source === 'JWT_JWKS_URL' ? PUBLIC_KEY_ALGORITHMS : SECRET_ALGORITHMS;
  const wrong = (values.JWT_ALGORITHMS ?? '')
    .split(',')
    .map(name => name.trim())
    .filter(name => KNOWN_ALGORITHMS.includes(name) && !usable.includes(name));
  if (wrong.length > 0)
    problems.push(
      `JWT_ALGORITHMS cannot contain ${wrong.join(', ')} with ${source}: use ${usable.join(', ')}`,
    );
  // A secret shorter than the digest is the weaker of the two:
  // https://www.rfc-editor.org/rfc/rfc7518#section-3.2
  for (const [algorithm, length] of [
    ['HS384', 48],
    ['HS512', 64],
  ] as const) {
    if (
      source === 'JWT_SECRET' &&
      values.JWT_ALGORITHMS?.includes(algorithm) &&
      values.JWT_SECRET!.trim().length < length
    )
      problems.push(`JWT_SECRET must have at least ${length} characters for ${algorithm}`);
  }
  if (values.NODE_ENV === 'production' && values.JWT_JWKS_URL?.trim().startsWith('http:'))
    problems.push('JWT_JWKS_URL must begin with https: in production');
  return problems;
}

function toUserTokens(env: z.infer<typeof ENVIRONMENT>): UserTokenConfig | undefined {
  const { JWT_JWKS_URL: jwksUrl, JWT_SECRET: secret } = env;
  if (jwksUrl === undefined && secret === undefined) return undefined;
  return {
    keys:
      jwksUrl !== undefined ? { kind: 'jwks', url: jwksUrl } : { kind: 'secret', secret: secret! },
    issuer: env.JWT_ISSUER!,
    audience: env.JWT_AUDIENCE!,
    algorithms: env.JWT_ALGORITHMS ?? (jwksUrl !== undefined ? ['RS256', 'ES256'] : ['HS256']),
    clockToleranceSeconds: env.JWT_CLOCK_TOLERANCE_SECONDS,
  };
}

function toConfig(
  env: z.infer<typeof ENVIRONMENT>,
  addresses: DatabaseAddresses | undefined,
): Config {
  return {
    production: env.NODE_ENV === 'production',
    http: {
      host: env.HOST,
      port: env.PORT,
      trustProxy: env.WEAVER_TRUST_PROXY ?? false,
      corsOrigins: env.WEAVER_CORS_ORIGINS ?? [],
      openIntrospection:
        (env.WEAVER_INTROSPECTION ?? (env.NODE_ENV === 'production' ? 'token' : 'open')) === 'open',
      publicUrl: env.WEAVER_PUBLIC_URL?.replace(/\/+$/, ''),
    },
    workers: env.WEAVER_WORKERS,
    database: addresses
      ? {
          kind: 'postgres',
          address: addresses.gateway,
          ownerAddress: addresses.owner,
          pooler: env.DATABASE_POOLER,
          poolSize: env.DATABASE_POOL_SIZE,
          concurrentWrites: env.WEAVER_MAX_WRITES_AT_ONCE,
        }
      : { kind: 'embedded', dataDir: env.WEAVER_DATA_DIR },
    migrationLockMs: env.WEAVER_MIGRATION_LOCK_TIMEOUT * 1_000,
    statementLockMs: env.WEAVER_STATEMENT_LOCK_TIMEOUT * 1_000,
    operatorToken: env.WEAVER_OPERATOR_TOKEN,
    userTokens: toUserTokens(env),
    trustedDocuments: toTrustedDocuments(env),
    embedder:
      env.EMBEDDING_PROVIDER === 'openai'
        ? {
            provider: 'openai',
            baseUrl: env.EMBEDDING_BASE_URL!.replace(/\/+$/, ''),
            apiKey: env.EMBEDDING_API_KEY,
            model: env.EMBEDDING_MODEL!,
            dimensions: env.EMBEDDING_DIMENSIONS,
            sendDimensions: env.EMBEDDING_SEND_DIMENSIONS,
            concurrency: env.EMBEDDING_CONCURRENCY,
            batchSize: env.EMBEDDING_BATCH_SIZE,
            batchTokens: env.EMBEDDING_BATCH_TOKENS,
            queryPrefix: env.EMBEDDING_QUERY_PREFIX,
            documentPrefix: env.EMBEDDING_DOCUMENT_PREFIX,
            timeoutMs: env.EMBEDDING_TIMEOUT_MS,
          }
        : { provider: 'hashing' },
    chunkSize: env.WEAVER_CHUNK_SIZE,
    search: {
      indexMinChunks: env.WEAVER_SEARCH_INDEX_FROM,
      recallSample: env.WEAVER_SEARCH_RECALL_SAMPLE,
    },
    ingestion: {
      inline: env.WEAVER_WORK === 'inline',
      concurrency: addresses ? env.WEAVER_WORK_CONCURRENCY : 1,
    },
    metricsToken: env.WEAVER_METRICS_TOKEN,
    limits: toLimits(env),
    uploads: toUploads(env),
    quotas: toQuotas(env),
    extraction: toExtractionLimits(env),
    logLevel: env.LOG_LEVEL,
  };
}

/**
 * The text of `.env.example`, as `weaver config example` prints it: each variable with what it does
 * and its default.
 */
export function envExample(): string {
  const lines = Object.entries(SETTINGS).map(([name, setting]) => {
    const fallback = setting.safeParse(undefined).data;
    return `# ${setting.description}\n# ${name}=${fallback ?? ''}\n`;
  });
  return (
    '# Weaver reads these variables from the environment, and from a file .env in the ' +
    `working directory. All are optional.\n\n${lines.join('\n')}`
  );
}
