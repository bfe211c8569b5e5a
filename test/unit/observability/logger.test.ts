import { describe, expect, test } from 'vitest';
import { collectLog } from '../../support/log-lines.js';

/** The error as it is in the log's only line, and the line. */
function logged(err: unknown): { err: any; line: string } {
  const { log, lines, entries } = collectLog();
  log.error({ err }, 'Unexpected error');
  return { err: entries()[0]!.err, line: lines[0]! };
}

describe('the log', () => {
  test('is one line of JSON for each entry, whatever is in it', () => {
    const { line } = logged(new Error('Two\nlines'));
    expect(line.trimEnd()).not.toContain('\n');
    expect(JSON.parse(line)).toMatchObject({
      level: 50,
      msg: 'Unexpected error',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  test('has no character that a terminal obeys, and is the same when it is read', () => {
    const text = '\x1b[2J\x9b31m\x7f\u202e\u2028';
    const { log, lines, entries } = collectLog();
    log.warn({ path: text, err: new Error(text) }, text);
    expect(lines[0]!.trimEnd()).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
    expect(entries()).toMatchObject([{ path: text, msg: text, err: { message: text } }]);
  });

  test('says where an error is from and what caused it', () => {
    const { err } = logged(new TypeError('Outer', { cause: new RangeError('Inner') }));
    expect(err).toEqual({
      type: 'TypeError',
      message: 'Outer',
      stack: expect.stringContaining('logger.test.ts'),
      cause: {
        type: 'RangeError',
        message: 'Inner',
        stack: expect.stringContaining('logger.test.ts'),
      },
    });
  });

  test('does not hold the statement, values and rows that a driver puts into errors', () => {
    const error = Object.assign(
      new Error('duplicate key value violates unique constraint "api_keys_prefix_unique"'),
      {
        code: '23505',
        constraint: 'api_keys_prefix_unique',
        table: 'api_keys',
        detail: 'Key (key_prefix)=(secret) exists.',
        query: `insert 'secret'`,
        params: ['secret'],
        where: 'secret',
        hint: 'secret',
      },
    );
    const { err, line } = logged(error);
    expect(err).toMatchObject({
      code: '23505',
      constraint: 'api_keys_prefix_unique',
      table: 'api_keys',
    });
    expect(line).not.toContain('secret');
  });

  test('does not quote a value that PostgreSQL could not read, in message or stack', () => {
    const error = Object.assign(
      new Error('invalid input syntax for type uuid: "my secret"\n "second" line"'),
      { code: '22P02' },
    );
    const { err, line } = logged(error);
    expect(err.message).toBe('invalid input syntax for type uuid: "…"');
    expect(err.stack).toContain('logger.test.ts');
    expect(line).not.toMatch(/secret|second/);
  });

  test('ends with causes that go round', () => {
    const error = new Error('Round');
    error.cause = error;
    expect(logged(error).line.length).toBeLessThan(20_000);
  });
});
