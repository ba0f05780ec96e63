/**
 * What each pattern of the CRD means, in words that complete "must be". A regular expression tells an author what is
 * wrong, not how to mend it.
 */
export const patternWords: ReadonlyMap<string, string> = new Map([
  [
    String.raw`^https://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?(/([A-Za-z0-9._~!$&()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?$`,
    'an https URL with a lower-case host and without user, query and fragment',
  ],
  [
    String.raw`^https://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?(/([A-Za-z0-9._~!$&()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?([?]([A-Za-z0-9._~!$&()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$`,
    'an https URL with a lower-case host and without user and fragment',
  ],
  [
    String.raw`^https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~-]+)*$`,
    'a URL with a lower-case host and without trailing slash, percent-encoding, user, query and fragment',
  ],
  ['^[!-~]+$', 'printable ASCII characters without spaces'],
  [
    String.raw`^[!#-\[\]-~]+$`,
    'one scope: printable ASCII characters without spaces, double quotes and backslashes',
  ],
  ['^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$', 'the name of an object: lower-case letters, digits, dots and hyphens'],
  ['^[A-Za-z0-9._-]+$', 'a key of a ConfigMap: letters, digits, dots, underscores and hyphens'],
  [
    '^[a-z]([a-z0-9-]*[a-z0-9])?$',
    'the name of a Service: lower-case letters, digits and hyphens, a letter first',
  ],
  ['^/[A-Za-z0-9._~/-]*$', 'an absolute path of letters, digits and . _ ~ - /'],
  ['^([0-9]{1,3}m)?([0-9]{1,3}s)?$', 'a duration in minutes and seconds, such as 60s, 5m or 1m30s'],
]);
