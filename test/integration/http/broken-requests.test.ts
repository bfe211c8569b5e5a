import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  Commands,
  freshDatabase,
  type FreshDatabase,
  type Running,
} from '../../support/command.js';
import { OPERATOR_TOKEN } from '../../support/config.js';
import { RawConnection } from '../../support/raw-connection.js';

const commands = new Commands();
let database: FreshDatabase;
let gateway: Running;
let url: string;

beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  gateway = commands.weaver(
    {
      ...database.env,
      PORT: '0',
      LOG_LEVEL: 'info',
      WEAVER_OPERATOR_TOKEN: OPERATOR_TOKEN,
      WEAVER_MAX_ANONYMOUS_RPM: '1000000',
      WEAVER_MAX_FAILED_TOKENS_RPM: '1000000',
      WEAVER_MAX_REQUEST_MS: '5000',
    },
    'serve',
  );
  await gateway.until('/graphql\n');
  url = /GraphQL +(\S+)\/graphql/.exec(gateway.out)![1]!;
});
afterAll(async () => {
  await commands.close();
  await database.close();
});

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'BREW'];
const TYPES = [
  '',
  'application/json',
  'application/json; charset=utf-16',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'nonsense',
];
const OPERATION = '{"query":"{ __typename }"}';
const CHUNKED = 'transfer-encoding: chunked\r\n';
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

type End = 'stay' | 'end' | 'reset';

/** A body by its headers and bytes, and what its sender does then. */
const BODIES: Record<string, readonly [headers: string, bytes: string, end: End]> = {
  'a chunk without a length': [CHUNKED, 'zz\r\n', 'stay'],
  'a good chunk, then one without a length': [CHUNKED, `${chunk(OPERATION)}-5\r\n`, 'stay'],
  'a chunk that is longer than it said': [CHUNKED, '3\r\nabcdef\r\n', 'stay'],
  'half a chunk, then the end': [CHUNKED, '64\r\n{"query"', 'end'],
  'half a chunk, then a reset': [CHUNKED, '64\r\n{"query"', 'reset'],
  'half a length, then the end': ['content-length: 1000\r\n', '{"query"', 'end'],
  'half of a large length, then a reset': [
    'content-length: 1000000\r\n',
    `{"query": "${'x'.repeat(50_000)}`,
    'reset',
  ],
  'a length and chunks': [`content-length: 5\r\n${CHUNKED}`, chunk(OPERATION), 'stay'],
  'a length that is none': ['content-length: many\r\n', OPERATION, 'stay'],
  'an encoding that is unknown': ['transfer-encoding: gzip\r\n', OPERATION, 'stay'],
  'bytes that should be gzip': [
    `content-encoding: gzip\r\n${CHUNKED}`,
    `${chunk('no gzip at all')}zz\r\n`,
    'stay',
  ],
  'an extension without an end': [CHUNKED, `5;${'x'.repeat(40_000)}\r\n`, 'stay'],
};

interface Case {
  readonly name: string;
  readonly head: string;
  readonly bytes: string;
  readonly end: End;
}

const CASES: Case[] = METHODS.flatMap(method =>
  TYPES.flatMap(type =>
    Object.entries(BODIES).flatMap(([body, [headers, bytes, end]]) =>
      ['', `authorization: Bearer ${OPERATOR_TOKEN}\r\n`].map(token => ({
        name:
          `${method} ${type || 'without a type'}, ${body}, ` +
          `${token ? 'with' : 'without'} a token`,
        head:
          `${method} /graphql HTTP/1.1\r\nhost: ` +
          `x\r\n${type && `content-type: ${type}\r\n`}${headers}${token}\r\n`,
        bytes,
        end,
      })),
    ),
  ),
);

/** What came of a case: the status of the answer, or that the connection was closed. */
async function send({ head, bytes, end }: Case): Promise<number | 'closed'> {
  const connection = new RawConnection(url);
  await connection.opened;
  // Head and body apart, so that the head has been heard when the body breaks.
  connection.send(head);
  await sleep(2);
  connection.send(bytes);
  if (end === 'end') connection.socket.end();
  if (end === 'reset') setTimeout(() => connection.socket.resetAndDestroy(), 5);
  await Promise.race([connection.closed, connection.until('\r\n\r\n').catch(() => {})]);
  connection.socket.destroy();
  await connection.closed;
  return connection.statuses[0] ?? 'closed';
}

const entries = (): Record<string, any>[] =>
  gateway.out
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Record<string, any>);

describe('the gateway', () => {
  test(
    'outlives bodies that break off, are malformed or of another kind, and logs no error',
    { timeout: 240_000 },
    async () => {
      expect(CASES.length).toBeGreaterThan(1_000);
      const outcomes = new Map<string, number | 'closed'>();
      const left = [...CASES];
      const work = async (): Promise<void> => {
        for (let one = left.pop(); one; one = left.pop()) outcomes.set(one.name, await send(one));
      };
      await Promise.all(Array.from({ length: 24 }, work));

      const wrong = [...outcomes].filter(
        ([, outcome]) => outcome !== 'closed' && (outcome < 200 || outcome >= 500),
      );
      expect(wrong).toEqual([]);
      expect(gateway.child.exitCode, gateway.err).toBeNull();
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);
      const answer = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${OPERATOR_TOKEN}` },
        body: '{"query":"{ viewer { kind } }"}',
      });
      expect([answer.status, await answer.json()]).toEqual([
        200,
        { data: { viewer: { kind: 'OPERATOR' } } },
      ]);
      await expect
        .poll(
          () => entries().filter(({ msg, status }) => msg === 'request' && status === 200).length,
        )
        .toBeGreaterThan(0);
      expect(
        entries().filter(({ level, requestId }) => level >= (requestId === undefined ? 50 : 40)),
      ).toEqual([]);
      expect(gateway.err).not.toMatch(/\bat .*:\d+:\d+/);
    },
  );

  test('names in the log each answer to what is no request', async () => {
    const connection = new RawConnection(url).send('HELO weaver\r\n\r\n');
    await connection.until('requestId');
    const { errors } = JSON.parse(
      connection.received.slice(connection.received.indexOf('\r\n\r\n') + 4),
    ) as { errors: { extensions: { requestId: string } }[] };
    await expect
      .poll(() =>
        entries().filter(({ requestId }) => requestId === errors[0]!.extensions.requestId),
      )
      .toMatchObject([
        { level: 30, msg: 'not a request', status: 400, reason: 'HPE_INVALID_METHOD' },
      ]);
  });
});
