import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { networkOf } from '../../../src/rate-limits/network-of.js';

describe('networkOf', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:207', '192.0.2.7'],
    ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::2', '2001:db8:0:0::/64'],
    ['2001:DB8:0:0::9', '2001:db8:0:0::/64'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:3:4:5::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['fe80::2', 'fe80:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test.each(['', 'unix:', '/run/weaver.sock', 'unknown', '1.2.3.4.5', ':::', '2001:db8::1::2'])(
    'of "%s", which is no address, is that itself',
    text => {
      expect(networkOf(text)).toBe(text);
    },
  );

  test('is the same for all addresses of a /64, in any spelling, and differs for others', () => {
    const part = fc.integer({ min: 1, max: 0xfffe });
    const four = fc.tuple(part, part, part, part);
    const hex = (parts: readonly number[]): string => parts.map(one => one.toString(16)).join(':');
    fc.assert(
      fc.property(four, four, part, (network, host, last) => {
        const full = networkOf(`${hex(network)}:${hex(host)}`);
        expect(networkOf(`${hex(network)}::${last.toString(16)}`.toUpperCase())).toBe(full);
        const other = [...network.slice(0, 3), 1];
        if (network[3] !== 1) expect(networkOf(`${hex(other)}:${hex(host)}`)).not.toBe(full);
      }),
    );
  });
});
