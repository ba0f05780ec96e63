/** The parts of a URL that every parser reads in the same way, each as it was written. */
export interface StrictUrl {
  readonly scheme: 'http' | 'https';
  /** Lower-case; an IPv6 address has its brackets. */
  readonly hostname: string;
  /** Only when it was written. */
  readonly port?: number;
  /** Empty, or starts with a slash. */
  readonly path: string;
  /** Without the question mark; only when there is one. */
  readonly query?: string;
}

const maxLength = 2048;

const label = '[a-z0-9_]+(?:-+[a-z0-9_]+)*';
const escaped = '%[0-9A-Fa-f]{2}';

// Neighbours never share a character, so that the time to match grows with the length only.
const strictUrl = new RegExp(
  [
    '^(?<scheme>https?)://',
    `(?<hostname>${label}(?:[.]${label})*|\\[[0-9a-f:.]+\\])`,
    '(?::(?<port>[1-9][0-9]{0,4}))?',
    `(?<path>(?:/(?:[A-Za-z0-9._~!$&()*+,;=:@/-]|${escaped})*)?)`,
    `(?:[?](?<query>(?:[A-Za-z0-9._~!$&()*+,;=:@/?-]|${escaped})*))?$`,
  ].join(''),
  'u',
);

// An IPv4 address in the clothes of IPv6: a second spelling.
const mappedIpv4 = /^\[::ffff:[0-9a-f]{1,4}:[0-9a-f]{1,4}\]$/;

/**
 * Parses an http or https URL that can be read in one way only. Refused are, among others, user and fragment, upper
 * case in the host, unusual spellings of addresses, dot segments, and more than 2048 characters.
 *
 * @returns the parts as written, or undefined when the URL Standard's parser fails or would change any of them; only
 *   the scheme's own port may be written
 */
export function parseStrictUrl(text: string): StrictUrl | undefined {
  const parts = text.length > maxLength ? undefined : strictUrl.exec(text)?.groups;
  if (parts === undefined || !URL.canParse(text)) {
    return undefined;
  }
  const { scheme = '', hostname = '', port, path = '', query } = parts;
  const seen = new URL(text);
  const seenPort = seen.port || (scheme === 'https' ? '443' : '80');
  const isSame =
    seen.hostname === hostname &&
    (port ?? seenPort) === seenPort &&
    seen.pathname === (path || '/') &&
    seen.search === (query ? `?${query}` : '');
  if (!isSame || mappedIpv4.test(hostname)) {
    return undefined;
  }
  return {
    scheme: scheme === 'https' ? 'https' : 'http',
    hostname,
    ...(port === undefined ? {} : { port: Number(port) }),
    path,
    ...(query === undefined ? {} : { query }),
  };
}
