// A quad with leading zeros is octal to some and decimal to others: no address is compared with it.
const ipv4Form = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

/** What {@link isCidr} asks for, for people. */
export const cidrForm =
  'an address range such as 10.20.0.0/16 or fd00::/8, without leading zeros, IPv4 not written as IPv6';

/** Whether a text is an address range that addresses can be found in. */
export function isCidr(text: string): boolean {
  const [, address = '', prefix = ''] = /^([0-9a-f:.]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  if (address === '') return false;
  return isAddress(address) && Number(prefix) <= (address.includes(':') ? 128 : 32);
}

/** Whether a text is one IPv4 or IPv6 address, without brackets, that everybody reads in the same way. */
export function isAddress(text: string): boolean {
  const quads = ipv4Form.exec(text);
  if (quads !== null) return quads.slice(1).every((quad) => Number(quad) <= 255);
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/.test(text) || !URL.canParse(`http://[${text}]/`)) return false;
  return !isMappedIpv4(new URL(`http://[${text}]/`).hostname);
}

/** `::ffff:10.0.0.0` and its like: such addresses are compared as IPv4, so the range would hold none. */
function isMappedIpv4(hostname: string): boolean {
  return /^\[::ffff:[0-9a-f]+:[0-9a-f]+\]$/.test(hostname);
}
