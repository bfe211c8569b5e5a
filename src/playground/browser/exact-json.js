/**
 * Like `JSON.parse`, but `JSON.stringify` writes every number as it was read: with all digits of
 * integers beyond 2^53, and `1e400`, which a double cannot hold. In browsers without `JSON.rawJSON`
 * (older than 2025) such numbers are those of JavaScript, as on most web pages.
 */
export function parse(text) {
  if (!JSON.rawJSON) return JSON.parse(text);
  return JSON.parse(text, (_, value, { source }) =>
    typeof value === 'number' && JSON.stringify(value) !== source ? JSON.rawJSON(source) : value,
  );
}
