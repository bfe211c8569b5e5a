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
import { Client } from '../../support/client.js';
import {
  Commands,
  freshDatabase,
  type FreshDatabase,
  type Running,
} from '../../support/command.js';
import { OPERATOR_TOKEN } from '../../support/config.js';
import { answers, startOpenAiServer } from '../../support/openai-server.js';
import { RawConnection } from '../../support/raw-connection.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const onPostgres = inject('template').kind === 'postgres';
/**
 * Runs in the process of the gateway before it, and throws where nobody catches it when told to.
 */
const FAULT =
  "process.on('SIGUSR2', () => { throw new Error('nobody caught this'); }); " +
  "process.on('SIGHUP', () => void Promise.reject(new Error('nobody awaited this')));";

let commands: Commands;
let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
});
afterAll(() => database.close());
beforeEach(() => void (commands = new Commands()));
afterEach(() => commands.close());

async function serve(env: Record<string, string> = {}): Promise<{ gateway: Running; url: string }> {
  const gateway = commands.weaver(
    {
      ...database.env,
      PORT: '0',
      LOG_LEVEL: 'info',
      WEAVER_OPERATOR_TOKEN: OPERATOR_TOKEN,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(FAULT)}`,
      ...env,
    },
    'serve',
  );
  await gateway.until('/graphql\n');
  return { gateway, url: /GraphQL +(\S+)\/graphql/.exec(gateway.out)![1]! };
}
const entriesOf = ({ out }: Running): Record<string, any>[] =>
  out
    .split('\n')
    .filter(line => line.startsWith('{') && line.endsWith('}'))
    .map(line => JSON.parse(line) as Record<string, any>);

describe('a gateway whose output nobody reads any more', () => {
  const settings: [string, Record<string, string>][] = [
    ['with a log', {}],
    ['without a log', { LOG_LEVEL: 'silent' }],
    ...(onPostgres
      ? [['of several processes', { WEAVER_WORKERS: '2' }] as [string, Record<string, string>]]
      : []),
  ];

  test.each(settings)('ends when it is told to: %s', async (_, env) => {
    const { gateway } = await serve(env);
    gateway.child.stdout!.destroy();
    expect(await gateway.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test('goes on, whatever it has to tell, and ends when it is told to', async () => {
    const { gateway, url } = await serve();
    gateway.child.stdout!.destroy();
    gateway.child.stderr!.destroy();
    for (let round = 0; round < 30; round += 1)
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect(await gateway.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test('ends when there is an error to be told at once', async () => {
    const { gateway } = await serve();
    gateway.child.stdout!.destroy();
    expect(await gateway.end('SIGUSR2')).toEqual({ code: 1, signal: null });
  });
});

describe('an error that nobody caught', () => {
  test.each([
    ['SIGUSR2', 'uncaughtException', 'nobody caught this'],
    ['SIGHUP', 'unhandledRejection', 'nobody awaited this'],
  ] as const)(
    'ends the gateway in order, with 1, and is in the log (%s, %s)',
    async (signal, origin, message) => {
      const { gateway } = await serve();
      expect(await gateway.end(signal)).toEqual({ code: 1, signal: null });
      expect(entriesOf(gateway).filter(({ level }) => level >= 50)).toMatchObject([
        { level: 60, origin, err: { message } },
      ]);
      // The database was closed: it can be opened again at once.
      const next = await serve();
      expect(await next.gateway.end('SIGTERM')).toEqual({ code: 0, signal: null });
    },
  );

  test('lets requests in flight end, and takes no more', async () => {
    const service = await startOpenAiServer();
    try {
      const { gateway, url } = await serve({
        EMBEDDING_PROVIDER: 'openai',
        EMBEDDING_BASE_URL: service.baseUrl,
        EMBEDDING_MODEL: 'words',
        EMBEDDING_DIMENSIONS: '64',
      });
      const operator = new Client(url, OPERATOR_TOKEN);
      const { createTenant } = await operator.data(
        'mutation { createTenant(input: { name: "In flight" }) { tenant { id } } }',
      );
      const embedding = Promise.withResolvers<void>();
      const release = Promise.withResolvers<void>();
      service.always((request, response, server) => {
        embedding.resolve();
        void release.promise.then(() => answers()(request, response, server));
      });
      const body = JSON.stringify({
        query:
          `{ searchChunks(input: { text: "x", tenantId: "${createTenant.tenant.id}" }) { ` +
          'hits { chunk { id } } } }',
      });
      const inFlight = new RawConnection(url).send(
        'POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ' +
          `${OPERATOR_TOKEN}\r\ncontent-type: application/json\r\ncontent-length: ` +
          `${body.length}\r\n\r\n${body}`,
      );
      await embedding.promise;
      gateway.child.kill('SIGUSR2');
      await gateway.until('"level":60');
      await expect
        .poll(() =>
          fetch(`${url}/health/live`).then(
            () => 'answered',
            () => 'refused',
          ),
        )
        .toBe('refused');
      release.resolve();
      await inFlight.closed;
      expect(inFlight.statuses).toEqual([200]);
      expect(inFlight.received).toContain('"hits":[]');
      expect(await gateway.exited).toEqual({ code: 1, signal: null });
    } finally {
      await service.close();
    }
  });
});
