import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  inject,
  test,
  vi,
} from 'vitest';
import { readConfig } from '../../../src/config.js';
import { Database } from '../../../src/db/database.js';
import { ENTITIES } from '../../../src/entities.js';
import {
  Commands,
  freshDatabase,
  sqlAt,
  weaver,
  type FreshDatabase,
  type Outcome,
  type Running,
} from '../../support/command.js';
import { docxOf, drawLine, drawnPdf, oleOf, paragraph, pngOf } from '../../support/file-makers.js';
import { sections } from '../../support/files.js';
import { startOpenAiServer } from '../../support/openai-server.js';
import { until } from '../../support/row-locks.js';
import { World, type BotWorld } from '../../support/world.js';

// Each command opens a database of its own.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const commands = new Commands();
let fresh: FreshDatabase;
let bot: BotWorld;
let folder: string;

interface Opened {
  readonly database: Database;
  sql<R = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<R[]>;
}

/** The database as its owner has it, while no command runs. */
async function inDatabase<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
  const database = await Database.open(readConfig(fresh.env).database, ENTITIES);
  try {
    const connection = database.orm.em.getDriver().getConnection();
    return await work({
      database,
      sql: (text, parameters = []) => connection.execute(text, parameters as never),
    });
  } finally {
    await database.close();
  }
}

beforeAll(async () => {
  fresh = await freshDatabase({ migrated: true });
});
afterAll(async () => {
  await commands.close();
  await fresh.close();
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weaver-import-'));
  bot = await inDatabase(async ({ database }) =>
    (await new World(database).tenant()).bot({ name: 'Guide' }),
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

const args = (...more: string[]): string[] => [
  ...['import', folder, '--tenant', bot.tenant.id, '--bot', 'Guide'],
  ...more,
];

const run = (...more: string[]): Promise<Outcome> => weaver(fresh.env, args(...more));

interface Line {
  readonly file: string;
  readonly outcome: string;
  readonly documentId: string | null;
  readonly code?: string;
}

const linesOf = ({ out }: Outcome): Line[] => out.split('\n').map(line => JSON.parse(line));

interface StoredDocument {
  readonly id: string;
  readonly filename: string;
  readonly status: string;
  readonly revision: number | null;
  readonly text: string | null;
  readonly chunks: number;
}

const DOCUMENTS = `
  select d.id, d.filename, d.status, t.revision, t.text,
         (select count(*)::int from doc_chunks c where c.doc_id = d.id) as chunks
    from docs d left join doc_texts t on t.doc_id = d.id
   where d.bot_id = ? order by d.filename, d.id`;

const documents = (): Promise<StoredDocument[]> =>
  inDatabase(({ sql }) => sql<StoredDocument>(DOCUMENTS, [bot.id]));

/** Of uploads, so that nothing that came counts for a quota any more. */
const uploadStates = (): Promise<string[]> =>
  inDatabase(async ({ sql }) =>
    (
      await sql<{ state: string }>('select state from uploads where bot_id = ? order by state', [
        bot.id,
      ])
    ).map(({ state }) => state),
  );

describe('weaver import', () => {
  test('makes a document of each file by the calls of the API, and tells how many', async () => {
    write('tents.md', '# Tents\n\nA tent can be returned.\n');
    write('a/b/boots.txt', 'Boots are waterproof.');
    write('a/prices.csv', 'name,price\nrope,30\n');
    write('page.html', '<!doctype html><title>Page</title><p>Stoves burn gas.</p>');
    write('stove.pdf', drawnPdf([drawLine('A stove for two')]));
    write('map.docx', docxOf(paragraph('Maps are printed on paper.')));
    write('.hidden.md', 'Nobody sees this.');
    write('.git/config', 'Nor this.');
    symlinkSync('tents.md', join(folder, 'link.md'));

    expect(await run()).toEqual({
      code: 0,
      out:
        'Created 6 documents, gave 0 documents a new revision, left 0 as they are and refused ' +
        '0 files.\nLeft out: 2 hidden files or folders, 1 symbolic link.',
      // How far it was, where that took long.
      err: expect.any(String),
    });
    const stored = await documents();
    expect(stored.map(({ filename }) => filename)).toEqual([
      'a/b/boots.txt',
      'a/prices.csv',
      'map.docx',
      'page.html',
      'stove.pdf',
      'tents.md',
    ]);
    for (const document of stored)
      expect(document).toMatchObject({ status: 'completed', revision: 1, chunks: 1 });
    expect(stored[0]!.text).toBe('Boots are waterproof.');
    const audit = await inDatabase(({ sql }) =>
      sql<{ action: string; actor: string; count: number }>(
        `select action, actor_kind as actor, count(*)::int as count from audit_log
          where tenant_id = ? group by 1, 2 order by 1`,
        [bot.tenant.id],
      ),
    );
    expect(audit).toEqual([
      { action: 'createUpload', actor: 'command_line', count: 6 },
      { action: 'ingestUpload', actor: 'command_line', count: 6 },
    ]);
  });

  test('leaves files that are there, and gives those that changed a new revision', async () => {
    write('a.md', 'The first text.');
    write('b.md', 'Another text.');
    expect(linesOf(await run('--json'))).toMatchObject([
      { file: 'a.md', outcome: 'created' },
      { file: 'b.md', outcome: 'created' },
      { summary: { created: 2 } },
    ]);
    const before = await documents();

    write('a.md', 'The second text.');
    const again = await run('--json');
    expect(again.code).toBe(0);
    expect(linesOf(again).toSorted((a, b) => (a.file < b.file ? -1 : 1))).toEqual([
      { file: 'a.md', outcome: 'revised', documentId: before[0]!.id },
      { file: 'b.md', outcome: 'unchanged', documentId: before[1]!.id },
      {
        summary: {
          dryRun: false,
          created: 0,
          revised: 1,
          unchanged: 1,
          unfinished: 0,
          refused: 0,
          hidden: 0,
          links: 0,
          others: 0,
        },
      },
    ]);

    // Back to what was there once, for which an upload was used already.
    write('a.md', 'The first text.');
    expect((await run()).out).toContain('gave 1 document a new revision, left 1 as it is');
    expect(await documents()).toMatchObject([
      { id: before[0]!.id, revision: 3, text: 'The first text.', chunks: 1 },
      { id: before[1]!.id, revision: 1 },
    ]);

    // A document that was deleted comes back, under the same name and with the same content.
    await inDatabase(({ sql }) => sql('delete from docs where id = ?', [before[1]!.id]));
    expect((await run()).out).toContain('Created 1 document, gave 0');
    expect(await documents()).toMatchObject([{ filename: 'a.md' }, { filename: 'b.md' }]);
  });

  test('tells refusals by their codes, and tries those files again the next time', async () => {
    write('good.md', 'A good text.');
    write('picture.png', pngOf(2, 2));
    write('named.pdf', 'Not a PDF.');
    write('locked.docx', oleOf('EncryptedPackage'));
    write('empty.txt', '');
    write('scan.pdf', drawnPdf(['']));
    write('broken.pdf', '%PDF-1.7\nnothing follows');
    write(`${'n'.repeat(250)}/${'n'.repeat(250)}.md`, 'A name that is too long.');
    write('large.txt', 'x'.repeat(6_000));

    const limited = { ...fresh.env, WEAVER_MAX_UPLOAD_BYTES: '5000' };
    write('scan.pdf', drawnPdf(['']));
    const refused = await weaver(limited, args());
    expect(refused.code).toBe(1);
    const lines = refused.out.split('\n');
    expect(lines[0]).toBe(
      'Created 1 document, gave 0 documents a new revision, left 0 as they are and ' +
        'refused 8 files.',
    );
    const told = (code: string, ...files: string[]): void => {
      const at = lines.indexOf(`${code}: ${files.length} file${files.length === 1 ? '' : 's'}`);
      expect(at, `${code} in ${refused.out}`).toBeGreaterThan(0);
      for (const [index, file] of files.entries())
        expect(lines[at + 1 + index]).toMatch(new RegExp(`^  ${file}: [A-Z].*\\.$`));
    };
    told('BAD_USER_INPUT', 'n+/n+.md');
    told('CORRUPT', 'broken.pdf');
    told('ENCRYPTED', 'locked.docx');
    told('NO_TEXT', 'empty.txt');
    told('NO_TEXT_LAYER', 'scan.pdf');
    told('TOO_LARGE', 'large.txt');
    told('TYPE_MISMATCH', 'named.pdf');
    told('TYPE_NOT_SUPPORTED', 'picture.png');
    // What was refused before it was stored has left nothing.
    expect((await documents()).map(({ filename, status }) => [filename, status])).toEqual([
      ['broken.pdf', 'failed'],
      ['good.md', 'completed'],
      ['scan.pdf', 'failed'],
    ]);

    write('scan.pdf', drawnPdf([drawLine('Now with a text')]));
    const again = linesOf(await run('--json'));
    expect(again).toContainEqual(expect.objectContaining({ file: 'scan.pdf', outcome: 'created' }));
    expect(again).toContainEqual(
      expect.objectContaining({ file: 'large.txt', outcome: 'created' }),
    );
    expect(again).toContainEqual(
      expect.objectContaining({ file: 'broken.pdf', outcome: 'refused', code: 'CORRUPT' }),
    );
    expect((await documents()).length).toBe(4);
  });

  test('refuses what the plan of the tenant does not allow', async () => {
    write('a.md', 'One.');
    write('b.md', 'Two.');
    const limited = { ...fresh.env, WEAVER_QUOTA_DOCUMENTS: '1' };
    const { code, out } = await weaver(limited, args());
    expect(code).toBe(1);
    expect(out).toContain('QUOTA_EXCEEDED: 1 file\n  b.md: The tenant would have 2 documents');
    expect((await documents()).map(({ filename }) => filename)).toEqual(['a.md']);
  });

  test('--dry-run says what would be done, and does nothing', async () => {
    write('old.md', 'Old.');
    write('changed.md', 'Before.');
    await run();
    write('changed.md', 'After.');
    write('new.md', 'New.');
    write('picture.png', pngOf(2, 2));
    const { id } = (await documents()).find(({ filename }) => filename === 'old.md')!;

    const before = await documents();
    const { code, out } = await run('--dry-run');
    expect(code).toBe(1);
    expect(out.split('\n')).toEqual([
      'Would create 1 document, give 1 document a new revision, leave 1 as it is, go on with ' +
        '0 files of an earlier run and refuse 1 file.',
      'TYPE_NOT_SUPPORTED: 1 file',
      expect.stringMatching(/^ {2}picture\.png: /),
    ]);
    const lines = linesOf(await run('--dry-run', '--json'));
    expect(lines).toContainEqual({ file: 'old.md', outcome: 'unchanged', documentId: id });
    expect(lines).toContainEqual({ file: 'new.md', outcome: 'created', documentId: null });
    expect(await documents()).toEqual(before);
    expect(await uploadStates()).toEqual(['ingested', 'ingested']);
  });

  test('says what is wrong with its arguments', async () => {
    write('a.md', 'A text.');
    const refused = async (code: number, message: string, ...given: string[]): Promise<void> =>
      expect(await weaver(fresh.env, ['import', ...given])).toMatchObject({
        code,
        out: '',
        err: expect.stringContaining(message),
      });
    const tenant = ['--tenant', bot.tenant.id];
    await refused(
      1,
      'No tenant has the id or the exact name Nobody.',
      folder,
      '--tenant',
      'Nobody',
      '--bot',
      'x',
    );
    await refused(
      1,
      'has the id or the exact name x. It has, for example, "Guide", "Tenant',
      folder,
      ...tenant,
      '--bot',
      'x',
    );
    const missing = join(folder, 'missing');
    await refused(
      1,
      `The folder ${missing} cannot be read (ENOENT)`,
      missing,
      ...tenant,
      '--bot',
      'Guide',
    );
    const file = join(folder, 'a.md');
    await refused(1, `${file} is a file. Give the folder`, file, ...tenant, '--bot', 'Guide');
    await refused(2, "required option '--bot <bot>'", folder, ...tenant);
    await refused(2, '--dry-run and --watch', ...args('--dry-run', '--watch').slice(1));

    const other = await inDatabase(async ({ database }) =>
      (await new World(database).tenant()).bot({ name: 'Theirs' }),
    );
    await refused(1, 'No bot of', folder, ...tenant, '--bot', other.id);
    await inDatabase(({ database }) =>
      new World(database).insert('bots', { tenant_id: bot.tenant.id, name: 'Guide' }),
    );
    await refused(1, '2 bots of', ...args().slice(1));
  });

  test.runIf(process.getuid!() !== 0)(
    'tells of files and folders that cannot be read',
    async () => {
      write('closed.md', 'A text.');
      write('closed/a.md', 'A text.');
      chmodSync(join(folder, 'closed.md'), 0);
      chmodSync(join(folder, 'closed'), 0);
      const { code, out } = await run();
      chmodSync(join(folder, 'closed'), 0o700);
      expect(code).toBe(1);
      expect(out).toContain('UNREADABLE: 2 files\n  closed: The folder cannot be read (EACCES)');
    },
  );
});

/** Where an import is held for good: by a statement that never ends. */
const HELD = {
  'while a file is stored': 'insert on upload_parts',
  'between upload and ingestion': 'insert on ingestions',
  'while a file is processed': 'insert on ingestion_chunks',
};
const LOCK = 4_242;

async function hold(statement: string): Promise<void> {
  const mark = fresh.urls
    ? `perform pg_advisory_xact_lock(${LOCK});`
    : `copy (select 1) to '/pglite/data/held';`;
  await inDatabase(async ({ sql }) => {
    await sql(
      'create function test_hold() returns trigger language plpgsql security definer as $$ begin ' +
        `${mark} perform count(*) from generate_series(1, 1000000000000); return new; end $$`,
    );
    await sql(
      `create trigger test_hold before ${statement} for each row execute function test_hold()`,
    );
  });
}

/** The statement is running. A process whose embedded database is busy says nothing more. */
async function isHeld(running: Running): Promise<void> {
  let hasEnded = false;
  void running.exited.then(() => (hasEnded = true));
  const file = join(fresh.env.WEAVER_DATA_DIR ?? '', 'pg/held');
  await until(async () => {
    if (hasEnded) throw new Error(`It ended: ${running.out} ${running.err}`);
    if (!fresh.urls) return existsSync(file);
    const { admin } = fresh.urls;
    const locks = `select from pg_locks where locktype = 'advisory' and objid = ${LOCK}`;
    return (await sqlAt(admin, locks)).length > 0;
  }, 120);
  rmSync(file, { force: true });
}

test.each(Object.entries(HELD))(
  'an import that is killed %s is continued by the next one, without duplicates',
  async (_when, statement) => {
    write('a.md', sections(3));
    write('b.md', sections(2, 'boot'));
    await hold(statement);
    const killed = commands.weaver(fresh.env, ...args());
    await isHeld(killed);
    expect(await killed.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    await inDatabase(async ({ sql }) => {
      if (fresh.urls)
        await sql(
          'select pg_terminate_backend(pid) from pg_stat_activity ' +
            'where datname = current_database() and pid <> pg_backend_pid()',
        );
      await sql('drop function test_hold() cascade');
      // As after the time of a lease.
      await sql(`update ingestions set lease_until = now() - interval '1 second'
                  where state = 'running'`);
    });
    // What the first one has stored may be complete before the file is looked at again.
    const again = await run('--json');
    expect(again.code).toBe(0);
    for (const line of linesOf(again).slice(0, -1))
      expect(['created', 'unchanged']).toContain(line.outcome);
    expect(await documents()).toMatchObject([
      { filename: 'a.md', status: 'completed', revision: 1 },
      { filename: 'b.md', status: 'completed', revision: 1 },
    ]);
    expect(await uploadStates()).toEqual(['ingested', 'ingested']);
  },
);

test.runIf(inject('template').kind === 'postgres')(
  'two imports of the same folder at the same time make each document once',
  async () => {
    const names = Array.from({ length: 8 }, (_, index) => `${index}.md`);
    for (const name of names) write(name, `The text of ${name}.`);
    const outcomes = await Promise.all([run('--json'), run('--json')]);
    for (const outcome of outcomes) {
      expect(outcome.code).toBe(0);
      expect(linesOf(outcome).slice(0, -1).length).toBe(names.length);
    }
    const stored = await documents();
    expect(stored.map(({ filename }) => filename)).toEqual(names);
    for (const document of stored)
      expect(document).toMatchObject({ status: 'completed', revision: 1, chunks: 1 });
    expect(new Set(await uploadStates())).toEqual(new Set(['ingested']));
  },
);

test('Ctrl+C says what is kept, and the same command goes on with it', async () => {
  const service = await startOpenAiServer();
  try {
    const env = {
      ...fresh.env,
      EMBEDDING_PROVIDER: 'openai',
      EMBEDDING_BASE_URL: service.baseUrl,
      EMBEDDING_MODEL: 'words',
      EMBEDDING_DIMENSIONS: '64',
    };
    const asked = Promise.withResolvers<void>();
    // It never answers.
    service.next(() => asked.resolve());
    write('a.md', sections(2));
    const running = commands.weaver(env, ...args());
    await Promise.race([asked.promise, running.exited]);
    running.child.kill('SIGINT');
    const { code, out, err } = await running.outcome();
    expect({ code, out, said: err.trim().split('\n').at(-1) }).toEqual({
      code: 130,
      out: '',
      said:
        'Interrupted: 0 files are done, and 1 more is stored, which a gateway or the next import ' +
        'processes. To continue, run the same command again.',
    });
    expect(await weaver(env, args())).toMatchObject({ code: 0 });
    expect(await documents()).toMatchObject([{ status: 'completed', revision: 1 }]);
  } finally {
    await service.close();
  }
});

test('--watch imports what is added or changed, keeps what is deleted, ends in order', async () => {
  write('a.md', 'The first text.');
  write('locked.docx', oleOf('EncryptedPackage'));
  const watching = commands.weaver(fresh.env, ...args('--watch'));
  await watching.until('Watching', 'err');
  expect(watching.out).toContain('Created 1 document, gave 0');
  write('sub/b.md', 'It was added.');
  await watching.until('created\tsub/b.md');
  write('a.md', 'The second text.');
  await watching.until('revised\ta.md');
  rmSync(join(folder, 'sub/b.md'));
  write('picture.png', pngOf(2, 2));
  await watching.until('refused\tpicture.png\tTYPE_NOT_SUPPORTED\t');
  watching.child.kill('SIGTERM');
  expect(await watching.outcome()).toMatchObject({
    code: 0,
    err: expect.stringContaining('Watching has ended.'),
  });
  expect(await documents()).toMatchObject([
    { filename: 'a.md', revision: 2, text: 'The second text.' },
    { filename: 'sub/b.md', revision: 1 },
  ]);
});
