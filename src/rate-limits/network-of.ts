import ipaddr from 'ipaddr.js';

/**
 * The network whose addresses count as one caller, in one spelling: the /64 of an IPv6 address,
 * because one subscriber has all of it; an IPv4 address itself, also if it is mapped into IPv6.
 * Other values, such as the path of a socket, are returned unchanged.
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
