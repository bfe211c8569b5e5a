import { createRequire } from 'node:module';
import { Client, Pool, type PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { OPERATOR_SCOPE } from '../../../src/db/database-scope.js';
import { PostgresSession } from '../../../src/db/postgres-session.js';
import {
  PreparedStatements,
  unprepared,
  type PreparedStatement,
} from '../../../src/db/prepared-statements.js';
import { Command, RowQuery, streamOf } from '../../../src/db/row-query.js';
import { rowReader } from '../../../src/db/row-reader.js';
import { serverProcess } from '../../../src/db/server-process.js';
import { fixedStatement, statement, type Row } from '../../../src/db/statement.js';
import { VectorReader } from '../../../src/db/vector-reader.js';
import { until } from '../../support/row-locks.js';
import { openTestDatabase, type TestDatabase } from '../../support/database.js';

const vectors = new VectorReader();

describe.runIf(inject('template').kind === 'postgres')(
  `a query of rows on pg ${String(createRequire(import.meta.url)('pg/package.json').version)}`,
  () => {
    let db: TestDatabase;
    let client: Client;
    let session: PostgresSession;
    let prepared: PreparedStatements;

    beforeAll(async () => {
      db = await openTestDatabase();
      client = await connect();
      session = new PostgresSession(client as unknown as PoolClient);
      prepared = new PreparedStatements();
    });
    afterAll(async () => {
      await client.end();
      await db.close();
    });

    async function connect(): Promise<Client> {
      const opened = new Client({ connectionString: db.urls!.admin, pipeline: true } as never);
      opened.on('error', () => {});
      await opened.connect();
      return opened;
    }

    function send(
      preparedStatement: PreparedStatement,
      values: readonly (string | null)[] = [],
      to = session,
    ): Promise<Row[]> {
      const query = new RowQuery(
        preparedStatement,
        values,
        columns => rowReader(columns, type => client.getTypeParser(type) as never, vectors),
        () => true,
      );
      to.send(query);
      return query.outcome.then(rows => rows.read());
    }

    function run(text: string, to = session): Promise<void> {
      const command = new Command(unprepared(text));
      to.send(command);
      return command.outcome;
    }

    const named = (text: string): PreparedStatement => prepared.use(fixedStatement('test', text));
    const rowsOf = (text: string, ...values: (string | null)[]): Promise<Row[]> =>
      send(unprepared(text), values);

    /** Which messages the client sent meanwhile, by their letters. */
    async function messagesOf(work: () => Promise<unknown>): Promise<string> {
      const stream = streamOf(client as unknown as PoolClient);
      const write = stream.write;
      let letters = '';
      stream.write = function (chunk: Buffer, ...rest: never[]) {
        letters += String.fromCharCode(chunk[0]!);
        return write.call(stream, chunk, ...rest);
      } as typeof stream.write;
      try {
        await work();
      } finally {
        stream.write = write;
      }
      return [...letters].join(' ');
    }

    test('has the values that the driver has, of every kind', async () => {
      const text = `select 1::int2 as a, 2 as b, 3::int8 as c, 1.5::numeric as d,
        'NaN'::float8 as e, true as f, null::text as g, 'a"\\é😀'::text as h,
        array['x', null, '{}'] as i, array[1, 2] as j, '{"n": [1, {}]}'::jsonb as k, now() as l,
        '2026-01-01'::date as m, '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10'::uuid as n,
        ''::text as o, interval '1 day' as p, $1::text as "__q", $2::int as "a-b"`;
      await client.query('begin');
      const driver = (await client.query(text, ['v', 4])).rows;
      const ours = await rowsOf(text, 'v', '4');
      await client.query('commit');
      expect(ours).toEqual(driver);
    });

    test('is parsed and described once on a connection, then only bound and executed', async () => {
      const query = named('select $1::int as n');
      expect(await messagesOf(() => send(query, ['1']))).toBe('P D B E S');
      expect(await messagesOf(() => send(query, ['2']))).toBe('B E S');
      expect(await send(query, ['3'])).toEqual([{ n: 3 }]);
      const [{ times } = {}] = await rowsOf(
        'select count(*)::int as times from pg_prepared_statements',
      );
      expect(times).toBe(1);
    });

    test('may follow itself before its description has come', async () => {
      const query = named('select $1::text as followed');
      expect(await Promise.all([send(query, ['a']), send(query, ['b'])])).toEqual([
        [{ followed: 'a' }],
        [{ followed: 'b' }],
      ]);
    });

    test.each([
      ['to be parsed', 'select nothing at all', [], '42601'],
      ['to be bound', 'select $1::int as n', ['x'], '22P02'],
      ['when it runs', 'select 1 / (n - 3) as n from generate_series(1, 9) n', [], '22012'],
      ['as nothing is copied', 'copy pg_temp.copied from stdin', [], undefined],
    ])('fails %s, and the connection goes on', async (_, text, values, code) => {
      await client.query('create temp table if not exists copied (n int)');
      const query = named(text);
      const error = await send(query, values).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Error);
      if (code !== undefined) expect(error).toMatchObject({ code });
      expect(await rowsOf('select 1 as n')).toEqual([{ n: 1 }]);
      if (text.includes('$1')) expect(await send(query, ['7'])).toEqual([{ n: 7 }]);
    });

    test('fails with all that came behind it in its packet, and nothing else', async () => {
      const query = named('select 5 as five');
      const other = named('select 6 as six');
      const outcomes = await Promise.allSettled([
        run('begin'),
        rowsOf('select 1 / 0 as n'),
        send(query),
        send(other),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'rejected',
        'rejected',
      ]);
      for (const outcome of outcomes.slice(1))
        expect(outcome).toMatchObject({ reason: { code: '22012' } });
      await run('rollback');
      expect(await Promise.all([send(query), send(other)])).toEqual([[{ five: 5 }], [{ six: 6 }]]);
    });

    test('shares a packet with all that is sent in the same turn of the event loop', async () => {
      const query = named('select $1::int as shared');
      await send(query, ['1']);
      const rows: Row[][] = [];
      const letters = await messagesOf(async () => {
        const later = send(query, ['2']).then(first => (rows.push(first), send(query, ['4'])));
        rows.push(await send(query, ['3']), await later);
      });
      expect(letters).toBe('B E B E S B E S');
      expect(rows).toEqual([[{ shared: 2 }], [{ shared: 3 }], [{ shared: 4 }]]);
    });

    test('is not disturbed by notices', async () => {
      await client.query(`create function pg_temp.tells() returns int language plpgsql as $$
        begin raise notice 'told'; return 1; end $$`);
      const notices: string[] = [];
      client.on('notice', ({ message }) => void notices.push(message!));
      expect(await rowsOf('select pg_temp.tells() as n from generate_series(1, 2)')).toEqual([
        { n: 1 },
        { n: 1 },
      ]);
      expect(notices).toEqual(['told', 'told']);
    });

    test('has no rows where there are none, or nothing to do', async () => {
      expect(await rowsOf('select 1 as n where false')).toEqual([]);
      expect(await rowsOf('')).toEqual([]);
      expect(await rowsOf('set local timezone to default')).toEqual([]);
    });

    test('fails where the connection is lost, and at once on one that was', async () => {
      const lost = await connect();
      const onLost = new PostgresSession(lost as unknown as PoolClient);
      const ended = new Promise<void>(resolve => void lost.once('end', resolve));
      const outcomes = Promise.allSettled([
        send(unprepared('select pg_sleep(50)'), [], onLost),
        send(unprepared('select 1'), [], onLost),
        run('select 1', onLost),
      ]);
      await rowsOf('select pg_terminate_backend($1)', String(serverProcess(lost)));
      expect((await outcomes).map(({ status }) => status)).toEqual(
        Array.from({ length: 3 }, () => 'rejected'),
      );
      await ended;
      await expect(run('select 1', onLost)).rejects.toThrow('not queryable');
    });

    test('receives no more while others are first, and the server waits meanwhile', async () => {
      let isOpen = false;
      const gate = Promise.withResolvers<void>();
      const reads = db.database.reads(OPERATOR_SCOPE, {
        statementMs: 60_000,
        lockMs: 60_000,
        signal: new AbortController().signal,
        pause: () => (isOpen ? undefined : gate.promise),
      });
      let isDone = false;
      const rows = reads
        .query(
          statement('many', `select repeat('x', 10000) as x from generate_series(1, 5000)`),
          [],
        )
        .finally(() => void (isDone = true));
      await until(async () =>
        (
          await rowsOf(
            `select wait_event from pg_stat_activity where query like '/* many */%'
               and pid <> pg_backend_pid()`,
          )
        ).some(({ wait_event }) => wait_event === 'ClientWrite'),
      );
      expect(isDone).toBe(false);
      isOpen = true;
      gate.resolve();
      expect(await rows).toHaveLength(5000);
    });

    test('is described anew by another connection, where its columns have changed', async () => {
      await client.query('create table changing (n int); insert into changing values (1)');
      const query = named('select * from changing');
      expect(await send(query)).toEqual([{ n: 1 }]);
      await client.query(`alter table changing alter n type text using n || 'th'`);
      const pool = new Pool({ connectionString: db.urls!.admin, max: 1 });
      const other = await pool.connect();
      try {
        expect(await send(query, [], new PostgresSession(other))).toEqual([{ n: '1th' }]);
        // The server refuses, on those that know it with its old columns.
        await expect(send(query)).rejects.toMatchObject({ code: '0A000' });
      } finally {
        other.release();
        await pool.end();
        await client.query('drop table changing');
      }
    });
  },
);

describe('vectors', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  test('have every number that half precision has, as pgvector writes it', async () => {
    const halves = new Float16Array(new Uint16Array(0x7c00).map((_, bits) => bits).buffer);
    for (const sign of [1, -1]) {
      for (let from = 0; from < halves.length; from += 15_872) {
        const literal = `[${Array.from(halves.slice(from, from + 15_872), n => n * sign).join()}]`;
        const [row] = (await db.asSuperuser(
          `select halfvec_send(v)::text as bytes, v::text as text from (select ?::halfvec as v) s`,
          [literal],
        )) as { bytes: string; text: string }[];
        expect(vectors.read(row!.bytes)).toEqual(JSON.parse(row!.text));
      }
    }
  });
});
