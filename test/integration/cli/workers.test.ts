import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { Client } from '../../support/client.js';
import { OPERATOR_TOKEN } from '../../support/config.js';
import {
  Commands,
  freshDatabase,
  weaver,
  type FreshDatabase,
  type Running,
} from '../../support/command.js';

const METRICS_TOKEN = 'the-token-of-prometheus';
const onPostgres = inject('template').kind === 'postgres';

test('the embedded database refuses several processes, since one alone can open it', async () => {
  expect(await weaver({ WEAVER_WORKERS: '2' }, ['serve'])).toEqual({
    code: 1,
    out: '',
    err: expect.stringContaining('WEAVER_WORKERS requires DATABASE_URL'),
  });
});

describe.runIf(onPostgres)('WEAVER_WORKERS=2', () => {
  let commands: Commands;
  let database: FreshDatabase;
  let running: Running;
  let url: string;

  beforeAll(async () => {
    database = await freshDatabase({ migrated: true });
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    commands = new Commands();
    running = commands.weaver(
      {
        ...database.env,
        WEAVER_WORKERS: '2',
        PORT: '0',
        LOG_LEVEL: 'info',
        WEAVER_OPERATOR_TOKEN: OPERATOR_TOKEN,
        WEAVER_METRICS_TOKEN: METRICS_TOKEN,
      },
      'serve',
    );
    await running.until('/graphql\n');
    url = /GraphQL +(\S+)\/graphql/.exec(running.out)![1]!;
  });
  afterEach(() => commands.close());

  const entries = (): Record<string, any>[] =>
    running.out
      .split('\n')
      .filter(line => line.startsWith('{') && line.endsWith('}'))
      .map(line => JSON.parse(line) as Record<string, any>);

  /**
   * Asks on a connection of its own each time, so that the workers take turns, until so many have
   * answered or it has taken too long.
   */
  async function workersThatAnswer(count: number, since = 0): Promise<number[]> {
    const seen = new Set<number>();
    for (let round = 0; round < 150 && seen.size < count; round += 1) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${OPERATOR_TOKEN}`,
          connection: 'close',
        },
        body: JSON.stringify({ query: '{ viewer { kind } }' }),
      });
      expect([response.status, await response.json()]).toEqual([
        200,
        { data: { viewer: { kind: 'OPERATOR' } } },
      ]);
      await sleep(100);
      for (const { worker, requestId } of entries().slice(since))
        if (requestId !== undefined) seen.add(worker as number);
    }
    return [...seen].toSorted();
  }

  /** The living workers' processes, oldest first. */
  function processes(): number[] {
    const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(line => line.trim().split(/\s+/).map(Number));
    return all
      .filter(([, parent]) => parent === running.child.pid)
      .map(([pid]) => pid!)
      .toSorted((a, b) => a - b);
  }

  test('serve on one port, and end together, with 0, when told to', async () => {
    expect(await workersThatAnswer(2)).toEqual([1, 2]);
    expect(await running.end('SIGTERM')).toEqual({ code: 0, signal: null });
    await expect(fetch(`${url}/health/live`)).rejects.toThrow('fetch failed');
    expect(entries().filter(({ msg }) => msg === 'A worker ended and will be replaced')).toEqual(
      [],
    );
  });

  test('a killed worker is replaced, later each time, while the other one serves', async () => {
    expect(await workersThatAnswer(2)).toEqual([1, 2]);
    process.kill(processes()[0]!, 'SIGKILL');
    await running.until('will be replaced');
    expect(await workersThatAnswer(2, entries().length)).toEqual([2, 3]);
    process.kill(processes()[1]!, 'SIGKILL');
    await running.until('"delayMs":1000');
    expect(await workersThatAnswer(2, entries().length)).toEqual([2, 4]);
    const ends = entries().filter(({ msg }) => msg === 'A worker ended and will be replaced');
    expect(ends).toMatchObject([
      { worker: 1, signal: 'SIGKILL', delayMs: 500 },
      { worker: 3, signal: 'SIGKILL', delayMs: 1_000 },
    ]);
    expect(await running.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test('name themselves in every series of their metrics', async () => {
    await workersThatAnswer(2);
    const seen = new Set<string | undefined>();
    for (let round = 0; round < 150 && seen.size < 2; round += 1) {
      const response = await fetch(`${url}/metrics`, {
        headers: { authorization: `Bearer ${METRICS_TOKEN}`, connection: 'close' },
      });
      const series = (await response.text())
        .split('\n')
        .filter(line => line !== '' && !line.startsWith('#'));
      const workers = new Set(series.map(line => /[{,]worker="(\d+)"/.exec(line)?.[1]));
      expect(workers.size).toBe(1);
      for (const worker of workers) seen.add(worker);
      await sleep(100);
    }
    expect([...seen].toSorted()).toEqual(['1', '2']);
  });

  test('count together what a key may ask in a minute', async () => {
    const operator = new Client(url, OPERATOR_TOKEN);
    const { createTenant } = await operator.data(
      'mutation ($input: CreateTenantInput!) { createTenant(input: $input) { tenant { id } } }',
      { input: { name: 'Counted' } },
    );
    const input = {
      tenantId: createTenant.tenant.id,
      name: 'Counted',
      scopes: ['READ'],
      rateLimitRpm: 60,
    };
    const { createApiKey } = await operator.data(
      'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
      { input },
    );
    await workersThatAnswer(2);
    const seconds = new Date().getSeconds();
    if (seconds > 40) await sleep((61 - seconds) * 1_000);
    const ask = async (headers: Record<string, string> = {}): Promise<number> =>
      (
        await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${createApiKey.secret}`,
            ...headers,
          },
          body: '{"query":"{ viewer { kind } }"}',
        })
      ).status;
    const statuses = await Promise.all(Array.from({ length: 140 }, () => ask()));
    // One of them may still hold some of what it took: on connections of their own they take turns.
    for (let more = 0; more < 20; more += 1) statuses.push(await ask({ connection: 'close' }));
    const served = statuses.filter(status => status === 200).length;
    expect(served).toBeGreaterThanOrEqual(60);
    expect(served).toBeLessThanOrEqual(66);
    expect(statuses.filter(status => status === 429)).toHaveLength(statuses.length - served);
  });
});

describe.runIf(onPostgres)('what is wrong with the database', () => {
  test('is said once, before any worker starts', async () => {
    const commands = new Commands();
    const database = await freshDatabase();
    try {
      const { code, out, err } = await commands
        .weaver({ ...database.env, WEAVER_WORKERS: '2', PORT: '0' }, 'serve')
        .outcome();
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err.match(/has not been set up for Weaver yet/g)).toHaveLength(1);
    } finally {
      await commands.close();
      await database.close();
    }
  });
});
