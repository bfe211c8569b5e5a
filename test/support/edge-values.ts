/** Numbers, texts and structures at and beyond the edge of what each scalar takes. Small ones stand first: whoever samples, takes those too. */
const TEXTS: readonly unknown[] = [
  '', ' ', '\t\n', '%', '_', '\\', "'", "'; drop table tenants; --", '$1', '?', '{}', '{a,b}', 'null', '\u0000', 'a\u0000b', '\ud800', '\udc00x', '\ufeff', '\u202e', '👩‍👩‍👧‍👦',
  'é'.repeat(256), '𝒳'.repeat(255), 'x'.repeat(255), 'x'.repeat(256), 'x'.repeat(501), 'x'.repeat(1_001), 'x'.repeat(8_001), 'x'.repeat(60_000), '"'.repeat(1_000), '((((((', 'a & | ! <->', '<script>alert(1)</script>', '-'.repeat(5_000),
  0, 1, true, [], {}, ['x'],
];

export const EDGE_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  ID: ['', 'x', '0', '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '0198C7A2-5C1E-7D3A-9F52-0F6F2F6F3A10', '{0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10}', '0198c7a25c1e7d3a9f520f6f2f6f3a10', 'urn:uuid:0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10', ' 0198c7a2-5c1e-7d3a-9f52-0f6f2f6f3a10', '\u0000', '\ud800', "' or 1=1", 'x'.repeat(10_000), 0, -1, 2 ** 53, 1.5, true, [], {}, null],
  String: [...TEXTS, null],
  Int: [0, -0, 1, -1, 2, 99, 100, 101, 500, 501, 2_147_483_647, -2_147_483_648, 2_147_483_648, 1e21, 1.5, '1', true, [], {}, null],
  Float: [0, -0, 1, -1, 1.0000001, -1.0000001, 0.1, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 1e39, 2 ** 53 + 1, '0.5', true, [], {}, null],
  Boolean: [true, false, 0, 1, 'true', '', [], {}, null],
  DateTime: ['', 'now', 'infinity', '-infinity', '2026-01-31', '2026-01-31T00:00:00', '2026-02-30T00:00:00Z', '2026-01-31T24:00:00Z', '2026-01-31T23:59:60Z', '0001-01-01T00:00:00Z', '0000-01-01T00:00:00Z', '-0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.9999999Z', '+010000-01-01T00:00:00Z', '2026-01-31T09:30:00.123456+15:59', '2026-01-31T09:30:00-16:00', '2026-01-31 09:30:00Z', '\u0000', 0, 1e15, true, [], {}, null],
  BigInt: [0, -1, 1, 2 ** 53 - 1, 2 ** 53, 1.5, '9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809', '1e3', ' 1', '0x10', '', 'x', '9'.repeat(1_000), true, [], {}, null],
  JSONObject: [{}, { a: null }, { '': '' }, { a: '\u0000' }, { '\u0000': 1 }, { a: '\ud800' }, JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{}}}'), { a: 1e308 }, nested(20), nested(90), nested(500), { a: 'x'.repeat(60_000) }, wide(2_000), { a: [[[[]]]] }, [], 'x', 0, true, null],
  Vector: [[], [0], [1], vector(1_536, 0), vector(1_536, 1), vector(1_536, 1e-30), vector(1_536, 1e300), vector(1_536, 65_505), vector(1_535, 1), vector(1_537, 1), vector(768, 0.5), [null], ['1'], [[1]], [1, 'x'], 'x', 0, {}, null],
  MetadataValue: ['', 'x', '\u0000', '\ud800', 'x'.repeat(60_000), 0, -0, 1e308, 2 ** 53, 1.5, true, false, [], {}, null],
  UUID: ['', 'x', '00000000-0000-0000-0000-000000000000', 0, null],
};

function nested(depth: number): unknown {
  return Array.from({ length: depth }).reduce<unknown>(inner => ({ a: inner }), {});
}

function wide(members: number): unknown {
  return Object.fromEntries(Array.from({ length: members }, (_, index) => [`k${index}`, index]));
}

function vector(length: number, value: number): number[] {
  return Array.from({ length }, () => value);
}

/** Lists of a value at the edge: none, the value, one more than any list takes, and the list in itself. */
export function edgeLists(value: unknown): readonly unknown[] {
  return [[], [value], Array.from({ length: 101 }, () => value), Array.from({ length: 501 }, () => value), [[value]], [null], null, value];
}
