import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../../src/base/app-error.js';
import { decodeCursor, encodeCursor, type Position } from '../../../src/graphql/cursor.js';

const ORDER = 'documents: createdAt desc, id desc';
const POSITION: Position = [
  '2026-01-31 09:30:00.123456+00',
  null,
  '0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10',
];
const CURSOR = encodeCursor(ORDER, POSITION);

const isPosition = (value: unknown): value is Position => Array.isArray(value);
const anyPosition = fc.array(fc.option(fc.string({ unit: 'grapheme' })), {
  minLength: 1,
  maxLength: 4,
});

function refusalOf(cursor: string, order = ORDER): AppError {
  try {
    decodeCursor('after', order, cursor, isPosition);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error(`The cursor "${cursor}" was taken.`);
}

describe('a cursor', () => {
  test('gives its position back, whatever the texts in it', () => {
    fc.assert(
      fc.property(
        anyPosition,
        position =>
          void expect(
            decodeCursor('after', ORDER, encodeCursor(ORDER, position), isPosition),
          ).toEqual(position),
      ),
    );
  });

  test('needs no escaping in a URL', () => {
    fc.assert(
      fc.property(
        anyPosition,
        position => void expect(encodeCursor(ORDER, position)).toMatch(/^[\w-]+$/),
      ),
    );
  });

  test('is refused in another list or order', () => {
    for (const order of [
      'bots: createdAt desc, id desc',
      'documents: createdAt asc, id asc',
      'documents: filename desc, id desc',
      'documents: createdAt desc',
      '',
    ]) {
      expect(refusalOf(CURSOR, order)).toMatchObject({ code: 'BAD_USER_INPUT', field: 'after' });
    }
  });

  test('is refused with any bit of it flipped', () => {
    const bytes = Buffer.from(CURSOR, 'base64url');
    for (let index = 0; index < bytes.length; index += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const flipped = Buffer.from(bytes);
        flipped[index]! ^= 1 << bit;
        expect(refusalOf(flipped.toString('base64url'))).toMatchObject({
          code: 'BAD_USER_INPUT',
          field: 'after',
        });
      }
    }
  });

  test('is refused when cut anywhere', () => {
    for (let length = 0; length < CURSOR.length; length += 1) {
      expect(refusalOf(CURSOR.slice(0, length)).code).toBe('BAD_USER_INPUT');
      expect(refusalOf(CURSOR.slice(CURSOR.length - length)).code).toBe('BAD_USER_INPUT');
    }
  });

  test('is refused with anything added or written in another alphabet', () => {
    const plain = Buffer.from(CURSOR, 'base64url').toString('base64');
    for (const cursor of [
      `${CURSOR}=`,
      `${CURSOR}A`,
      ` ${CURSOR}`,
      `${CURSOR}\n`,
      CURSOR + CURSOR,
      plain,
      CURSOR.toUpperCase(),
    ]) {
      if (cursor !== CURSOR) expect(refusalOf(cursor).code).toBe('BAD_USER_INPUT');
    }
  });

  test('is refused when it was never one', () => {
    for (const cursor of ['', 'abc', '0', 'null', 'é', '😀', 'A'.repeat(1_000_000)])
      expect(refusalOf(cursor).code).toBe('BAD_USER_INPUT');
  });
});
