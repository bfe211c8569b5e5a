import { describe, expect, test } from 'vitest';
import {
  authenticator,
  invalidToken,
  type AuthRequest,
  type AuthStrategy,
} from '../../../src/auth/authenticate.js';
import { operatorStrategy } from '../../../src/auth/operator-strategy.js';

/** Strategies here look nothing up. */
const request = (headers: Record<string, string> = {}): AuthRequest => ({
  headers,
  address: '127.0.0.1',
  lookUp: undefined as never,
});
const TOKEN = 'an-operator-token-of-more-than-32-characters';

describe('authenticator', () => {
  /**
   * Accepts tokens that begin with its name, refuses those that go on with "bad", and notes what it
   * was asked.
   */
  function strategy(name: string, asked: string[]): AuthStrategy {
    return async token => {
      asked.push(name);
      if (!token.startsWith(name)) return null;
      if (token.startsWith(`${name}-bad`)) throw invalidToken();
      return { kind: 'operator' };
    };
  }

  test('asks one strategy after the other, up to the one whose kind of token it is', async () => {
    const asked: string[] = [];
    const authenticate = authenticator([
      strategy('a', asked),
      strategy('b', asked),
      strategy('c', asked),
    ]);
    expect(await authenticate(request({ authorization: 'Bearer b-good' }))).toEqual({
      kind: 'operator',
    });
    await expect(authenticate(request({ authorization: 'Bearer b-bad' }))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect(asked).toEqual(['a', 'b', 'a', 'b']);
  });

  test('refuses a token that no strategy knows in the words of one that is refused', async () => {
    const known = await authenticator([strategy('a', [])])(
      request({ authorization: 'Bearer a-bad' }),
    ).catch(error => error);
    const unknown = await authenticator([])(request({ 'x-api-key': 'anything' })).catch(
      error => error,
    );
    expect(unknown).toMatchObject({ code: known.code, message: known.message });
  });

  test('asks no strategy about nothing, nor about a token longer than any of ours', async () => {
    const asked: string[] = [];
    const authenticate = authenticator([strategy('a', asked)]);
    expect(await authenticate(request())).toEqual({ kind: 'nobody' });
    await expect(authenticate(request({ 'x-api-key': 'a'.repeat(8_193) }))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect(asked).toEqual([]);
    expect(await authenticate(request({ 'x-api-key': 'a'.repeat(8_192) }))).toEqual({
      kind: 'operator',
    });
  });

  test('passes on what a strategy throws for other reasons than the token', async () => {
    const broken = new Error('The database is gone.');
    await expect(
      authenticator([async () => Promise.reject(broken)])(request({ 'x-api-key': 'a' })),
    ).rejects.toBe(broken);
  });
});

describe('operatorStrategy', () => {
  test('knows its token and no other, of whatever length', async () => {
    const recognise = operatorStrategy(TOKEN);
    expect(await recognise(TOKEN, request())).toEqual({ kind: 'operator' });
    for (const other of [
      '',
      TOKEN.slice(1),
      TOKEN.slice(0, -1),
      `${TOKEN} `,
      TOKEN.toUpperCase(),
      'x'.repeat(10_000),
    ])
      expect(await recognise(other, request())).toBeNull();
  });
});
