import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashOf, newKey, prefixOf } from '../../../src/api-keys/key-format.js';

describe('newKey', () => {
  test('makes a key that is recognised by its prefix', () => {
    const { secret, prefix, hash } = newKey();
    expect(secret).toMatch(/^wvr_[0-9A-Za-z]{8}_[0-9A-Za-z_-]{43}[0-9a-f]{6}$/);
    expect(prefixOf(secret)).toBe(prefix);
    expect(secret.startsWith(`${prefix}_`)).toBe(true);
    expect(hash).toBe(hashOf(secret));
  });

  test('makes another one each time, whose prefix and hash tell nothing of the rest', () => {
    const keys = Array.from({ length: 200 }, () => newKey());
    for (const part of ['secret', 'prefix', 'hash'] as const)
      expect(new Set(keys.map(key => key[part])).size).toBe(200);
    for (const { secret, prefix, hash } of keys) {
      expect(prefix).toHaveLength(12);
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
      expect(secret).not.toContain(hash);
    }
  });

  test('takes 256 bits for the secret from the given source', () => {
    const sizes: number[] = [];
    const random = (size: number): Buffer => (sizes.push(size), Buffer.alloc(size, 7));
    expect(newKey(random).secret).toBe(newKey(random).secret);
    expect(sizes.slice(0, 2)).toEqual([8, 32]);
  });
});

describe('prefixOf', () => {
  const { secret } = newKey();

  test('notices every single mistyped character', () => {
    for (let place = 0; place < secret.length; place += 1) {
      const mistyped =
        secret.slice(0, place) + (secret[place] === 'a' ? 'b' : 'a') + secret.slice(place + 1);
      expect(prefixOf(mistyped), `place ${place}`).toBeUndefined();
    }
  });

  test('notices characters that changed places, are missing or too many', () => {
    const swapped = secret.slice(0, 30) + secret[31]! + secret[30]! + secret.slice(32);
    if (swapped !== secret) expect(prefixOf(swapped)).toBeUndefined();
    for (const wrong of [
      secret.slice(1),
      secret.slice(0, -1),
      `${secret}0`,
      ` ${secret}`,
      `${secret}\n`,
      secret.replace('wvr', 'WVR'),
      secret.slice(0, 13) + secret.slice(14),
    ]) {
      expect(prefixOf(wrong), JSON.stringify(wrong)).toBeUndefined();
    }
  });

  test('is undefined for any other text, at once', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 200 }),
        text => prefixOf(text) === undefined && prefixOf(`wvr_${text}`) === undefined,
      ),
    );
    expect(prefixOf(`wvr_${'A'.repeat(1_000_000)}`)).toBeUndefined();
  });
});
