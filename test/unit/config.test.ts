import { describe, expect, test } from 'vitest';
import { ConfigError, envExample, readConfig } from '../../src/config.js';
import { NO_QUOTAS } from '../../src/config/quotas.js';
import { parseAddress } from '../../src/config/database-address.js';

function problems(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
  return [];
}

const URL = 'postgresql://weaver:secret@db.example.com:5432/weaver';

describe('readConfig', () => {
  test('needs nothing: the embedded database, no operator, the built-in embedder', () => {
    expect(readConfig({})).toEqual({
      production: false,
      http: {
        host: '127.0.0.1',
        port: 4000,
        trustProxy: false,
        corsOrigins: [],
        openIntrospection: true,
        publicUrl: undefined,
      },
      workers: 1,
      database: { kind: 'embedded', dataDir: '.data' },
      operatorToken: undefined,
      trustedDocuments: { manifests: [], keysFile: undefined, adHoc: 'everyone' },
      userTokens: undefined,
      embedder: { provider: 'hashing' },
      migrationLockMs: 60_000,
      statementLockMs: 5_000,
      chunkSize: 1_000,
      search: { indexMinChunks: 50_000, recallSample: 0 },
      ingestion: { inline: true, concurrency: 1 },
      metricsToken: undefined,
      limits: expect.objectContaining({ tokens: 10_000, cost: 250_000 }),
      uploads: { maxBytes: 52_428_800, lifetimeHours: 24, concurrency: 16, rpm: 600 },
      quotas: NO_QUOTAS,
      extraction: expect.objectContaining({ bytes: 52_428_800, filesAtOnce: 2 }),
      logLevel: 'info',
    });
  });

  test.each(['2', 'auto'])(
    'refuses %s workers on the embedded database, which one process alone can open',
    workers => {
      expect(() => readConfig({ WEAVER_WORKERS: workers })).toThrow(
        'WEAVER_WORKERS requires DATABASE_URL',
      );
      expect(readConfig({ WEAVER_WORKERS: workers, DATABASE_URL: URL }).workers).toBeGreaterThan(0);
    },
  );

  test('takes all that is given', () => {
    const config = readConfig({
      HOST: '0.0.0.0',
      PORT: '8080',
      WEAVER_TRUST_PROXY: '10.0.0.0/8, ::1',
      WEAVER_CORS_ORIGINS: 'https://app.example.com, http://localhost:3000',
      NODE_ENV: 'production',
      LOG_LEVEL: 'warn',
      WEAVER_OPERATOR_TOKEN: 'o'.repeat(32),
      JWT_JWKS_URL: 'https://login.example.com/keys',
      JWT_ISSUER: 'https://login.example.com',
      JWT_AUDIENCE: 'weaver',
      JWT_ALGORITHMS: 'RS256, EdDSA',
      JWT_CLOCK_TOLERANCE_SECONDS: '5',
      DATABASE_URL: URL,
      WEAVER_MIGRATION_URL: 'postgres://owner@db.example.com/weaver',
      DATABASE_POOLER: 'transaction',
      DATABASE_POOL_SIZE: '25',
      WEAVER_MIGRATION_LOCK_TIMEOUT: '5',
      WEAVER_STATEMENT_LOCK_TIMEOUT: '7',
      WEAVER_TRUSTED_DOCUMENTS: 'web.json, ios.json',
      WEAVER_TRUSTED_DOCUMENT_KEYS: 'keys.json',
      WEAVER_AD_HOC_OPERATIONS: 'operator',
      EMBEDDING_PROVIDER: 'openai',
      EMBEDDING_BASE_URL: 'https://api.openai.com/v1//',
      EMBEDDING_MODEL: 'text-embedding-3-small',
      EMBEDDING_API_KEY: 'sk-1',
      EMBEDDING_DIMENSIONS: '768',
      EMBEDDING_SEND_DIMENSIONS: 'true',
      EMBEDDING_CONCURRENCY: '4',
      EMBEDDING_BATCH_SIZE: '16',
      EMBEDDING_TIMEOUT_MS: '1000',
      WEAVER_CHUNK_SIZE: '400',
      WEAVER_SEARCH_INDEX_FROM: '5000',
      WEAVER_SEARCH_RECALL_SAMPLE: '0.05',
      WEAVER_METRICS_TOKEN: 'the-token-of-prometheus',
      WEAVER_PUBLIC_URL: 'https://weaver.example.com/',
      WEAVER_MAX_UPLOAD_BYTES: '2048',
      WEAVER_UPLOAD_HOURS: '2',
      WEAVER_MAX_UPLOADS_AT_ONCE: '3',
      WEAVER_MAX_UPLOAD_RPM: '4',
      WEAVER_QUOTA_BYTES: '5',
      WEAVER_QUOTA_DOCUMENTS: 'free=6',
    });
    expect(config).toEqual({
      production: true,
      chunkSize: 400,
      http: {
        host: '0.0.0.0',
        port: 8080,
        trustProxy: ['10.0.0.0/8', '::1'],
        corsOrigins: ['https://app.example.com', 'http://localhost:3000'],
        openIntrospection: false,
        publicUrl: 'https://weaver.example.com',
      },
      workers: 1,
      database: {
        kind: 'postgres',
        address: parseAddress(URL),
        ownerAddress: parseAddress('postgres://owner@db.example.com/weaver'),
        pooler: 'transaction',
        poolSize: 25,
      },
      migrationLockMs: 5_000,
      statementLockMs: 7_000,
      operatorToken: 'o'.repeat(32),
      trustedDocuments: {
        manifests: ['web.json', 'ios.json'],
        keysFile: 'keys.json',
        adHoc: 'operator',
      },
      userTokens: {
        keys: { kind: 'jwks', url: 'https://login.example.com/keys' },
        issuer: 'https://login.example.com',
        audience: 'weaver',
        algorithms: ['RS256', 'EdDSA'],
        clockToleranceSeconds: 5,
      },
      embedder: {
        provider: 'openai',
        baseUrl: 'https://api.openai.com/v1',
        apiKey: 'sk-1',
        model: 'text-embedding-3-small',
        dimensions: 768,
        sendDimensions: true,
        concurrency: 4,
        batchSize: 16,
        batchTokens: 250_000,
        queryPrefix: '',
        documentPrefix: '',
        timeoutMs: 1000,
      },
      search: { indexMinChunks: 5_000, recallSample: 0.05 },
      ingestion: { inline: true, concurrency: 2 },
      metricsToken: 'the-token-of-prometheus',
      limits: readConfig({}).limits,
      uploads: { maxBytes: 2_048, lifetimeHours: 2, concurrency: 3, rpm: 4 },
      quotas: { bytes: new Map([['*', 5]]), documents: new Map([['free', 6]]) },
      extraction: readConfig({}).extraction,
      logLevel: 'warn',
    });
  });

  test('migrates by DATABASE_URL where no other URL is given', () => {
    expect(readConfig({ DATABASE_URL: URL }).database).toMatchObject({
      address: parseAddress(URL),
      ownerAddress: parseAddress(URL),
    });
  });

  test('takes an empty variable, as Compose files leave them, for one that is not set', () => {
    expect(readConfig({ DATABASE_URL: '', PORT: ' ', WEAVER_OPERATOR_TOKEN: '' })).toEqual(
      readConfig({}),
    );
  });

  test('names every mistake at once', () => {
    const env = {
      PORT: '70000',
      DATABASE_URL: 'mysql://db',
      WEAVER_MIGRATION_URL: 'db.example.com',
      DATABASE_POOLER: 'session',
      DATABASE_POOL_SIZE: '0',
      WEAVER_OPERATOR_TOKEN: 'short',
      EMBEDDING_PROVIDER: 'openai',
      EMBEDDING_DIMENSIONS: '3072',
      EMBEDDING_BATCH_SIZE: 'many',
      EMBEDDING_TIMEOUT_MS: '1',
      EMBEDDING_BASE_URL: 'api.openai.com',
      LOG_LEVEL: 'verbose',
    };
    expect(problems(env)).toEqual([
      'PORT must be a whole number from 0 to 65535',
      'DATABASE_POOLER must be none or transaction',
      'DATABASE_POOL_SIZE must be a whole number from 1 to 1000',
      'WEAVER_OPERATOR_TOKEN must have at least 32 characters',
      'EMBEDDING_BASE_URL must be a URL such as https://api.openai.com/v1',
      'EMBEDDING_DIMENSIONS must be a whole number from 1 to 1536',
      'EMBEDDING_BATCH_SIZE must be a whole number from 1 to 2048',
      'EMBEDDING_TIMEOUT_MS must be a whole number from 100 to 600000',
      'LOG_LEVEL must be one of silent, error, warn, info, debug',
      'EMBEDDING_MODEL must be set when EMBEDDING_PROVIDER is openai',
      'DATABASE_URL must be a URL such as postgresql://weaver:secret@db.example.com:5432/weaver',
      'WEAVER_MIGRATION_URL must be a URL such as ' +
        'postgresql://weaver:secret@db.example.com:5432/weaver',
    ]);
  });

  test.each([
    [
      { EMBEDDING_PROVIDER: 'openai' },
      [
        'EMBEDDING_BASE_URL must be set when EMBEDDING_PROVIDER is openai',
        'EMBEDDING_MODEL must be set when EMBEDDING_PROVIDER is openai',
      ],
    ],
    [{ EMBEDDING_PROVIDER: 'gemini' }, ['EMBEDDING_PROVIDER must be hashing or openai']],
    [
      { EMBEDDING_MODEL: 'm', EMBEDDING_API_KEY: 'k' },
      [
        'EMBEDDING_MODEL, EMBEDDING_API_KEY are not used while EMBEDDING_PROVIDER is ' +
          'hashing: set EMBEDDING_PROVIDER to openai',
      ],
    ],
    [{ WEAVER_MIGRATION_URL: URL }, ['WEAVER_MIGRATION_URL requires DATABASE_URL']],
    [
      { JWT_JWKS_URL: 'https://login.example.com/keys' },
      [
        'JWT_ISSUER must be set when JWT_JWKS_URL is',
        'JWT_AUDIENCE must be set when JWT_JWKS_URL is',
      ],
    ],
    [
      { JWT_SECRET: 'short', JWT_ISSUER: 'i', JWT_CLOCK_TOLERANCE_SECONDS: '301' },
      [
        'JWT_SECRET must have at least 32 characters',
        'JWT_CLOCK_TOLERANCE_SECONDS must be a whole number from 0 to 300',
        'JWT_AUDIENCE must be set when JWT_SECRET is',
      ],
    ],
    [
      { JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' },
      ['JWT_ISSUER, JWT_AUDIENCE require JWT_JWKS_URL or JWT_SECRET'],
    ],
    [
      { JWT_JWKS_URL: 'https://k', JWT_SECRET: 's'.repeat(32), JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' },
      ['JWT_JWKS_URL and JWT_SECRET cannot be set together: remove one of them'],
    ],
    [
      {
        JWT_JWKS_URL: 'https://k',
        JWT_ISSUER: 'i',
        JWT_AUDIENCE: 'a',
        JWT_ALGORITHMS: 'RS256,HS256',
      },
      [
        'JWT_ALGORITHMS cannot contain HS256 with JWT_JWKS_URL: use RS256, RS384, ' +
          'RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA',
      ],
    ],
    [
      { JWT_SECRET: 's'.repeat(32), JWT_ISSUER: 'i', JWT_AUDIENCE: 'a', JWT_ALGORITHMS: 'ES256' },
      ['JWT_ALGORITHMS cannot contain ES256 with JWT_SECRET: use HS256, HS384, HS512'],
    ],
    [
      { JWT_SECRET: 's'.repeat(32), JWT_ISSUER: 'i', JWT_AUDIENCE: 'a', JWT_ALGORITHMS: 'none' },
      [
        'JWT_ALGORITHMS must be a list of HS256, HS384, HS512, RS256, RS384, RS512, PS256, ' +
          'PS384, PS512, ES256, ES384, ES512, EdDSA, separated by commas',
      ],
    ],
    [
      { JWT_SECRET: 's'.repeat(63), JWT_ISSUER: 'i', JWT_AUDIENCE: 'a', JWT_ALGORITHMS: 'HS512' },
      ['JWT_SECRET must have at least 64 characters for HS512'],
    ],
    [
      { NODE_ENV: 'production', JWT_JWKS_URL: 'http://k', JWT_ISSUER: 'i', JWT_AUDIENCE: 'a' },
      ['JWT_JWKS_URL must begin with https: in production'],
    ],
    [
      { WEAVER_AD_HOC_OPERATIONS: 'nobody' },
      [
        'WEAVER_AD_HOC_OPERATIONS requires WEAVER_TRUSTED_DOCUMENTS or ' +
          'WEAVER_TRUSTED_DOCUMENT_KEYS, unless it is everyone',
      ],
    ],
    [{ PORT: '4000.5' }, ['PORT must be a whole number from 0 to 65535']],
    [{ PORT: '-1' }, ['PORT must be a whole number from 0 to 65535']],
  ])('refuses %j', (env, expected) => {
    expect(problems(env)).toEqual(expected);
  });

  test('says nothing of what a variable holds', () => {
    const message = problems({
      DATABASE_URL: 'mysql://u:hunter2@db',
      WEAVER_OPERATOR_TOKEN: 'hunter2',
      EMBEDDING_BASE_URL: 'hunter2',
    }).join();
    expect(message).not.toContain('hunter2');
  });
});

describe('ConfigError', () => {
  test('tells one mistake from several', () => {
    expect(new ConfigError(['A is wrong']).message).toBe(
      'The configuration has a mistake:\n  - A is wrong',
    );
    expect(new ConfigError(['A is wrong', 'B too']).message).toBe(
      'The configuration has 2 mistakes:\n  - A is wrong\n  - B too',
    );
  });
});

describe('envExample', () => {
  test('holds every variable with a comment and its default, and is itself valid', () => {
    const lines = envExample().split('\n');
    const names = lines.flatMap(line => /^# ([A-Z_]+)=/.exec(line)?.[1] ?? []);
    expect(names).toContain('DATABASE_URL');
    expect(lines).toContain('# PORT=4000');
    expect(lines.filter(line => line.includes('undefined'))).toEqual([]);
    const uncommented = Object.fromEntries(
      lines.flatMap(line => {
        const match = /^# ([A-Z_]+)=(.*)$/.exec(line);
        return match ? [[match[1]!, match[2]!]] : [];
      }),
    );
    expect(readConfig(uncommented)).toEqual(readConfig({}));
  });
});

test('quotas are numbers for all tenants or by plan', () => {
  const bytes = (value: string) => readConfig({ WEAVER_QUOTA_BYTES: value }).quotas.bytes;
  expect(readConfig({}).quotas.bytes).toEqual(new Map());
  expect(bytes('1000')).toEqual(new Map([['*', 1000]]));
  expect(bytes(' free = 10, big plan=0,*=7')).toEqual(
    new Map([
      ['free', 10],
      ['big plan', 0],
      ['*', 7],
    ]),
  );
  for (const wrong of ['free', '-1', '1.5', 'free=', '=1', 'free=1,free=2', '1,2', 'a=1,'])
    expect(() => bytes(wrong), wrong).toThrow('WEAVER_QUOTA_BYTES must be a whole number');
});
