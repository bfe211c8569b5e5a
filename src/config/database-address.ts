// oxlint-disable max-lines -- one grammar, read and written in one place
import { userInfo } from 'node:os';

/**
 * Where a PostgreSQL database is and how to connect, read from a URL exactly as libpq reads it
 * (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS): the one
 * reading for the driver, for pg_dump and pg_restore, and for messages. What Weaver cannot do is
 * refused by name, since a part that is quietly left out leads to another server, or to a
 * connection in the clear.
 */
export interface DatabaseAddress {
  /**
   * A host name, an IP address without brackets, or the folder of a Unix socket; undefined where
   * the URL names none.
   */
  readonly host: string | undefined;
  /**
   * The IP address to connect to; `host` is then only the name that the server's certificate must
   * have.
   */
  readonly hostAddress: string | undefined;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  /** Every other parameter by its libpq name, those of libpq's environment variables included. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * `text` is no address that can be used: `problems` are ends of sentences that begin with the name
 * of the variable that holds it.
 */
export class AddressError extends Error {
  override readonly name = 'AddressError';
  constructor(readonly problems: readonly string[]) {
    super(problems.join('; '));
  }
}

interface Parameter {
  /** The environment variable that libpq reads where the URL is silent. */
  readonly variable?: `PG${string}`;
  /**
   * What is wrong with a value, as the end of a sentence; undefined for a value that can be used.
   */
  readonly problem: (value: string) => string | undefined;
}

const anyValue = (): undefined => undefined;
const oneOf =
  (...values: string[]) =>
  (value: string): string | undefined =>
    values.includes(value)
      ? undefined
      : `must be ${new Intl.ListFormat('en', { type: 'disjunction' }).format(values)}`;
const wholeNumber = (value: string): string | undefined =>
  /^-?\d{1,9}$/.test(value) ? undefined : 'must be a whole number';
const unsupported = (hint: string) => (): string => `is not supported: ${hint}`;

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];
const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
const SYSTEM_KEEPALIVE = unsupported(
  'the system decides this for the whole process. Remove it, or set it in the kernel.',
);

function sslModeProblem(value: string): string | undefined {
  if (value === 'allow')
    return 'cannot be allow: use prefer, which encrypts wherever the server does';
  if (value === 'no-verify')
    return 'cannot be no-verify: use require, which encrypts without checking the certificate';
  return oneOf(...SSL_MODES)(value);
}

function sessionProblem(value: string): string | undefined {
  if (value === 'read-only' || value === 'standby') return `cannot be ${value}: Weaver writes`;
  return oneOf('any', 'read-write', 'primary', 'prefer-standby')(value);
}

/** What a URL may say after its question mark, and what libpq knows and Weaver refuses. */
const PARAMETERS: Readonly<Record<string, Parameter>> = {
  application_name: { variable: 'PGAPPNAME', problem: anyValue },
  fallback_application_name: { problem: anyValue },
  options: { variable: 'PGOPTIONS', problem: anyValue },
  client_encoding: {
    variable: 'PGCLIENTENCODING',
    problem: value => (/^(utf-?8|unicode|auto)$/i.test(value) ? undefined : 'must be UTF8'),
  },
  connect_timeout: { variable: 'PGCONNECT_TIMEOUT', problem: wholeNumber },
  keepalives: { problem: oneOf('0', '1') },
  keepalives_idle: { problem: wholeNumber },
  target_session_attrs: { variable: 'PGTARGETSESSIONATTRS', problem: sessionProblem },
  load_balance_hosts: { variable: 'PGLOADBALANCEHOSTS', problem: oneOf('disable', 'random') },
  sslmode: { variable: 'PGSSLMODE', problem: sslModeProblem },
  requiressl: { variable: 'PGREQUIRESSL', problem: oneOf('0', '1') },
  sslnegotiation: { variable: 'PGSSLNEGOTIATION', problem: oneOf('postgres', 'direct') },
  sslrootcert: { variable: 'PGSSLROOTCERT', problem: anyValue },
  sslcert: { variable: 'PGSSLCERT', problem: anyValue },
  sslkey: { variable: 'PGSSLKEY', problem: anyValue },
  sslcrl: { variable: 'PGSSLCRL', problem: anyValue },
  ssl_min_protocol_version: {
    variable: 'PGSSLMINPROTOCOLVERSION',
    problem: oneOf(...TLS_VERSIONS),
  },
  ssl_max_protocol_version: {
    variable: 'PGSSLMAXPROTOCOLVERSION',
    problem: oneOf(...TLS_VERSIONS),
  },
  channel_binding: { variable: 'PGCHANNELBINDING', problem: oneOf('disable', 'prefer', 'require') },
  gssencmode: {
    variable: 'PGGSSENCMODE',
    problem: value =>
      value === 'require'
        ? 'cannot be require: Weaver encrypts by TLS, see sslmode'
        : oneOf('disable', 'prefer')(value),
  },
  sslcompression: { variable: 'PGSSLCOMPRESSION', problem: oneOf('0') },
  sslsni: {
    variable: 'PGSSLSNI',
    problem: value =>
      value === '1' ? undefined : 'must be 1: Weaver always names the host to the server',
  },
  sslcertmode: { variable: 'PGSSLCERTMODE', problem: oneOf('allow') },
  replication: { problem: oneOf('false', 'off', 'no', '0') },
  min_protocol_version: { variable: 'PGMINPROTOCOLVERSION', problem: oneOf('3.0') },
  max_protocol_version: {
    variable: 'PGMAXPROTOCOLVERSION',
    problem: oneOf('3.0', '3.2', 'latest'),
  },
  passfile: { problem: unsupported('name the file in PGPASSFILE.') },
  service: { problem: unsupported('write the settings of the service into the URL.') },
  servicefile: { problem: unsupported('write the settings of the service into the URL.') },
  require_auth: {
    variable: 'PGREQUIREAUTH',
    problem: unsupported('use channel_binding=require or sslmode=verify-full.'),
  },
  requirepeer: {
    variable: 'PGREQUIREPEER',
    problem: unsupported('protect the folder of the socket.'),
  },
  sslpassword: {
    problem: unsupported('keep the key in a file without a password that only Weaver can read.'),
  },
  sslcrldir: { variable: 'PGSSLCRLDIR', problem: unsupported('name one file in sslcrl.') },
  sslkeylogfile: { problem: unsupported('remove it.') },
  keepalives_interval: { problem: SYSTEM_KEEPALIVE },
  keepalives_count: { problem: SYSTEM_KEEPALIVE },
  tcp_user_timeout: { problem: SYSTEM_KEEPALIVE },
  krbsrvname: {
    variable: 'PGKRBSRVNAME',
    problem: unsupported('Weaver signs in by password or certificate.'),
  },
  gsslib: {
    variable: 'PGGSSLIB',
    problem: unsupported('Weaver signs in by password or certificate.'),
  },
  gssdelegation: {
    variable: 'PGGSSDELEGATION',
    problem: unsupported('Weaver signs in by password or certificate.'),
  },
  scram_client_key: { problem: unsupported('give the password.') },
  scram_server_key: { problem: unsupported('give the password.') },
};

/** What other programs write into such URLs: each would be without effect here. */
const OTHER_CLIENT_PARAMETERS: Readonly<Record<string, string>> = {
  schema: 'Weaver keeps its tables in the schema public. Remove it.',
  pgbouncer: 'set DATABASE_POOLER=transaction instead.',
  connection_limit: 'set DATABASE_POOL_SIZE instead.',
  pool_size: 'set DATABASE_POOL_SIZE instead.',
  statement_cache_size: 'set DATABASE_POOLER=transaction instead where a pooler stands between.',
  prepared_statement_cache_size:
    'set DATABASE_POOLER=transaction instead where a pooler stands between.',
  uselibpqcompat: 'Weaver reads sslmode as libpq does. Remove it.',
  sslaccept: 'use sslmode.',
  search_path: 'Weaver keeps its tables in the schema public. Remove it.',
};

/** Where a connection would go if the URL left it out; libpq would take it from these. */
const ADDRESS_VARIABLES = {
  host: ['PGHOST', 'PGHOSTADDR', 'PGSERVICE'],
  port: ['PGPORT'],
  database: ['PGDATABASE', 'PGSERVICE'],
  user: ['PGUSER', 'PGSERVICE'],
} as const;

const URL_SHAPE = 'must be a URL such as postgresql://weaver:secret@db.example.com:5432/weaver';
/** Nothing of the text is shown: what cannot be read may be a password. */
const UNREADABLE =
  `${URL_SHAPE}. In user names and passwords write % as %25, @ as %40, : as %3A, / as %2F, ` +
  '? as %3F and # as %23';

const DEFAULT_PORT = 5432;

/**
 * The address that `text` holds. `env` gives what libpq's environment variables say about how to
 * connect; where to connect is the URL's alone. Throws an `AddressError`.
 */
export function parseAddress(
  text: string,
  env: Readonly<Record<string, string | undefined>> = {},
): DatabaseAddress {
  const { authority, path, query } = urlParts(text.trim());
  const named = parametersOf(query);
  const problems: string[] = [];
  const parts = addressParts(authority, path, named, problems);
  const parameters = knownParameters(named, env, problems);
  problems.push(...ambiguousParts(parts, env));
  if (problems.length > 0) throw new AddressError(problems);
  const user = parts.user ?? userInfo().username;
  return {
    host: parts.host,
    hostAddress: parts.hostAddress,
    port: parts.port ?? DEFAULT_PORT,
    database: parts.database ?? user,
    user,
    password: parts.password ?? (env.PGPASSWORD || undefined),
    parameters,
  };
}

/** The same server and the same way to it, for another login. */
export function addressAs(
  address: DatabaseAddress,
  user: string,
  password: string,
): DatabaseAddress {
  return { ...address, user, password };
}

/** The same server and login, another database. */
export function addressOf(address: DatabaseAddress, database: string): DatabaseAddress {
  return { ...address, database };
}

/**
 * The address as a URL, with its password: for settings that somebody is to keep. What came of the
 * environment's variables is in it, too.
 */
export function addressUrl({
  host,
  hostAddress,
  port,
  database,
  user,
  password,
  parameters,
}: DatabaseAddress): string {
  const isFolder = host?.startsWith('/');
  const query = Object.entries({
    ...(isFolder && { host: host! }),
    ...(hostAddress !== undefined && { hostaddr: hostAddress }),
    ...parameters,
  });
  const authority =
    isFolder || host === undefined
      ? ''
      : host.includes(':')
        ? `[${host}]`
        : encodeURIComponent(host);
  const login =
    encodeURIComponent(user) + (password === undefined ? '' : `:${encodeURIComponent(password)}`);
  const search = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  const server = authority + (port === DEFAULT_PORT ? '' : `:${port}`);
  const path = encodeURIComponent(database) + (search && `?${search}`);
  return `postgresql://${login}@${server}/${path}`;
}

/** The server in words, without login and password. */
export function serverName({ host, hostAddress, port }: DatabaseAddress): string {
  if (host?.startsWith('/')) return `PostgreSQL at the socket in ${host}, port ${port}`;
  const name = host ?? hostAddress ?? 'localhost';
  return `PostgreSQL at ${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Whether two addresses lead to the same database with the same login. */
export function isSameAddress(one: DatabaseAddress, other: DatabaseAddress): boolean {
  return addressUrl(one) === addressUrl(other);
}

interface UrlParts {
  readonly authority: string;
  readonly path: string | undefined;
  readonly query: string | undefined;
}

/**
 * By libpq's rules, not those of web addresses: a host may be missing beside a login, or be the
 * folder of a socket, and a password may hold what ends a web address. SQLAlchemy's
 * `postgresql+asyncpg://` is the same address.
 */
function urlParts(text: string): UrlParts {
  const scheme = /^postgres(?:ql)?(?:\+\w+)?:\/\//i.exec(text);
  if (!scheme) throw new AddressError([URL_SHAPE]);
  const rest = text.slice(scheme[0].length);
  const login = /^[^@/]*@/.exec(rest)?.[0] ?? '';
  const [, host = '', path, query] =
    /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest.slice(login.length)) ?? [];
  return { authority: login + host, path, query };
}

function parametersOf(query: string | undefined): Map<string, string> {
  const named = new Map<string, string>();
  for (const pair of query ? query.split('&') : []) {
    const equals = pair.indexOf('=');
    if (equals < 1)
      throw new AddressError([
        'must have a name and a value in each parameter, such as ' +
          '?sslmode=verify-full&connect_timeout=10',
      ]);
    named.set(decode(pair.slice(0, equals)), decode(pair.slice(equals + 1)));
  }
  return named;
}

interface AddressParts {
  host: string | undefined;
  hostAddress: string | undefined;
  port: number | undefined;
  database: string | undefined;
  user: string | undefined;
  password: string | undefined;
}

/**
 * Who, where and which database; a parameter of the same meaning goes before what stands before the
 * question mark. Takes them from `named`.
 */
function addressParts(
  authority: string,
  path: string | undefined,
  named: Map<string, string>,
  problems: string[],
): AddressParts {
  const at = authority.indexOf('@');
  const [, user, password] =
    /^([^:]*)(?::(.*))?$/s.exec(at < 0 ? '' : authority.slice(0, at)) ?? [];
  const location = authority.slice(at + 1);
  const takeParameter = (name: string): string | undefined => {
    const value = named.get(name);
    named.delete(name);
    return value || undefined;
  };
  const severalHosts =
    'names several hosts, and Weaver connects to one. Name the primary, or an address ' +
    'that follows it';
  if (
    location.includes(',') ||
    ['host', 'hostaddr', 'port'].some(name => named.get(name)?.includes(','))
  )
    throw new AddressError([severalHosts]);
  const [, bracketed, plain, port] =
    /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(location) ?? [];
  if (bracketed === undefined && plain === undefined) throw new AddressError([UNREADABLE]);
  const chosenPort = takeParameter('port') ?? port;
  if (
    chosenPort &&
    !(/^\d{1,5}$/.test(chosenPort) && Number(chosenPort) >= 1 && Number(chosenPort) <= 65_535)
  )
    throw new AddressError([UNREADABLE]);
  const host = takeParameter('host') ?? ((bracketed ?? decode(plain!)) || undefined);
  if (host?.startsWith('@'))
    problems.push('names an abstract socket, which Weaver cannot use: name the folder of a socket');
  return {
    host,
    hostAddress: takeParameter('hostaddr'),
    port: chosenPort ? Number(chosenPort) : undefined,
    database: takeParameter('dbname') ?? (path ? decode(path) : undefined),
    user: takeParameter('user') ?? (user ? decode(user) : undefined),
    password: takeParameter('password') ?? (password ? decode(password) : undefined),
  };
}

function knownParameters(
  named: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of withSslMode(named)) {
    const known = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
    const other = Object.hasOwn(OTHER_CLIENT_PARAMETERS, name)
      ? OTHER_CLIENT_PARAMETERS[name]
      : undefined;
    const problem = known
      ? known.problem(value)
      : other
        ? `is not libpq's: ${other}`
        : 'is not one that libpq knows: remove it';
    if (problem) problems.push(`has the parameter ${name}, which ${problem}`);
    else parameters[name] = value;
  }
  for (const [name, { variable, problem }] of Object.entries(PARAMETERS)) {
    const value = variable === undefined ? undefined : env[variable];
    if (!value || parameters[name] !== undefined) continue;
    const found = problem(value);
    if (found) problems.push(`is used with ${variable}, which ${found}`);
    else parameters[name] = value;
  }
  if (parameters.requiressl === '1') parameters.sslmode ??= 'require';
  delete parameters.requiressl;
  return parameters;
}

/**
 * `ssl=true`, as JDBC has it, is a spelling of `sslmode` that libpq takes; asyncpg and SQLAlchemy
 * write its modes there.
 */
function* withSslMode(named: ReadonlyMap<string, string>): Iterable<[string, string]> {
  for (const [name, value] of named) {
    if (name !== 'ssl') yield [name, value];
    else if (!named.has('sslmode')) yield ['sslmode', value === 'true' ? 'require' : value];
  }
}

/**
 * Where the URL is silent and libpq's variables are not, psql and Weaver would go to different
 * places.
 */
function ambiguousParts(
  { host, hostAddress, port, database, user }: AddressParts,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const given = { host: host ?? hostAddress, port, database, user };
  return Object.entries(ADDRESS_VARIABLES).flatMap(([place, variables]) => {
    const set =
      given[place as keyof typeof given] === undefined
        ? variables.find(variable => env[variable])
        : undefined;
    return set === undefined
      ? []
      : [
          `names no ${place}, while ${set} is set: write the ${place} into the URL, or ` +
            `unset ${set}`,
        ];
  });
}

function decode(text: string): string {
  try {
    const decoded = decodeURIComponent(text);
    if (!decoded.includes('\0')) return decoded;
  } catch {
    // Said below.
  }
  throw new AddressError([UNREADABLE]);
}
