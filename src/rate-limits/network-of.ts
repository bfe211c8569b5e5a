import ipaddr from 'ipaddr.js';

/**
 * The network whose addresses count as one caller's, in one spelling: of IPv6 the /64, since
 * whoever has one address there has all; of IPv4, also mapped into IPv6, the address itself. What
 * is no address, such as the path of a socket, stays as it is.
 */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${(parsed as ipaddr.IPv6).parts
    .slice(0, 4)
    .map(part => part.toString(16))
    .join(':')}::/64`;
}
