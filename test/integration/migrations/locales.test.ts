import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { startGateway } from '../../../src/app.js';
import { foldText } from '../../../src/ops/adoption/fold-text.js';
import { Database } from '../../../src/db/database.js';
import { applyMigrations } from '../../../src/ops/migrations/run.js';
import { ENTITIES } from '../../../src/entities.js';
import { createLogger } from '../../../src/observability/logger.js';
import { Client as TestClient } from '../../support/client.js';
import { testConfig } from '../../support/config.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';
import { postgresAt } from '../../support/postgres-at.js';
import { databaseUrl } from '../../support/template-database.js';
import { World } from '../../support/world.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

type Run = <R>(sql: string, parameters?: unknown[]) => Promise<R[]>;

const template = inject('template');

/** Databases of other locales than the run's; a server may lack ICU. */
const LOCALES = {
  'letters beyond ASCII that have no case': `lc_collate 'C' lc_ctype 'C'`,
  'ICU, German': `locale_provider icu icu_locale 'de'`,
  'ICU, Turkish': `locale_provider icu icu_locale 'tr'`,
};

const ranges = Array.from({ length: 0x110 }, (_, nth) =>
  Array.from({ length: 0x1000 }, (_unused, index) => nth * 0x1000 + index),
);
/** Every character, but surrogates, which are none, and what Unicode has not given out. */
const CHARACTERS = ranges
  .flat()
  .filter(code => code > 0 && (code < 0xd800 || code > 0xdfff))
  .map(code => String.fromCodePoint(code))
  .filter(character => !/\p{Cn}|\p{Co}/u.test(character));
/**
 * What Unicode has given out after the oldest server came to be: its decompositions are unknown
 * there.
 */
const SINCE_UNICODE_14 = new RegExp(
  String.raw`[\u{10940}-\u{1095f}\u{105c0}-\u{105ff}\u{11380}-\u{113ff}\u{16100}-\u{1613f}` +
    String.raw`\u{16d40}-\u{16d7f}\u{1e030}-\u{1e08f}\u{1ccd6}-\u{1ccf9}\ua7f1-\ua7f4]`,
  'u',
);

const NAMES = [
  'zebra',
  'Zebra',
  'a b',
  'Éclair',
  'ÄPFEL',
  'i',
  'I',
  'ı',
  'İ',
  'file2',
  'file10',
  'Жук',
  'йод',
  'Ζεύς',
  'ς',
  'σ',
  'straße',
  'strasse',
  '_x',
  '(x',
  'x',
];

async function resultsOf(run: Run): Promise<unknown> {
  const order = await run<{ name: string }>(
    `select name from unnest(?::text[]) as n(name) order by weaver_sort_key(name)`,
    [NAMES],
  );
  const digests = await run<{ folds: string; keys: string }>(
    `select md5(string_agg(weaver_fold(c || 'x' || c), ',' order by n)) as folds,
      md5(string_agg(weaver_sort_key(c || 'x' || c)::text, ',' order by n)) as keys
       from unnest(?::text[]) with ordinality as u(c, n)`,
    [CHARACTERS],
  );
  // Of many characters at once, as of a long text.
  const words = await run<{ words: string }>(
    `select md5(string_agg(weaver_words(text, 'xx')::text, ',' order by part)) as words
       from (select n / 1000 as part, string_agg('a' || c || ' ' || c || 'É', ' '
         order by n) as text
               from unnest(?::text[]) with ordinality as u(c, n) group by 1) lumps`,
    [CHARACTERS],
  );
  return { order: order.map(({ name }) => name), digests, words };
}

let db: TestDatabase;
const runHere: Run = (sql, parameters) =>
  db.asSuperuser(
    sql,
    db.urls
      ? parameters
      : parameters?.map(value => (Array.isArray(value) ? arrayText(value as string[]) : value)),
  );
const arrayText = (items: readonly string[]): string =>
  `{${items.map(item => `"${item.replaceAll(/["\\]/g, '\\$&')}"`).join()}}`;

beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

describe('weaver_fold', () => {
  test('gives each letter and its other case one form, as adoption expects', async () => {
    // Behind another letter: a driver may read a byte order mark away.
    const rows = await runHere<{ folded: string }>(
      "select weaver_fold('x' || c) as folded " +
        'from unnest(?::text[]) with ordinality as u(c, n) order by n',
      [CHARACTERS],
    );
    const isKnown = (character: string): boolean => !SINCE_UNICODE_14.test(character);
    const known = CHARACTERS.filter(isKnown);
    expect(
      CHARACTERS.filter(
        (character, index) =>
          isKnown(character) && rows[index]!.folded !== foldText(`x${character}`),
      ),
    ).toEqual([]);
    const cased = known.filter(
      character => character.toUpperCase() !== character || character.toLowerCase() !== character,
    );
    expect(cased.length).toBeGreaterThan(2_500);
    expect(
      cased.filter(
        character =>
          foldText(character) !== foldText(character.toUpperCase()) ||
          foldText(character) !== foldText(character.toLowerCase()),
      ),
    ).toEqual([]);
  });

  test('gives all normal forms of a text one form', async () => {
    const texts = CHARACTERS.filter(
      character =>
        !SINCE_UNICODE_14.test(character) &&
        character.normalize('NFD') !== character &&
        !/\p{Script=Hangul}/u.test(character),
    );
    const rows = await runHere<{ c: string }>(
      'select c from unnest(?::text[]) as u(c) ' +
        "where weaver_fold('x' || c || 'y') <> weaver_fold('x' || normalize(c, NFD) || " +
        "'y') or weaver_sort_key('é' || c) <> weaver_sort_key('é' || normalize(c, NFD))",
      [texts],
    );
    expect(rows).toEqual([]);
  });
});

/** A new database of a locale, with all migrations, that is dropped afterwards. */
async function withDatabase(
  locale: string,
  adminUrl: string,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const name = `weaver_locale_${process.pid}_${databases++}`;
  const maintenance = new Client({ connectionString: adminUrl });
  await maintenance.connect();
  await maintenance.query(`create database ${name} template template0 encoding 'UTF8' ${locale}`);
  const url = databaseUrl(adminUrl, name);
  try {
    const database = await Database.open(postgresAt(url, { poolSize: 2 }), ENTITIES, 'migrate');
    await applyMigrations(database).finally(() => database.close());
    await work(url);
  } finally {
    await maintenance.query(`drop database if exists ${name} with (force)`);
    await maintenance.end();
  }
}
let databases = 0;

describe.runIf(template.kind === 'postgres')('a database whose locale is', () => {
  test.each(Object.entries(LOCALES))(
    '%s: orders, folds and reads words as every other',
    async (_, locale) => {
      if (template.kind !== 'postgres') return;
      await withDatabase(locale, template.adminUrl, async url => {
        const client = new Client({ connectionString: url });
        await client.connect();
        const there: Run = async (sql, parameters) =>
          (await client.query(sql.replace('?', '$1'), parameters)).rows as never;
        try {
          expect(await resultsOf(there)).toEqual(await resultsOf(runHere));
        } finally {
          await client.end();
        }
      });
    },
  );

  test('of ICU: digits of other scripts in metadata make no date, and no error', async () => {
    if (template.kind !== 'postgres') return;
    await withDatabase(LOCALES['ICU, German'], template.adminUrl, async url => {
      const database = await Database.open(postgresAt(url, { poolSize: 4 }), ENTITIES);
      const gateway = await startGateway({
        config: testConfig(),
        database,
        log: createLogger('silent'),
      });
      try {
        const tenant = await new World(database).tenant();
        const document = await (await tenant.bot()).document();
        const dates = ['2026-01-31T09:00:00Z', '2026-01-31T0\u0669:00:00Z', '\u0662026-01-31'];
        await document.chunks(
          dates.map((date, chunkIndex) => ({
            text: 'tent',
            chunkIndex,
            metadata: { date },
            embedding: null,
          })),
        );
        const client = new TestClient(gateway.url, (await tenant.key()).secret);
        const { searchChunks } = await client.data(
          '{ searchChunks(input: { text: "tent", mode: KEYWORD, metadataConditions: ' +
            '[{ path: ["date"], date: {} }] }) { hits { chunk { metadata } } } }',
        );
        expect(searchChunks.hits).toEqual([{ chunk: { metadata: { date: dates[0] } } }]);
      } finally {
        await gateway.close();
        await database.close();
      }
    });
  });
});

test('names have one order on both databases', async () => {
  const { order } = (await resultsOf(runHere)) as { order: string[] };
  expect(order).toEqual([
    '_x',
    '(x',
    'a b',
    'ÄPFEL',
    'Éclair',
    'file2',
    'file10',
    'i',
    'I',
    'ı',
    'İ',
    'strasse',
    'straße',
    'x',
    'zebra',
    'Zebra',
    'Ζεύς',
    'ς',
    'σ',
    'Жук',
    'йод',
  ]);
});
