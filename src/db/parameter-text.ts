/**
 * A statement's parameter as it goes to PostgreSQL: text, or bytes in the binary form of their
 * type. Objects say by `toPostgres` what they are; others are JSON.
 */
export function parameterText(value: unknown): string | Buffer | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'undefined':
      return null;
    case 'object':
      if (value === null || Buffer.isBuffer(value)) return value;
      if (Array.isArray(value)) return arrayText(value);
      if (value instanceof Date) return value.toISOString();
      if ('toPostgres' in value)
        return parameterText((value as { toPostgres(): unknown }).toPostgres());
      return JSON.stringify(value);
    default:
      throw new TypeError(`A parameter cannot be a ${typeof value}.`);
  }
}

/**
 * What needs no quotes in an array: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
const PLAIN = /^[\w.:+-]+$/;

function arrayText(items: readonly unknown[]): string {
  return `{${items.map(itemText).join()}}`;
}

function itemText(item: unknown): string {
  if (Array.isArray(item)) return arrayText(item);
  const text = parameterText(item);
  if (text === null) return 'NULL';
  if (Buffer.isBuffer(text)) return `"\\\\x${text.toString('hex')}"`;
  return PLAIN.test(text) && !/^null$/i.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
