import { BlockList, isIP, SocketAddress } from 'node:net';
import type { OutboundRule } from '../policy/outbound-rule.ts';

/** Where a connection would go. */
export interface Destination {
  /** As a URL writes it: lower case, an IPv6 literal with or without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** A destination together with one of the addresses that its host resolved to. */
export interface Connection extends Destination {
  readonly address: string;
}

/** IANA IPv4 special-purpose registry and multicast, and the address of the Azure host that any virtual machine there reaches. */
const ipv4NotPublic = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '168.63.129.16/32',
];

/** Global unicast is the only public part of IPv6; NAT64, compatible, local and multicast addresses lie outside it. */
const ipv6Global = ['2000::/3'];

/** Within it: protocol assignments with Teredo, documentation, 6to4, documentation again, AS112. */
const ipv6NotPublic = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '2620:4f:8000::/48'];

/**
 * Whether an address is one of the public internet.
 *
 * @param address - in any spelling of `node:net`; an IPv4-mapped IPv6 address counts as the IPv4 address that it leads to.
 */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address);
  return parsed !== undefined && isPublic(parsed);
}

/** Whether two texts are the same address. */
export function isSameAddress(one: string, other: string): boolean {
  const [a, b] = [parseAddress(one), parseAddress(other)];
  return a !== undefined && a.text === b?.text;
}

/** Whether there can be any address for which {@link judgeConnection} says yes: if not, nothing need be resolved. */
export function judgeDestination(destination: Destination, rules: readonly OutboundRule[]): boolean {
  return isDefaultDestination(destination) || rules.some((rule) => coversDestination(rule, destination));
}

/**
 * Decides whether a connection may be made: without rules only to a DNS name, on port 443, at a public address; else
 * when one rule covers host, port and address together. Two rules never add up.
 */
export function judgeConnection(connection: Connection, rules: readonly OutboundRule[]): boolean {
  const address = parseAddress(connection.address);
  if (address === undefined) return false;
  if (isPublic(address)) return judgeDestination(connection, rules);
  return rules.some(
    (rule) => coversDestination(rule, connection) && rule.cidrs.some((cidr) => isInRange(address, cidr)),
  );
}

/** Whether a rule names the host: exactly, or below a suffix. `*` does not name anything. */
export function isNamedHost(host: string, rules: readonly OutboundRule[]): boolean {
  return rules.some((rule) => rule.hosts.some((pattern) => pattern !== '*' && hostMatches(pattern, host)));
}

/** A DNS name has a dot; what ends in a number would be read as an IPv4 address (`0x7f.1`), a final dot hides `localhost.`. */
const dnsName = /^(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*$/;

function isDefaultDestination({ host, port }: Destination): boolean {
  return port === 443 && dnsName.test(host);
}

function coversDestination(rule: OutboundRule, { host, port }: Destination): boolean {
  return rule.ports.includes(port) && rule.hosts.some((pattern) => hostMatches(pattern, host));
}

function hostMatches(pattern: string, host: string): boolean {
  if (pattern === '*' || stripBrackets(pattern) === stripBrackets(host)) return true;
  return pattern.startsWith('*.') && host.endsWith(pattern.slice(1)) && isIP(stripBrackets(host)) === 0;
}

/** The host of a URL as `node:net` and `node:tls` want it. */
export function stripBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

interface Address {
  /** The one spelling that equal addresses share. */
  readonly text: string;
  readonly family: 'ipv4' | 'ipv6';
}

function parseAddress(text: string): Address | undefined {
  const version = isIP(text);
  // A zone (`fe80::1%eth0`) says which interface: such an address is never public and no rule can name it.
  if (version === 0 || text.includes('%')) return undefined;
  if (version === 4) return { text, family: 'ipv4' };
  const canonical = new SocketAddress({ address: text, family: 'ipv6' }).address;
  const mapped = /^::ffff:([0-9.]+)$/.exec(canonical)?.[1];
  return mapped === undefined ? { text: canonical, family: 'ipv6' } : { text: mapped, family: 'ipv4' };
}

function isPublic(address: Address): boolean {
  if (address.family === 'ipv4') return !isInAny(address, ipv4NotPublic);
  return isInAny(address, ipv6Global) && !isInAny(address, ipv6NotPublic);
}

function isInAny(address: Address, cidrs: readonly string[]): boolean {
  return cidrs.some((cidr) => isInRange(address, cidr));
}

/** A range that cannot be read holds nothing. Families are kept apart: BlockList would find IPv4 addresses in `::/0`. */
function isInRange({ text, family }: Address, cidr: string): boolean {
  const [network = '', prefix = '', ...rest] = cidr.split('/');
  const bits = family === 'ipv4' ? 32 : 128;
  const isReadable = rest.length === 0 && /^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= bits;
  if (!isReadable || isIP(network) !== (family === 'ipv4' ? 4 : 6) || network.includes('%')) return false;
  const range = new BlockList();
  range.addSubnet(network, Number(prefix), family);
  return range.check(text, family);
}
