import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { envExample } from '../../../src/config.js';
import { weaver } from '../../support/command.js';

const folder = mkdtempSync(join(tmpdir(), 'weaver-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What no command of these tests may reach. */
const NOWHERE = { WEAVER_DATA_DIR: join(folder, 'none') };
const COMMANDS = [
  'serve',
  'db up',
  'db down',
  'db status',
  'db bootstrap',
  'db doctor',
  'demo',
  'tenant create',
  'tenant list',
  'tenant show',
  'key create',
  'key list',
  'key revoke',
  'key rotate',
  'search tune',
  'search recall',
  'search reembed',
  'schema print',
  'config example',
];

describe('weaver', () => {
  test('--version prints the version of the package', async () => {
    const { version } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8'),
    ) as { version: string };
    expect(await weaver({}, ['--version'])).toEqual({ code: 0, out: version, err: '' });
  });

  test('--help names every command and the exit codes', async () => {
    const { code, out, err } = await weaver({}, ['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const name of COMMANDS.map(command => command.split(' ')[0]!))
      expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    expect(out).toContain(
      'Exit codes: 0 done, 1 could not be done, 2 wrong usage, 130 ended by Ctrl+C, 143 ' +
        'by SIGTERM.',
    );
  });

  test.each(COMMANDS)('%s --help has an example', async command => {
    const { code, out } = await weaver({}, [...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: weaver ${command}`);
    expect(out).toMatch(new RegExp(`Examples:\n(.*\n)*?.*npx weaver ${command}`));
    expect(
      out
        .match(/[A-Z_]{5,}/g)
        ?.filter(
          name =>
            !/^(NODE_ENV|KEY|SIGINT|SIGTERM)$/.test(name) && !envExample().includes(`# ${name}=`),
        ) ?? [],
    ).toEqual([]);
  });

  test.each([
    [['serv'], "unknown command 'serv'\n(Did you mean serve?)"],
    [['db', 'stat'], "unknown command 'stat'\n(Did you mean one of stamp, status?)"],
    [['db', 'down', '--yess'], "unknown option '--yess'\n(Did you mean --yes?)"],
    [['db', 'current', 'now'], "too many arguments for 'current'"],
    [['key', 'create', '--name', 'x'], "required option '--tenant <tenant>' not specified"],
    [
      ['db', 'bootstrap', '--sql', '--password-stdin'],
      "option '--sql' cannot be used with option '--password-stdin'",
    ],
    [
      ['db', 'bootstrap', '--login', 'pg_x'],
      "pg_x is taken by PostgreSQL or by Weaver's own roles.",
    ],
    [
      ['db', 'up', '--from', 'base'],
      "--from can only be used with --sql: a run starts at the database's current migration.",
    ],
    [['db', 'down', 'base', '--to', 'initial'], '"base" and --to initial: give one target.'],
    ...['up', 'down'].flatMap(verb =>
      ['+0', '-0', '1', '+', '+1.5', '+1e3', '+x', 'initial+1', verb === 'up' ? '-1' : '+1'].map(
        (target): [string[], string] => [['db', verb, '--to', target], `error: ${target} `],
      ),
    ),
    [['db', 'up', '-99999'], 'error: -99999 goes the other way'],
    [['db', 'down', '-99999999999999999999'], 'is not a number of migrations.'],
    [['db', 'up', 'base'], 'error: "up" cannot go to base.'],
    [['db', 'down', 'head'], 'error: "down" cannot go to head.'],
    [['db', 'up', '--sql', '+1'], '+1 is a number of migrations, which cannot be counted here.'],
    [['db', 'up', '--sql', '--from', 'initial+1'], 'initial+1 counts from a migration.'],
    [['db', 'up', '--sql', 'head:base'], 'head to base goes the other way'],
    [['db', 'stamp', '-1'], '-1 is a number of migrations, which cannot be counted here.'],
    [['db', 'show', '+1'], '+1 is a number of migrations, which cannot be counted here.'],
    [['db', 'lint', '+0'], '+0 is not a number of migrations.'],
    [['db', 'up', '--lock-timeout', '86401'], 'Give a whole number of seconds from 0 to 86400.'],
    [['db', 'up', '--lock-timeout', '1e3'], 'Give a whole number of seconds from 0 to 86400.'],
    [['key', 'rotate', 'x', '--overlap', '-1'], 'Give a whole number of hours from 0 to 720.'],
    [
      ['db', 'bootstrap', '--login', 'one', '--owner', 'one'],
      "The gateway's login and the owner must be different logins",
    ],
    [['schema', 'print', '--check'], "option '--check <file>' argument missing"],
    [['help', 'nope'], "unknown command 'nope'"],
    [['help', 'db', 'stat'], "unknown command 'stat'"],
    [['help', 'upgrade'], 'There is no command "upgrade". Weaver\'s word is "up"'],
    [['db', 'revision', '-m', ''], 'its name needs a letter or a digit.'],
    [['db', 'revision', '-m', ' - '], 'its name needs a letter or a digit.'],
    [['db', 'up', ''], "argument 'target' is empty."],
    [['db', 'up', '--to', ' '], "option '--to <target>' is empty."],
    [['db', 'stamp', ''], "argument 'target' is empty."],
    [['db', 'lint', 'head', ''], "argument 'migrations...' is empty."],
    [['db', 'backup', ''], "argument 'file' is empty."],
    [['db', 'restore', '\t'], "argument 'file' is empty."],
    [['tenant', 'show', ''], "argument 'tenant' is empty."],
    [['key', 'revoke', ''], "argument 'key' is empty."],
    [['search', 'recall', '--tenant', 'x', ''], "option '--tenant <tenant...>' is empty."],
    [['schema', 'print', '--check', ''], "option '--check <file>' is empty."],
  ])('%j is wrong usage', async (args, message) => {
    const { code, out, err } = await weaver(NOWHERE, args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });

  test.each([
    [['help'], 'Usage: weaver [options] [command]'],
    [['help', 'db'], 'Usage: weaver db [options] [command]'],
    [['help', 'db', 'up'], 'Usage: weaver db up [options] [target]'],
    [['db', 'help', 'up'], 'Usage: weaver db up [options] [target]'],
  ])('%j shows the help of that command', async (args, usage) => {
    const { code, out, err } = await weaver({}, args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n')[0]).toBe(usage);
  });

  test.each([
    [
      ['db', 'upgrade', 'head'],
      'There is no command "db upgrade". Weaver\'s word is "up": npx weaver db up',
    ],
    [
      ['db', 'downgrade', '-1'],
      'There is no command "db downgrade". Weaver\'s word is "down": npx weaver db down',
    ],
    [['db', 'merge', '-m', 'both', 'heads'], 'There is nothing to merge: migrations are one line'],
    [['db', 'branches', '--verbose'], 'There are no branches'],
    [['db', 'migrate'], 'Weaver\'s word is "up"'],
    [
      ['upgrade', 'head'],
      'There is no command "upgrade". Weaver\'s word is "up": npx weaver db up',
    ],
    [['downgrade', '-1', '--sql'], 'There is no command "downgrade". Weaver\'s word is "down"'],
    [
      ['revision', '--autogenerate', '-m', 'x'],
      'There is no command "revision". It is one of "db": npx weaver db revision.',
    ],
    [['current'], 'There is no command "current". It is one of "db": npx weaver db current.'],
    [['doctor'], 'There is no command "doctor". It is one of "db": npx weaver db doctor.'],
  ])('%j leads to the word of ours', async (args, told) => {
    const { code, out, err } = await weaver(NOWHERE, args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(told);
  });

  test('--help of weaver has no words that only lead elsewhere', async () => {
    expect((await weaver({}, ['--help'])).out).not.toMatch(/^ +(upgrade|current|doctor)\b/m);
  });

  test('db --help has its commands in groups, and none that only lead elsewhere', async () => {
    const { out } = await weaver({}, ['db', '--help']);
    for (const title of [
      'Migrate:',
      'See where it is:',
      'Before and after:',
      'Set up and take over:',
    ])
      expect(out).toContain(`\n${title}\n`);
    expect(out).not.toContain('upgrade');
  });

  test.each([
    'serve',
    'db up',
    'db doctor',
    'demo',
    'tenant create',
    'key list',
    'search tune',
    'search recall',
    'search reembed',
  ])('%s --help says which variables it reads', async command => {
    expect((await weaver({}, [...command.split(' '), '--help'])).out).toMatch(
      /Environment:\n(.*\n)*? +DATABASE_URL /,
    );
  });

  test.each([[[]], [['db']], [['key']], [['schema']], [['config']]])(
    '%j without a command shows what there is',
    async args => {
      const { code, out, err } = await weaver(NOWHERE, args);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toContain('Usage: weaver');
    },
  );

  test('names every mistake of the configuration at once', async () => {
    const { code, out, err } = await weaver({ PORT: 'x', LOG_LEVEL: 'loud' }, ['db', 'status']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      'The configuration has 2 mistakes:\n  - PORT must be a whole number from 0 to ' +
        '65535\n  - LOG_LEVEL must be one of silent, error, warn, info, debug',
    );
  });
});

describe('key create', () => {
  const create = (...options: string[]) =>
    weaver(NOWHERE, ['key', 'create', '--tenant', 'T', '--name', 'N', ...options]);

  test.each([
    [
      ['--scopes', 'read,root'],
      'There is no scope "root": give one or more of read, write, search, ask, admin, ' +
        'vectors, separated by commas.',
    ],
    [['--scopes', ''], 'There is no scope ""'],
    [['--rate-limit', '0'], 'Give a whole number from 1 to 1000000.'],
    [['--rate-limit', '1.5'], 'Give a whole number from 1 to 1000000.'],
    [['--expires', '0'], 'Give a whole number of days from 1 to 36500.'],
    [['--expires', 'tomorrow'], 'Give days from now, a date such as 2027-01-31'],
    [['--expires', '2027-02-31'], 'Give days from now, a date such as 2027-01-31'],
    [['--expires', '2027-01-31T25:00:00Z'], 'Give days from now, a date such as 2027-01-31'],
    [['--expires', '2020-01-31'], 'It is in the past.'],
    [['--name', ' '], 'It has no visible character.'],
    [['--name', '\u200d'], 'It has no visible character.'],
    [['--name', 'n'.repeat(256)], 'It has more than 255 characters.'],
  ])('refuses %j before it touches a database', async (options, message) => {
    const { code, out, err } = await create(...options);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });
});

describe('schema print', () => {
  test('prints the schema, and nothing besides', async () => {
    const { code, out, err } = await weaver({}, ['schema', 'print']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^type Query \{$/m);
  });

  test('--check compares a file', async () => {
    const file = join(folder, 'schema.graphql');
    const check = () => weaver({}, ['schema', 'print', '--check', file]);
    expect(await check()).toEqual({
      code: 1,
      out: '',
      err: `${file} cannot be read (ENOENT). Renew it with "npx weaver schema print > ${file}".`,
    });

    const { out } = await weaver({}, ['schema', 'print']);
    writeFileSync(file, `${out}\n`);
    expect(await check()).toEqual({ code: 0, out: '', err: `${file} is what the code makes.` });

    writeFileSync(file, `${out}\n`.replace('type Query', 'type Kwery'));
    const line = out.split('\n').indexOf('type Query {') + 1;
    const stale = await check();
    expect(stale).toMatchObject({ code: 1, out: '' });
    expect(stale.err).toBe(
      `${file} is stale, first in line ${line}. Renew it with "npx weaver schema print > ${file}".`,
    );

    writeFileSync(file, `${out}\n# more\n`);
    expect(await check()).toMatchObject({ code: 1 });
  });
});

describe('config example', () => {
  test('prints .env.example', async () => {
    expect(await weaver({}, ['config', 'example'])).toEqual({
      code: 0,
      out: envExample().trimEnd(),
      err: '',
    });
  });
});

describe('db bootstrap', () => {
  test('has nothing to do on the embedded database', async () => {
    const { code, out } = await weaver(NOWHERE, ['db', 'bootstrap']);
    expect(code).toBe(0);
    expect(out).toContain('Nothing to do: the embedded database needs no preparation.');
  });

  test('--sql prints the statements, for a database that is not configured yet too', async () => {
    const { code, out, err } = await weaver(NOWHERE, [
      'db',
      'bootstrap',
      '--sql',
      '--login',
      'gateway',
    ]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('create role "gateway" login noinherit;');
  });

  test('wants a login whose password it could set, and the password in one line', async () => {
    const env = { DATABASE_URL: 'postgresql://postgres@127.0.0.1:1/weaver' };
    expect(await weaver(env, ['db', 'bootstrap', '--password-stdin'], 'secret')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/^error: --password-stdin requires --login <name>, /),
    });
    expect(
      await weaver(env, ['db', 'bootstrap', '--password-stdin', '--login', 'gateway'], ''),
    ).toMatchObject({ code: 1, err: 'Standard input must hold the password in one line.' });
  });
});

describe('an embedded database that does not exist', () => {
  test('is told by commands that need none, and is not made by them', async () => {
    expect(await weaver(NOWHERE, ['db', 'status'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('which does not exist yet'),
    });
    expect(JSON.parse((await weaver(NOWHERE, ['db', 'status', '--json'])).out)).toMatchObject({
      database: { kind: 'embedded', exists: false },
      applied: [],
      pending: expect.arrayContaining([expect.stringContaining('initial')]),
    });
    expect(await weaver(NOWHERE, ['db', 'down'])).toEqual({
      code: 0,
      out: 'Nothing to do: there is no database yet.',
      err: '',
    });
    for (const command of [
      ['db', 'doctor'],
      ['key', 'create', '--tenant', 'T', '--name', 'N'],
    ]) {
      expect(await weaver(NOWHERE, command)).toEqual({
        code: 1,
        out: '',
        err:
          `There is no embedded database in ${NOWHERE.WEAVER_DATA_DIR} yet. "npx weaver ` +
          'serve" creates it.',
      });
    }
    expect(existsSync(NOWHERE.WEAVER_DATA_DIR)).toBe(false);
  });
});
