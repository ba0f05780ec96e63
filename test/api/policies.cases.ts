/**
 * Good and bad specs, judged by the decoder (`decode.test.ts`) and by a real API server (`test/cluster/crd.test.ts`).
 * Each limit has a row on either side of it.
 */

/** One spec and what is expected of everybody who judges it. */
export interface PolicyCase {
  readonly name: string;
  /** What stands at `spec`; undefined when there is nothing. */
  readonly spec: unknown;
  /** Nothing for a good spec, else each path that the decoder finds wrong, with a part of a message about it. */
  readonly errors: Readonly<Record<string, string>>;
  /** `strict`: the API server refuses it only with `fieldValidation=Strict`, and prunes the member otherwise. */
  readonly apiServer?: 'strict';
}

type Members = Readonly<Record<string, unknown>>;

const least: Members = {
  issuer: 'https://idp.example.com/realms/team-a',
  audience: 'https://mcp.example.com/team-a/kubernetes/mcp',
  mode: 'OIDC',
};

const keys = '{"keys":[]}';
const keysRef = { name: 'keys', key: 'jwks.json' };
const offline: Members = { mode: 'Offline', jwks: { inline: keys } };

const dotSegment = 'must not contain . or .. segments';
const unusualAddress = 'an address in an unusual spelling';
const badHost = 'not a valid host name or address';
const badAddress = 'canonical spelling';
const badPort = 'the port must be';
const wildcard = 'wildcards are not supported';
const httpsUrl = 'must be an https URL';

/** The table; each name is there once. */
export const policyCases: readonly PolicyCase[] = [
  good('only what is required', {}),
  good('everything', {
    additionalAudiences: ['app-1', 'app-2'],
    resource: 'https://mcp.example.com/team-a/kubernetes/mcp',
    discoveryURL: 'https://idp.internal:8443/.well-known/openid-configuration?tenant=a',
    caBundleRef: { name: 'ca', key: 'ca.pem' },
    algorithms: ['ES256'],
    clockSkew: '1m30s',
    requiredScopes: ['mcp'],
    requiredClaims: [{ claim: 'groups', values: ['admins', 'devs'] }],
    tools: [{ names: ['pods_delete'], scopes: ['pods:write'] }],
    upstream: { service: { name: 'server', port: 3000, path: '/mcp' } },
    tokenType: 'Any',
  }),

  raw('no spec', undefined, { spec: 'required; set it to an object' }),
  raw('spec null, as if left out', null, { spec: 'required' }),
  raw('spec is a list', [], { spec: 'must be an object, not a list' }),
  raw('spec is a string', 'OIDC', { spec: 'must be an object, not a string' }),
  raw(
    'spec is empty',
    {},
    { 'spec.issuer': 'required', 'spec.audience': 'required', 'spec.mode': 'required' },
  ),
  raw(
    'every error is told',
    { issuer: 1, audience: '', mode: 'oidc', clockSkew: '1h', algorithms: [], upstream: { service: {} } },
    {
      'spec.issuer': 'not a number',
      'spec.audience': 'empty',
      'spec.mode': 'must be one of OIDC, TokenReview, Offline',
      'spec.clockSkew': 'must be a duration',
      'spec.algorithms': 'has 0 items',
      'spec.upstream.service.name': 'required',
      'spec.upstream.service.port': 'required',
    },
  ),

  // issuer
  bad('issuer missing', { issuer: undefined }, 'spec.issuer', 'required; set it to an https URL'),
  bad('issuer null, as if left out', { issuer: null }, 'spec.issuer', 'required'),
  bad('issuer of a wrong type', { issuer: ['https://idp.example.com'] }, 'spec.issuer', 'not a list'),
  bad('issuer empty', { issuer: '' }, 'spec.issuer', 'empty; set it to an https URL'),
  bad('issuer one below the least length', { issuer: 'https://' }, 'spec.issuer', 'too short'),
  good('issuer of the least length', { issuer: 'https://a' }),
  good('issuer of the greatest length', { issuer: urlOfLength(512) }),
  bad('issuer one above the greatest length', { issuer: urlOfLength(513) }, 'spec.issuer', 'at most 512'),
  good('issuer with a trailing slash', { issuer: 'https://idp.example.com/' }),
  good('issuer with an empty segment', { issuer: 'https://idp.example.com//a//' }),
  good('issuer with all kinds of characters', {
    issuer: 'https://idp.example.com/aZ0._~!$&()*+,;=:@/%7Efoo-',
  }),
  good('issuer with underscores and hyphens', { issuer: 'https://my_idp.a--b.example-1.com' }),
  good('issuer in punycode', { issuer: 'https://xn--mnchen-3ya.example' }),
  bad(
    'issuer with upper case in the host',
    { issuer: 'https://IdP.example.com' },
    'spec.issuer',
    'lower-case host',
  ),
  bad('issuer with upper case in the scheme', { issuer: 'HTTPS://idp.example.com' }, 'spec.issuer', httpsUrl),
  bad('issuer over http', { issuer: 'http://idp.example.com' }, 'spec.issuer', httpsUrl),
  bad('issuer that is no URL', { issuer: 'idp.example.com' }, 'spec.issuer', httpsUrl),
  bad('issuer with a user', { issuer: 'https://me@idp.example.com' }, 'spec.issuer', 'without user'),
  bad('issuer with a password', { issuer: 'https://me:pw@idp.example.com' }, 'spec.issuer', 'without user'),
  bad('issuer with a query', { issuer: 'https://idp.example.com/?a=b' }, 'spec.issuer', httpsUrl),
  bad('issuer with a fragment', { issuer: 'https://idp.example.com/#a' }, 'spec.issuer', httpsUrl),
  bad('issuer with a backslash', { issuer: 'https://idp.example.com\\a' }, 'spec.issuer', httpsUrl),
  bad('issuer with a space before', { issuer: ' https://idp.example.com' }, 'spec.issuer', httpsUrl),
  bad('issuer with a newline behind', { issuer: 'https://idp.example.com\n' }, 'spec.issuer', httpsUrl),
  bad('issuer with a tab inside', { issuer: 'https://idp.exa\tmple.com' }, 'spec.issuer', httpsUrl),
  bad('issuer with a quote', { issuer: "https://idp.example.com/'" }, 'spec.issuer', httpsUrl),
  bad(
    'issuer with letters beyond ASCII in the host',
    { issuer: 'https://münchen.example' },
    'spec.issuer',
    httpsUrl,
  ),
  bad('issuer with a full-width stop', { issuer: 'https://idp．example' }, 'spec.issuer', httpsUrl),
  bad(
    'issuer with letters beyond ASCII in the path',
    { issuer: 'https://idp.example/ü' },
    'spec.issuer',
    httpsUrl,
  ),
  bad('issuer with a lone percent sign', { issuer: 'https://idp.example.com/a%' }, 'spec.issuer', httpsUrl),
  bad('issuer with a bad escape', { issuer: 'https://idp.example.com/a%zz' }, 'spec.issuer', httpsUrl),
  bad('issuer without a host', { issuer: 'https:///realms/a' }, 'spec.issuer', httpsUrl),
  bad('issuer with an empty label', { issuer: 'https://idp..example.com' }, 'spec.issuer', badHost),
  bad('issuer with a trailing dot', { issuer: 'https://idp.example.com./' }, 'spec.issuer', badHost),
  bad('issuer with a leading dot', { issuer: 'https://.example.com' }, 'spec.issuer', badHost),
  bad(
    'issuer with a label that starts with a hyphen',
    { issuer: 'https://-idp.example' },
    'spec.issuer',
    badHost,
  ),
  bad(
    'issuer with a label that ends with a hyphen',
    { issuer: 'https://idp-.example' },
    'spec.issuer',
    badHost,
  ),

  // addresses
  good('IPv4 address', { issuer: 'https://192.0.2.1' }),
  good('IPv4 address at the edges', { issuer: 'https://0.255.199.249:8443/a' }),
  bad('IPv4 address as one number', { issuer: 'https://2130706433' }, 'spec.issuer', unusualAddress),
  bad('IPv4 address in hexadecimal', { issuer: 'https://0x7f000001/' }, 'spec.issuer', unusualAddress),
  bad('IPv4 address in two hexadecimal parts', { issuer: 'https://0x7f.1' }, 'spec.issuer', unusualAddress),
  bad('IPv4 address in two parts', { issuer: 'https://127.1' }, 'spec.issuer', unusualAddress),
  bad('IPv4 address in octal', { issuer: 'https://0177.0.0.1' }, 'spec.issuer', unusualAddress),
  bad('IPv4 address with a zero before', { issuer: 'https://127.0.0.01' }, 'spec.issuer', unusualAddress),
  bad('IPv4 address with 256', { issuer: 'https://127.0.0.256' }, 'spec.issuer', unusualAddress),
  bad('IPv4 address with five parts', { issuer: 'https://1.2.3.4.5' }, 'spec.issuer', unusualAddress),
  bad('IPv4 address with a port and 0x', { issuer: 'https://1.2.3.0x:443' }, 'spec.issuer', unusualAddress),
  bad(
    'host name that ends with a number',
    { issuer: 'https://idp.example.1/a' },
    'spec.issuer',
    unusualAddress,
  ),
  bad('IPv4 address with a trailing dot', { issuer: 'https://127.0.0.1.' }, 'spec.issuer', unusualAddress),
  good('host name with a number in the last label', { issuer: 'https://idp.example1' }),
  good('IPv6 address', { issuer: 'https://[2001:db8::1]' }),
  good('IPv6 loopback address with a port', { issuer: 'https://[::1]:8443/a' }),
  good('IPv6 address with one zero group', { issuer: 'https://[2001:db8:0:1:1:1:1:1]' }),
  bad('IPv6 address in full', { issuer: 'https://[0:0:0:0:0:0:0:1]' }, 'spec.issuer', badAddress),
  bad('IPv6 address with zeros before', { issuer: 'https://[2001:0db8::1]' }, 'spec.issuer', badAddress),
  bad(
    'IPv6 address with the wrong zeros left out',
    { issuer: 'https://[1:0:0:2::3:4]' },
    'spec.issuer',
    badAddress,
  ),
  bad(
    'IPv6 address with an IPv4 address',
    { issuer: 'https://[::ffff:192.0.2.1]' },
    'spec.issuer',
    badAddress,
  ),
  bad('IPv6 address that is an IPv4 one', { issuer: 'https://[::ffff:c000:201]' }, 'spec.issuer', badAddress),
  good('IPv6 address next to those', { issuer: 'https://[::fffe:c000:201]' }),
  bad('IPv6 address that is none', { issuer: 'https://[1:2]' }, 'spec.issuer', 'address'),
  bad('IPv6 address of dots', { issuer: 'https://[1.2.3.4]' }, 'spec.issuer', badHost),
  bad('IPv6 address with a zone', { issuer: 'https://[fe80::1%25eth0]' }, 'spec.issuer', httpsUrl),
  bad('IPv6 address in upper case', { issuer: 'https://[2001:DB8::1]' }, 'spec.issuer', httpsUrl),
  bad('IPv6 address without brackets', { issuer: 'https://2001:db8::1' }, 'spec.issuer', httpsUrl),

  // ports and paths
  good('port 1', { issuer: 'https://idp.example.com:1' }),
  good('port 65535', { issuer: 'https://idp.example.com:65535/' }),
  good('the default port written', { issuer: 'https://idp.example.com:443/a' }),
  bad('port 0', { issuer: 'https://idp.example.com:0' }, 'spec.issuer', httpsUrl),
  bad('port with a zero before', { issuer: 'https://idp.example.com:0443' }, 'spec.issuer', httpsUrl),
  bad('port without digits', { issuer: 'https://idp.example.com:/a' }, 'spec.issuer', httpsUrl),
  bad('port 65536', { issuer: 'https://idp.example.com:65536' }, 'spec.issuer', badPort),
  bad('port 99999', { issuer: 'https://idp.example.com:99999/a' }, 'spec.issuer', badPort),
  bad('port with six digits', { issuer: 'https://idp.example.com:100000' }, 'spec.issuer', httpsUrl),
  bad('dot segment', { issuer: 'https://idp.example.com/a/./b' }, 'spec.issuer', dotSegment),
  bad('dot segment at the end', { issuer: 'https://idp.example.com/a/..' }, 'spec.issuer', dotSegment),
  bad('dot segments in escapes', { issuer: 'https://idp.example.com/%2e%2e/b' }, 'spec.issuer', dotSegment),
  bad('dot segment half in escapes', { issuer: 'https://idp.example.com/a/.%2E' }, 'spec.issuer', dotSegment),
  good('segments that start with dots', { issuer: 'https://idp.example.com/.well-known/..a/...' }),

  // audience
  bad('audience missing', { audience: undefined }, 'spec.audience', 'required'),
  bad('audience of a wrong type', { audience: { aud: 'a' } }, 'spec.audience', 'not an object'),
  bad('audience empty', { audience: '' }, 'spec.audience', 'empty'),
  good('audience of the least length', { audience: 'a' }),
  good('audience of the greatest length', { audience: 'a'.repeat(512) }),
  bad(
    'audience one above the greatest length',
    { audience: 'a'.repeat(513) },
    'spec.audience',
    'at most 512',
  ),
  good('audience at the edges of the alphabet', { audience: '!~{"\\}' }),
  bad('audience with a space', { audience: 'my app' }, 'spec.audience', 'without spaces'),
  bad('audience with a newline behind', { audience: 'app\n' }, 'spec.audience', 'without spaces'),
  bad('audience with a control character', { audience: 'app\u007f' }, 'spec.audience', 'printable ASCII'),
  bad('audience beyond ASCII', { audience: 'ápp' }, 'spec.audience', 'printable ASCII'),
  bad('audience that is a wildcard', { audience: '*' }, 'spec.audience', wildcard),
  bad('audience with a wildcard', { audience: 'https://*.example.com' }, 'spec.audience', wildcard),

  // mode
  bad(
    'mode missing',
    { mode: undefined },
    'spec.mode',
    'required; set it to one of OIDC, TokenReview, Offline',
  ),
  bad('mode empty', { mode: '' }, 'spec.mode', 'must be one of'),
  bad('mode in other case', { mode: 'oidc' }, 'spec.mode', 'must be one of'),
  bad('mode of a wrong type', { mode: true }, 'spec.mode', 'must be one of'),
  good('mode TokenReview', { mode: 'TokenReview' }),
  bad('TokenReview with jwks', { mode: 'TokenReview', jwks: { inline: keys } }, 'spec', 'asks the cluster'),
  bad(
    'TokenReview with discoveryURL',
    { mode: 'TokenReview', discoveryURL: 'https://a' },
    'spec',
    'asks the cluster',
  ),
  good('Offline with inline keys', offline),
  good('Offline with keys of a ConfigMap', { mode: 'Offline', jwks: { configMapRef: keysRef } }),
  bad('Offline without jwks', { mode: 'Offline' }, 'spec', 'mode Offline needs spec.jwks.inline'),
  bad('Offline with uri', { mode: 'Offline', jwks: { uri: 'https://a' } }, 'spec', 'mode Offline needs'),
  bad(
    'Offline with discoveryURL',
    { ...offline, discoveryURL: 'https://a' },
    'spec',
    'never uses the network: remove',
  ),
  bad(
    'OIDC with jwks and discoveryURL',
    { jwks: { uri: 'https://a' }, discoveryURL: 'https://a' },
    'spec',
    'replaces',
  ),

  // additionalAudiences
  good('additionalAudiences empty', { additionalAudiences: [] }),
  good('additionalAudiences full', { additionalAudiences: words(16) }),
  bad(
    'too many additionalAudiences',
    { additionalAudiences: words(17) },
    'spec.additionalAudiences',
    'at most 16',
  ),
  good('additionalAudiences null, as if left out', { additionalAudiences: null }),
  bad(
    'additionalAudiences a string',
    { additionalAudiences: 'a' },
    'spec.additionalAudiences',
    'must be a list',
  ),
  bad(
    'audience twice',
    { additionalAudiences: ['a', 'b', 'a'] },
    'spec.additionalAudiences[2]',
    'repeats spec.additionalAudiences[0]',
  ),
  bad('one audience empty', { additionalAudiences: ['a', ''] }, 'spec.additionalAudiences[1]', 'empty'),
  bad('one audience null', { additionalAudiences: [null] }, 'spec.additionalAudiences[0]', 'not null'),
  bad('one audience a number', { additionalAudiences: [1] }, 'spec.additionalAudiences[0]', 'not a number'),
  bad(
    'one audience too long',
    { additionalAudiences: ['a'.repeat(513)] },
    'spec.additionalAudiences[0]',
    'at most 512',
  ),
  good('one audience of the greatest length', { additionalAudiences: ['a'.repeat(512)] }),
  bad(
    'one audience with a space',
    { additionalAudiences: ['a b'] },
    'spec.additionalAudiences[0]',
    'without spaces',
  ),
  bad(
    'one audience with a wildcard',
    { additionalAudiences: ['a', 'b*'] },
    'spec.additionalAudiences[1]',
    wildcard,
  ),

  // resource
  good('resource on a host of its own', { resource: 'https://a' }),
  good('resource of the greatest length', { resource: urlOfLength(512) }),
  bad(
    'resource one above the greatest length',
    { resource: urlOfLength(513) },
    'spec.resource',
    'at most 512',
  ),
  bad('resource too short', { resource: 'http://' }, 'spec.resource', 'at least 8'),
  bad('resource empty', { resource: '' }, 'spec.resource', 'empty'),
  good('resource null, as if left out', { resource: null }),
  bad('resource of a wrong type', { resource: 443 }, 'spec.resource', 'not a number'),
  good('resource over http on localhost', { resource: 'http://localhost:8080/a/b/mcp' }),
  good('resource over http on 127.0.0.1', { resource: 'http://127.0.0.1/a' }),
  good('resource over http on [::1]', { resource: 'http://[::1]:80' }),
  bad(
    'resource over http elsewhere',
    { resource: 'http://mcp.example.com/a' },
    'spec.resource',
    'plain http is allowed only',
  ),
  bad(
    'resource over http on a shorter name',
    { resource: 'http://a' },
    'spec.resource',
    'plain http is allowed only',
  ),
  bad(
    'resource over http on a look-alike',
    { resource: 'http://localhost.evil.example' },
    'spec.resource',
    'plain http',
  ),
  bad('resource over http on 127.0.0.2', { resource: 'http://127.0.0.2/a' }, 'spec.resource', 'plain http'),
  bad(
    'resource with a trailing slash',
    { resource: 'https://mcp.example.com/a/' },
    'spec.resource',
    'without trailing slash',
  ),
  bad(
    'resource with an empty segment',
    { resource: 'https://mcp.example.com//a' },
    'spec.resource',
    'without trailing slash',
  ),
  bad(
    'resource with a query',
    { resource: 'https://mcp.example.com/a?b' },
    'spec.resource',
    'query and fragment',
  ),
  bad(
    'resource with a fragment',
    { resource: 'https://mcp.example.com/a#b' },
    'spec.resource',
    'query and fragment',
  ),
  bad(
    'resource with an escape',
    { resource: 'https://mcp.example.com/%61' },
    'spec.resource',
    'percent-encoding',
  ),
  bad('resource with a user', { resource: 'https://a@mcp.example.com' }, 'spec.resource', 'user'),
  bad(
    'resource with a dot segment',
    { resource: 'https://mcp.example.com/a/../b' },
    'spec.resource',
    dotSegment,
  ),
  bad('resource with an empty label', { resource: 'https://mcp..example.com' }, 'spec.resource', badHost),
  bad('resource with an odd address', { resource: 'https://127.1/a' }, 'spec.resource', unusualAddress),
  bad('resource with a long IPv6 address', { resource: 'https://[0::1]/a' }, 'spec.resource', badAddress),
  bad('resource with port 65536', { resource: 'https://mcp.example.com:65536/a' }, 'spec.resource', badPort),

  // discoveryURL
  good('discoveryURL with a query of dots and slashes', {
    discoveryURL: 'https://idp.example?next=/../%2e/a?1.2',
  }),
  good('discoveryURL of the least length', { discoveryURL: 'https://a' }),
  good('discoveryURL of the greatest length', { discoveryURL: urlOfLength(1024) }),
  bad('discoveryURL too long', { discoveryURL: urlOfLength(1025) }, 'spec.discoveryURL', 'at most 1024'),
  bad('discoveryURL too short', { discoveryURL: 'https://' }, 'spec.discoveryURL', 'too short'),
  bad('discoveryURL of a wrong type', { discoveryURL: false }, 'spec.discoveryURL', 'not a boolean'),
  bad('discoveryURL over http', { discoveryURL: 'http://idp.example.com/a' }, 'spec.discoveryURL', httpsUrl),
  bad(
    'discoveryURL with a fragment',
    { discoveryURL: 'https://idp.example.com/?a#b' },
    'spec.discoveryURL',
    httpsUrl,
  ),
  bad(
    'discoveryURL with a bad escape in the query',
    { discoveryURL: 'https://a/?%' },
    'spec.discoveryURL',
    httpsUrl,
  ),
  bad(
    'discoveryURL with a dot segment',
    { discoveryURL: 'https://a/b/..?c' },
    'spec.discoveryURL',
    dotSegment,
  ),
  bad('discoveryURL with an empty label', { discoveryURL: 'https://a..b/?c' }, 'spec.discoveryURL', badHost),
  bad(
    'discoveryURL with an odd address',
    { discoveryURL: 'https://127.1?a' },
    'spec.discoveryURL',
    unusualAddress,
  ),
  bad(
    'discoveryURL with a long IPv6 address',
    { discoveryURL: 'https://[0::1]?a' },
    'spec.discoveryURL',
    badAddress,
  ),
  bad('discoveryURL with port 65536', { discoveryURL: 'https://a:65536?a' }, 'spec.discoveryURL', badPort),

  // jwks
  good('jwks by uri', { jwks: { uri: 'https://idp.example.com/keys?v=1' } }),
  good('jwks inline', { jwks: { inline: keys } }),
  good('jwks of a ConfigMap', { jwks: { configMapRef: keysRef } }),
  bad('jwks empty', { jwks: {} }, 'spec.jwks', 'exactly one of uri, inline and configMapRef'),
  bad('jwks with two', { jwks: { inline: keys, configMapRef: keysRef } }, 'spec.jwks', 'exactly one'),
  bad(
    'jwks with three',
    { jwks: { uri: 'https://a', inline: keys, configMapRef: keysRef } },
    'spec.jwks',
    'exactly one',
  ),
  good('jwks null, as if left out', { jwks: null }),
  bad('jwks a string', { jwks: keys }, 'spec.jwks', 'must be an object, not a string'),
  bad('jwks a list', { jwks: [] }, 'spec.jwks', 'must be an object, not a list'),
  good('jwks.uri of the greatest length', { jwks: { uri: urlOfLength(1024) } }),
  bad('jwks.uri too long', { jwks: { uri: urlOfLength(1025) } }, 'spec.jwks.uri', 'at most 1024'),
  bad('jwks.uri too short', { jwks: { uri: 'https://' } }, 'spec.jwks.uri', 'too short'),
  bad('jwks.uri of a wrong type', { jwks: { uri: 1 } }, 'spec.jwks.uri', 'not a number'),
  bad('jwks.uri over http', { jwks: { uri: 'http://idp.example.com' } }, 'spec.jwks.uri', httpsUrl),
  bad('jwks.uri with a dot segment', { jwks: { uri: 'https://a/%2E/b' } }, 'spec.jwks.uri', dotSegment),
  bad('jwks.uri with an empty label', { jwks: { uri: 'https://a..b' } }, 'spec.jwks.uri', badHost),
  bad('jwks.uri with an odd address', { jwks: { uri: 'https://0x7f.1' } }, 'spec.jwks.uri', unusualAddress),
  bad('jwks.uri with a long IPv6 address', { jwks: { uri: 'https://[0::1]' } }, 'spec.jwks.uri', badAddress),
  bad('jwks.uri with port 70000', { jwks: { uri: 'https://a:70000' } }, 'spec.jwks.uri', badPort),
  good('jwks.inline of the least length', { jwks: { inline: '{}' } }),
  bad('jwks.inline too short', { jwks: { inline: '{' } }, 'spec.jwks.inline', 'at least 2'),
  bad('jwks.inline empty', { jwks: { inline: '' } }, 'spec.jwks.inline', 'empty'),
  good('jwks.inline of the greatest length', { jwks: { inline: 'x'.repeat(65_536) } }),
  bad('jwks.inline too long', { jwks: { inline: 'x'.repeat(65_537) } }, 'spec.jwks.inline', 'at most 65536'),
  bad('jwks.inline as an object', { jwks: { inline: { keys: [] } } }, 'spec.jwks.inline', 'not an object'),
  bad(
    'jwks.configMapRef without key',
    { jwks: { configMapRef: { name: 'a' } } },
    'spec.jwks.configMapRef.key',
    'required',
  ),
  bad(
    'jwks.configMapRef a string',
    { jwks: { configMapRef: 'keys' } },
    'spec.jwks.configMapRef',
    'not a string',
  ),

  // caBundleRef
  good('caBundleRef of the least length', { caBundleRef: { name: 'a', key: 'a' } }),
  good('caBundleRef of the greatest length', {
    caBundleRef: { name: 'a'.repeat(253), key: 'A'.repeat(253) },
  }),
  bad('caBundleRef without name', { caBundleRef: { key: 'a' } }, 'spec.caBundleRef.name', 'required'),
  bad('caBundleRef without key', { caBundleRef: { name: 'a' } }, 'spec.caBundleRef.key', 'required'),
  good('caBundleRef null, as if left out', { caBundleRef: null }),
  bad('caBundleRef.name empty', { caBundleRef: { name: '', key: 'a' } }, 'spec.caBundleRef.name', 'empty'),
  bad(
    'caBundleRef.name too long',
    { caBundleRef: { name: 'a'.repeat(254), key: 'a' } },
    'spec.caBundleRef.name',
    'at most 253',
  ),
  bad(
    'caBundleRef.name in upper case',
    { caBundleRef: { name: 'A', key: 'a' } },
    'spec.caBundleRef.name',
    'lower-case',
  ),
  bad(
    'caBundleRef.name with a hyphen behind',
    { caBundleRef: { name: 'a-', key: 'a' } },
    'spec.caBundleRef.name',
    'the name of an object',
  ),
  bad(
    'caBundleRef.name of another namespace',
    { caBundleRef: { name: 'b/a', key: 'a' } },
    'spec.caBundleRef.name',
    'the name of an object',
  ),
  bad(
    'caBundleRef.name of a wrong type',
    { caBundleRef: { name: 1, key: 'a' } },
    'spec.caBundleRef.name',
    'not a number',
  ),
  bad('caBundleRef.key empty', { caBundleRef: { name: 'a', key: '' } }, 'spec.caBundleRef.key', 'empty'),
  bad(
    'caBundleRef.key too long',
    { caBundleRef: { name: 'a', key: 'a'.repeat(254) } },
    'spec.caBundleRef.key',
    'at most 253',
  ),
  bad(
    'caBundleRef.key with a slash',
    { caBundleRef: { name: 'a', key: 'a/b' } },
    'spec.caBundleRef.key',
    'a key of a ConfigMap',
  ),
  bad(
    'caBundleRef.key of a wrong type',
    { caBundleRef: { name: 'a', key: [] } },
    'spec.caBundleRef.key',
    'not a list',
  ),

  // algorithms
  good('every algorithm', {
    algorithms: [
      'RS256',
      'RS384',
      'RS512',
      'PS256',
      'PS384',
      'PS512',
      'ES256',
      'ES384',
      'ES512',
      'EdDSA',
      'Ed25519',
    ],
  }),
  good('algorithms null, thus the default', { algorithms: null }),
  bad('algorithms empty', { algorithms: [] }, 'spec.algorithms', 'has 0 items; give at least 1'),
  bad('too many algorithms', { algorithms: Array(12).fill('RS256') }, 'spec.algorithms', 'at most 11'),
  bad('algorithms a string', { algorithms: 'RS256' }, 'spec.algorithms', 'must be a list, not a string'),
  bad('algorithm none', { algorithms: ['none'] }, 'spec.algorithms[0]', 'must be one of RS256'),
  bad('algorithm HS256', { algorithms: ['RS256', 'HS256'] }, 'spec.algorithms[1]', 'must be one of RS256'),
  bad('algorithm in lower case', { algorithms: ['rs256'] }, 'spec.algorithms[0]', 'must be one of'),
  bad(
    'algorithm twice',
    { algorithms: ['RS256', 'RS256'] },
    'spec.algorithms[1]',
    'repeats spec.algorithms[0]',
  ),
  bad('algorithm null', { algorithms: [null] }, 'spec.algorithms[0]', 'must be one of'),

  // clockSkew
  ...['0s', '0m', '60s', '300s', '5m', '4m60s', '5m0s', '1m30s', '000m000s'].map((clockSkew) =>
    good(`clockSkew ${clockSkew}`, { clockSkew }),
  ),
  good('clockSkew null, thus the default', { clockSkew: null }),
  ...['301s', '5m1s', '6m', '4m61s', '999m999s'].map((clockSkew) =>
    bad(`clockSkew ${clockSkew}`, { clockSkew }, 'spec.clockSkew', 'at most 5m'),
  ),
  ...['1h', '60', '1m 30s', '30s1m', '-5s', '1.5s', '5M', '60s\n', '1000s', 'ms'].map((clockSkew) =>
    bad(`clockSkew ${JSON.stringify(clockSkew)}`, { clockSkew }, 'spec.clockSkew', 'must be a duration'),
  ),
  bad('clockSkew empty', { clockSkew: '' }, 'spec.clockSkew', 'empty'),
  bad('clockSkew too short', { clockSkew: 's' }, 'spec.clockSkew', 'too short'),
  bad('clockSkew too long', { clockSkew: '0001m000s' }, 'spec.clockSkew', 'at most 8'),
  bad('clockSkew a number', { clockSkew: 60 }, 'spec.clockSkew', 'not a number'),

  // requiredScopes
  good('requiredScopes empty', { requiredScopes: [] }),
  good('requiredScopes full', { requiredScopes: words(16) }),
  good('scope at the edges of the alphabet', { requiredScopes: ['!#[]~', 'offline_access2', 'a*'] }),
  good('scope of the greatest length', { requiredScopes: ['a'.repeat(128)] }),
  bad('too many scopes', { requiredScopes: words(17) }, 'spec.requiredScopes', 'at most 16'),
  bad('requiredScopes a string', { requiredScopes: 'a b' }, 'spec.requiredScopes', 'must be a list'),
  bad('scope too long', { requiredScopes: ['a'.repeat(129)] }, 'spec.requiredScopes[0]', 'at most 128'),
  bad('scope empty', { requiredScopes: [''] }, 'spec.requiredScopes[0]', 'empty'),
  bad('scope with a space', { requiredScopes: ['a', 'a b'] }, 'spec.requiredScopes[1]', 'must be one scope'),
  bad('scope with a quote', { requiredScopes: ['a"b'] }, 'spec.requiredScopes[0]', 'must be one scope'),
  bad('scope with a backslash', { requiredScopes: ['a\\b'] }, 'spec.requiredScopes[0]', 'must be one scope'),
  bad('scope beyond ASCII', { requiredScopes: ['ä'] }, 'spec.requiredScopes[0]', 'must be one scope'),
  bad('scope of a wrong type', { requiredScopes: [true] }, 'spec.requiredScopes[0]', 'not a boolean'),
  bad(
    'scope twice',
    { requiredScopes: ['a', 'a'] },
    'spec.requiredScopes[1]',
    'repeats spec.requiredScopes[0]',
  ),
  bad(
    'scope offline_access',
    { requiredScopes: ['a', 'offline_access'] },
    'spec.requiredScopes[1]',
    'offline_access is for',
  ),

  // requiredClaims
  good('requiredClaims empty', { requiredClaims: [] }),
  good('requiredClaims full', { requiredClaims: words(16).map((word) => claim(word)) }),
  good('claim of the greatest length', { requiredClaims: [claim('a'.repeat(128))] }),
  good('claims with a meaning of their own that may be required', {
    requiredClaims: [claim('sub'), claim('azp'), claim('typ')],
  }),
  ...['iss', 'aud', 'exp', 'nbf', 'iat', 'scope', 'cnf', 'at_hash'].map((name) =>
    bad(
      `claim ${name}`,
      { requiredClaims: [claim(name)] },
      'spec.requiredClaims[0].claim',
      'judged by itself',
    ),
  ),
  good('claims that prototypes know', { requiredClaims: [claim('__proto__'), claim('constructor')] }),
  bad(
    'too many claims',
    { requiredClaims: words(17).map((word) => claim(word)) },
    'spec.requiredClaims',
    'at most 16',
  ),
  bad('requiredClaims an object', { requiredClaims: { a: ['b'] } }, 'spec.requiredClaims', 'must be a list'),
  bad('claim a string', { requiredClaims: ['admin'] }, 'spec.requiredClaims[0]', 'must be an object'),
  bad('claim null', { requiredClaims: [null] }, 'spec.requiredClaims[0]', 'not null'),
  bad(
    'claim without a name',
    { requiredClaims: [{ values: ['a'] }] },
    'spec.requiredClaims[0].claim',
    'required',
  ),
  bad(
    'claim without values',
    { requiredClaims: [{ claim: 'a' }] },
    'spec.requiredClaims[0].values',
    'required',
  ),
  bad('claim with an empty name', { requiredClaims: [claim('')] }, 'spec.requiredClaims[0].claim', 'empty'),
  bad(
    'claim with a long name',
    { requiredClaims: [claim('a'.repeat(129))] },
    'spec.requiredClaims[0].claim',
    'at most 128',
  ),
  bad(
    'claim with a space',
    { requiredClaims: [claim('a b')] },
    'spec.requiredClaims[0].claim',
    'without spaces',
  ),
  bad(
    'claim name of a wrong type',
    { requiredClaims: [{ claim: 1, values: ['a'] }] },
    'spec.requiredClaims[0].claim',
    'not a number',
  ),
  bad(
    'claim twice',
    { requiredClaims: [claim('a'), claim('b'), claim('a')] },
    'spec.requiredClaims[2]',
    'has the same claim as spec.requiredClaims[0]',
  ),
  bad(
    'claim without any value',
    { requiredClaims: [claim('a', [])] },
    'spec.requiredClaims[0].values',
    'at least 1',
  ),
  good('claim with the most values', { requiredClaims: [claim('a', words(32))] }),
  bad(
    'claim with too many values',
    { requiredClaims: [claim('a', words(33))] },
    'spec.requiredClaims[0].values',
    'at most 32',
  ),
  bad(
    'claim values a string',
    { requiredClaims: [{ claim: 'a', values: 'b' }] },
    'spec.requiredClaims[0].values',
    'must be a list',
  ),
  bad(
    'claim value twice',
    { requiredClaims: [claim('a', ['b', 'b'])] },
    'spec.requiredClaims[0].values[1]',
    'repeats',
  ),
  bad(
    'claim value empty',
    { requiredClaims: [claim('a', [''])] },
    'spec.requiredClaims[0].values[0]',
    'empty',
  ),
  bad(
    'claim value a number',
    { requiredClaims: [claim('a', [1])] },
    'spec.requiredClaims[0].values[0]',
    'not a number',
  ),
  good('claim value of 256 code points', { requiredClaims: [claim('a', ['😀'.repeat(256)])] }),
  bad(
    'claim value of 257 code points',
    { requiredClaims: [claim('a', ['😀'.repeat(257)])] },
    'spec.requiredClaims[0].values[0]',
    'at most 256',
  ),
  bad(
    'claim value of 257 letters',
    { requiredClaims: [claim('a', ['a'.repeat(257)])] },
    'spec.requiredClaims[0].values[0]',
    'at most 256',
  ),
  good('claim values that only look the same', {
    requiredClaims: [claim('a', ['é', 'e\u0301', ' ', '\n', '1'])],
  }),

  // tools
  good('tools empty', { tools: [] }),
  good('tools full', { tools: Array(32).fill(tool(['a'], ['b'])) }),
  good('tool with the most names and scopes', { tools: [tool(words(64), words(16))] }),
  good('tool with a name of the greatest length', { tools: [tool(['ü'.repeat(128)], ['a'])] }),
  bad('too many tools', { tools: Array(33).fill(tool(['a'], ['b'])) }, 'spec.tools', 'at most 32'),
  bad('tools an object', { tools: {} }, 'spec.tools', 'must be a list'),
  bad('tool without names', { tools: [{ scopes: ['a'] }] }, 'spec.tools[0].names', 'required'),
  bad('tool without scopes', { tools: [{ names: ['a'] }] }, 'spec.tools[0].scopes', 'required'),
  bad('tool with no name', { tools: [tool([], ['a'])] }, 'spec.tools[0].names', 'at least 1'),
  bad('tool with too many names', { tools: [tool(words(65), ['a'])] }, 'spec.tools[0].names', 'at most 64'),
  bad('tool with an empty name', { tools: [tool([''], ['a'])] }, 'spec.tools[0].names[0]', 'empty'),
  bad(
    'tool with a long name',
    { tools: [tool(['a'.repeat(129)], ['a'])] },
    'spec.tools[0].names[0]',
    'at most 128',
  ),
  bad('tool with a name twice', { tools: [tool(['a', 'a'], ['a'])] }, 'spec.tools[0].names[1]', 'repeats'),
  bad('tool with no scope', { tools: [tool(['a'], [])] }, 'spec.tools[0].scopes', 'at least 1'),
  bad('tool with too many scopes', { tools: [tool(['a'], words(17))] }, 'spec.tools[0].scopes', 'at most 16'),
  bad('tool with a scope twice', { tools: [tool(['a'], ['a', 'a'])] }, 'spec.tools[0].scopes[1]', 'repeats'),
  bad(
    'tool with a scope with a space',
    { tools: [tool(['a'], ['a b'])] },
    'spec.tools[0].scopes[0]',
    'must be one scope',
  ),
  bad(
    'tool with a long scope',
    { tools: [tool(['a'], ['a'.repeat(129)])] },
    'spec.tools[0].scopes[0]',
    'at most 128',
  ),
  bad(
    'tool with scope offline_access',
    { tools: [tool(['a'], ['a']), tool(['b'], ['a', 'offline_access'])] },
    'spec.tools[1].scopes[1]',
    'offline_access is for',
  ),

  // upstream
  good('upstream without a path', { upstream: { service: { name: 'a', port: 1 } } }),
  good('upstream at the edges', {
    upstream: service({ name: 'a'.repeat(63), port: 65_535, path: `/${'a'.repeat(255)}` }),
  }),
  good('upstream at the root', { upstream: service({ path: '/' }) }),
  good('upstream path null, thus the default', { upstream: service({ path: null }) }),
  bad('upstream empty', { upstream: {} }, 'spec.upstream.service', 'required'),
  good('upstream null, as if left out', { upstream: null }),
  bad('upstream a URL', { upstream: 'http://server' }, 'spec.upstream', 'not a string'),
  bad(
    'upstream without name',
    { upstream: { service: { port: 1 } } },
    'spec.upstream.service.name',
    'required',
  ),
  bad(
    'upstream without port',
    { upstream: { service: { name: 'a' } } },
    'spec.upstream.service.port',
    'required',
  ),
  bad('upstream name empty', { upstream: service({ name: '' }) }, 'spec.upstream.service.name', 'empty'),
  bad(
    'upstream name too long',
    { upstream: service({ name: 'a'.repeat(64) }) },
    'spec.upstream.service.name',
    'at most 63',
  ),
  bad(
    'upstream name with dots',
    { upstream: service({ name: 'a.b' }) },
    'spec.upstream.service.name',
    'the name of a Service',
  ),
  bad(
    'upstream name with a digit first',
    { upstream: service({ name: '1a' }) },
    'spec.upstream.service.name',
    'a letter first',
  ),
  bad(
    'upstream name of a wrong type',
    { upstream: service({ name: 80 }) },
    'spec.upstream.service.name',
    'not a number',
  ),
  bad('upstream port 0', { upstream: service({ port: 0 }) }, 'spec.upstream.service.port', 'from 1 to 65535'),
  bad(
    'upstream port 65536',
    { upstream: service({ port: 65_536 }) },
    'spec.upstream.service.port',
    'from 1 to 65535',
  ),
  bad(
    'upstream port negative',
    { upstream: service({ port: -80 }) },
    'spec.upstream.service.port',
    'from 1 to 65535',
  ),
  bad(
    'upstream port a fraction',
    { upstream: service({ port: 80.5 }) },
    'spec.upstream.service.port',
    'a whole number',
  ),
  bad(
    'upstream port immense',
    { upstream: service({ port: 1e300 }) },
    'spec.upstream.service.port',
    'from 1 to 65535',
  ),
  bad(
    'upstream port a string',
    { upstream: service({ port: '80' }) },
    'spec.upstream.service.port',
    'not a string',
  ),
  bad(
    'upstream port null, as if left out',
    { upstream: service({ port: null }) },
    'spec.upstream.service.port',
    'required',
  ),
  bad('upstream path empty', { upstream: service({ path: '' }) }, 'spec.upstream.service.path', 'empty'),
  bad(
    'upstream path too long',
    { upstream: service({ path: `/${'a'.repeat(256)}` }) },
    'spec.upstream.service.path',
    'at most 256',
  ),
  bad(
    'upstream path relative',
    { upstream: service({ path: 'mcp' }) },
    'spec.upstream.service.path',
    'an absolute path',
  ),
  bad(
    'upstream path with a query',
    { upstream: service({ path: '/mcp?a' }) },
    'spec.upstream.service.path',
    'an absolute path',
  ),
  bad(
    'upstream path with an escape',
    { upstream: service({ path: '/%2e%2e' }) },
    'spec.upstream.service.path',
    'an absolute path',
  ),
  bad(
    'upstream path with a dot segment',
    { upstream: service({ path: '/a/../b' }) },
    'spec.upstream.service.path',
    dotSegment,
  ),
  bad(
    'upstream path of a wrong type',
    { upstream: service({ path: 1 }) },
    'spec.upstream.service.path',
    'not a number',
  ),

  // tokenType
  good('tokenType AccessToken', { tokenType: 'AccessToken' }),
  good('tokenType null, thus the default', { tokenType: null }),
  bad('tokenType empty', { tokenType: '' }, 'spec.tokenType', 'must be one of AccessToken, Any'),
  bad('tokenType unknown', { tokenType: 'any' }, 'spec.tokenType', 'must be one of AccessToken, Any'),
  bad('tokenType of a wrong type', { tokenType: [] }, 'spec.tokenType', 'must be one of'),

  // unknown members: without fieldValidation=Strict the API server prunes them
  unknown('unknown member', { insecureSkipVerify: true }, 'spec.insecureSkipVerify'),
  unknown('misspelt member', { clockskew: '60s' }, 'spec.clockskew'),
  unknown('unknown member null', { foo: null }, 'spec.foo'),
  unknown('unknown member of jwks', { jwks: { inline: keys, url: 'https://a' } }, 'spec.jwks.url'),
  unknown(
    'namespace of a reference',
    { caBundleRef: { name: 'a', key: 'b', namespace: 'c' } },
    'spec.caBundleRef.namespace',
  ),
  unknown(
    'unknown member of a claim',
    { requiredClaims: [{ ...claim('a'), any: 1 }] },
    'spec.requiredClaims[0].any',
  ),
  unknown(
    'unknown member of a tool',
    { tools: [{ ...tool(['a'], ['b']), name: 'c' }] },
    'spec.tools[0].name',
  ),
  unknown(
    'unknown member of upstream',
    { upstream: { ...service({}), url: 'https://a' } },
    'spec.upstream.url',
  ),
  unknown('unknown member of a Service', { upstream: service({ host: 'a' }) }, 'spec.upstream.service.host'),
  unknown('member __proto__', JSON.parse('{"__proto__": {"tokenType": "Any"}}'), 'spec.__proto__'),
  unknown('member constructor', { constructor: 'a' }, 'spec.constructor'),
  unknown(
    'member toString of a claim',
    { requiredClaims: [{ ...claim('a'), toString: 1 }] },
    'spec.requiredClaims[0].toString',
  ),
  raw(
    'required member only in __proto__',
    JSON.parse(`{"issuer": "https://a", "audience": "a", "__proto__": {"mode": "OIDC"}}`),
    { 'spec.mode': 'required', 'spec.__proto__': 'unknown field' },
    'strict',
  ),
];

function good(name: string, members: Members): PolicyCase {
  return raw(name, { ...least, ...members }, {});
}

function bad(name: string, members: Members, path: string, message: string): PolicyCase {
  return raw(name, { ...least, ...members }, { [path]: message });
}

function unknown(name: string, members: Members, path: string): PolicyCase {
  // Not by spreading into a literal alone: a member __proto__ must stay a member.
  return raw(name, { ...least, ...members }, { [path]: 'unknown field; remove it' }, 'strict');
}

/** Members that are undefined here are left out there. */
function raw(name: string, spec: unknown, errors: PolicyCase['errors'], apiServer?: 'strict'): PolicyCase {
  const text = JSON.stringify(spec);
  return {
    name,
    spec: text === undefined ? undefined : JSON.parse(text),
    errors,
    ...(apiServer && { apiServer }),
  };
}

function claim(name: string, values: readonly unknown[] = ['v']): Members {
  return { claim: name, values };
}

function tool(names: readonly string[], scopes: readonly string[]): Members {
  return { names, scopes };
}

function service(members: Members): Members {
  return { service: { name: 'server', port: 3000, ...members } };
}

function words(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `w${index}`);
}

function urlOfLength(length: number): string {
  const start = 'https://idp.example.com/';
  return start + 'a'.repeat(length - start.length);
}
