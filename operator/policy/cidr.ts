const ipv4Form = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Whether a text is an address range such as `10.20.0.0/16` or `fd00::/8`. */
export function isCidr(text: string): boolean {
  const [, address = '', prefix = ''] = /^([0-9a-f:.]+)\/(\d{1,3})$/.exec(text) ?? [];
  if (address === '') return false;
  const quads = ipv4Form.exec(address);
  if (quads !== null) return quads.slice(1).every((quad) => Number(quad) <= 255) && Number(prefix) <= 32;
  return address.includes(':') && URL.canParse(`http://[${address}]/`) && Number(prefix) <= 128;
}
