// Generated from crds/mcpauthpolicies.yaml by `npm run generate`; do not edit.

/** Every CEL rule of the spec; the items of a list are `[]` in the path. */
export const CEL_RULES = [
  {
    path: 'spec',
    rule: "self.mode != 'Offline' || (has(self.jwks) && !has(self.jwks.uri))",
    message: 'mode Offline needs spec.jwks.inline or spec.jwks.configMapRef: it never uses the network',
  },
  {
    path: 'spec',
    rule: "self.mode != 'Offline' || !has(self.discoveryURL)",
    message: 'mode Offline never uses the network: remove spec.discoveryURL',
  },
  {
    path: 'spec',
    rule: "self.mode != 'TokenReview' || (!has(self.jwks) && !has(self.discoveryURL))",
    message: "mode TokenReview asks the cluster's API server: remove spec.jwks and spec.discoveryURL",
  },
  {
    path: 'spec',
    rule: '!(has(self.jwks) && has(self.discoveryURL))',
    message: 'spec.jwks replaces discovery: remove spec.discoveryURL or spec.jwks',
  },
  {
    path: 'spec.issuer',
    rule: "!self.matches('^https?://([^/?]*[.])?(0x[0-9a-f]*|[0-9]+)[.]?(:[0-9]*)?(/|[?]|$)') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]*)?(/|[?]|$)')",
    message: 'the host is an address in an unusual spelling: write it as four decimal numbers',
  },
  {
    path: 'spec.issuer',
    rule: "self.matches('^https?://([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?([.][a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|[[][0-9a-f.]*:[0-9a-f:.]*[]])(:[0-9]*)?(/|[?]|$)') && isURL(self)",
    message: 'the host is not a valid host name or address',
  },
  {
    path: 'spec.issuer',
    rule: "!self.matches('^https?://[[]') || (isIP(self.find('[[][0-9a-f:.]+[]]').replace('[', '').replace(']', '')) && ip.isCanonical(self.find('[[][0-9a-f:.]+[]]').replace('[', '').replace(']', '')))",
    message: 'the host must be an IPv6 address in its canonical spelling (RFC 5952)',
  },
  {
    path: 'spec.issuer',
    rule: "!self.matches('^https?://[^/?]*:(6553[6-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4})([/?]|$)')",
    message: 'the port must be a number from 1 to 65535',
  },
  {
    path: 'spec.issuer',
    rule: "!self.matches('^[^?]*/([.]|%2[eE]){1,2}([/?]|$)')",
    message: 'the path must not contain . or .. segments',
  },
  {
    path: 'spec.audience',
    rule: "!self.contains('*')",
    message: 'wildcards are not supported: list every accepted audience',
  },
  {
    path: 'spec.additionalAudiences[]',
    rule: "!self.contains('*')",
    message: 'wildcards are not supported: list every accepted audience',
  },
  {
    path: 'spec.resource',
    rule: "!self.matches('^https?://([^/?]*[.])?(0x[0-9a-f]*|[0-9]+)[.]?(:[0-9]*)?(/|[?]|$)') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]*)?(/|[?]|$)')",
    message: 'the host is an address in an unusual spelling: write it as four decimal numbers',
  },
  {
    path: 'spec.resource',
    rule: "self.matches('^https?://([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?([.][a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|[[][0-9a-f.]*:[0-9a-f:.]*[]])(:[0-9]*)?(/|[?]|$)') && isURL(self)",
    message: 'the host is not a valid host name or address',
  },
  {
    path: 'spec.resource',
    rule: "!self.matches('^https?://[[]') || (isIP(self.find('[[][0-9a-f:.]+[]]').replace('[', '').replace(']', '')) && ip.isCanonical(self.find('[[][0-9a-f:.]+[]]').replace('[', '').replace(']', '')))",
    message: 'the host must be an IPv6 address in its canonical spelling (RFC 5952)',
  },
  {
    path: 'spec.resource',
    rule: "!self.matches('^https?://[^/?]*:(6553[6-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4})([/?]|$)')",
    message: 'the port must be a number from 1 to 65535',
  },
  {
    path: 'spec.resource',
    rule: "!self.matches('^[^?]*/([.]|%2[eE]){1,2}([/?]|$)')",
    message: 'the path must not contain . or .. segments',
  },
  {
    path: 'spec.resource',
    rule: "self.startsWith('https://') || self.matches('^http://(localhost|127[.]0[.]0[.]1|[[]::1[]])(:[0-9]+)?(/|$)')",
    message: 'plain http is allowed only for localhost, 127.0.0.1 and [::1]: use https',
  },
  {
    path: 'spec.discoveryURL',
    rule: "!self.matches('^https?://([^/?]*[.])?(0x[0-9a-f]*|[0-9]+)[.]?(:[0-9]*)?(/|[?]|$)') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]*)?(/|[?]|$)')",
    message: 'the host is an address in an unusual spelling: write it as four decimal numbers',
  },
  {
    path: 'spec.discoveryURL',
    rule: "self.matches('^https?://([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?([.][a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|[[][0-9a-f.]*:[0-9a-f:.]*[]])(:[0-9]*)?(/|[?]|$)') && isURL(self)",
    message: 'the host is not a valid host name or address',
  },
  {
    path: 'spec.discoveryURL',
    rule: "!self.matches('^https?://[[]') || (isIP(self.find('[[][0-9a-f:.]+[]]').replace('[', '').replace(']', '')) && ip.isCanonical(self.find('[[][0-9a-f:.]+[]]').replace('[', '').replace(']', '')))",
    message: 'the host must be an IPv6 address in its canonical spelling (RFC 5952)',
  },
  {
    path: 'spec.discoveryURL',
    rule: "!self.matches('^https?://[^/?]*:(6553[6-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4})([/?]|$)')",
    message: 'the port must be a number from 1 to 65535',
  },
  {
    path: 'spec.discoveryURL',
    rule: "!self.matches('^[^?]*/([.]|%2[eE]){1,2}([/?]|$)')",
    message: 'the path must not contain . or .. segments',
  },
  {
    path: 'spec.jwks',
    rule: '[has(self.uri), has(self.inline), has(self.configMapRef)].exists_one(given, given)',
    message: 'set exactly one of uri, inline and configMapRef',
  },
  {
    path: 'spec.jwks.uri',
    rule: "!self.matches('^https?://([^/?]*[.])?(0x[0-9a-f]*|[0-9]+)[.]?(:[0-9]*)?(/|[?]|$)') || self.matches('^https?://((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(:[0-9]*)?(/|[?]|$)')",
    message: 'the host is an address in an unusual spelling: write it as four decimal numbers',
  },
  {
    path: 'spec.jwks.uri',
    rule: "self.matches('^https?://([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?([.][a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|[[][0-9a-f.]*:[0-9a-f:.]*[]])(:[0-9]*)?(/|[?]|$)') && isURL(self)",
    message: 'the host is not a valid host name or address',
  },
  {
    path: 'spec.jwks.uri',
    rule: "!self.matches('^https?://[[]') || (isIP(self.find('[[][0-9a-f:.]+[]]').replace('[', '').replace(']', '')) && ip.isCanonical(self.find('[[][0-9a-f:.]+[]]').replace('[', '').replace(']', '')))",
    message: 'the host must be an IPv6 address in its canonical spelling (RFC 5952)',
  },
  {
    path: 'spec.jwks.uri',
    rule: "!self.matches('^https?://[^/?]*:(6553[6-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4})([/?]|$)')",
    message: 'the port must be a number from 1 to 65535',
  },
  {
    path: 'spec.jwks.uri',
    rule: "!self.matches('^[^?]*/([.]|%2[eE]){1,2}([/?]|$)')",
    message: 'the path must not contain . or .. segments',
  },
  {
    path: 'spec.clockSkew',
    rule: "duration(self) <= duration('5m')",
    message: 'clockSkew must be at most 5m',
  },
  {
    path: 'spec.requiredScopes[]',
    rule: "self != 'offline_access'",
    message: 'offline_access is for the client and its authorization server: a resource must not require it',
  },
  {
    path: 'spec.requiredClaims[].claim',
    rule: "!(self in ['iss', 'aud', 'exp', 'nbf', 'iat', 'scope', 'cnf', 'at_hash', 'c_hash', 's_hash'])",
    message: 'this claim is judged by itself: use issuer, audience, additionalAudiences or requiredScopes',
  },
  {
    path: 'spec.tools[].scopes[]',
    rule: "self != 'offline_access'",
    message: 'offline_access is for the client and its authorization server: a resource must not require it',
  },
  {
    path: 'spec.upstream.service.path',
    rule: "!self.matches('^[^?]*/([.]|%2[eE]){1,2}([/?]|$)')",
    message: 'the path must not contain . or .. segments',
  },
] as const;
