import { StringType, Type, type Ref } from '@mikro-orm/core';

/**
 * `timestamptz` as text with its microseconds, such as `2026-11-23 09:30:00.123456+00`. A
 * JavaScript `Date` would round to milliseconds: cursors would repeat rows and `updatedAt`
 * preconditions would miss changes.
 */
export class TimestampType extends Type<string, string> {
  override getColumnType(): string {
    return 'timestamptz';
  }
  override compareAsType(): string {
    return 'string';
  }
}

/**
 * `varchar` with what people call a thing: lists have it in the order of an alphabet, where other
 * texts are compared as they are stored.
 */
export class NameType extends StringType {}

/** `tsvector`, written only by the database (a generated column). */
export class TextSearchVectorType extends Type<string, string> {
  override getColumnType(): string {
    return 'tsvector';
  }
}

/** `text[]` as an array of strings. */
export { ArrayType as TextArrayType } from '@mikro-orm/core';

/** A property of an entity as rows name it: `botId` for the relation `bot`. */
export type ColumnName<T> = {
  [K in keyof T & string]: NonNullable<T[K]> extends Ref<object> ? `${K}Id` : K;
}[keyof T & string];
