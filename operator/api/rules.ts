/**
 * The twins of the CRD's CEL rules. A stored object can be older than a rule, and a folder of manifests has no API
 * server: so the operator judges by them, too. `test/api/rules.test.ts` holds each twin to its rule.
 */
import { secondsOfClockSkew } from './clock-skew.ts';
import type { FieldError } from './field-error.ts';
import type { Jwks, McpAuthPolicySpec } from './mcp-auth-policy.gen.ts';
import { parseStrictUrl } from './strict-url.ts';

/** What one CEL rule says, in TypeScript. */
export interface RuleTwin {
  /** Where the rule stands in the schema; the items of a list are `[]`. */
  readonly path: string;
  /** The message of the CEL rule. */
  readonly message: string;
  /** Whether a value found at `path` keeps the rule; it has passed the structural checks. */
  readonly holds: (value: unknown) => boolean;
}

interface Rule<T> {
  readonly message: string;
  readonly holds: (value: T) => boolean;
}

const modeRules: readonly Rule<McpAuthPolicySpec>[] = [
  {
    message: 'mode Offline needs spec.jwks.inline or spec.jwks.configMapRef: it never uses the network',
    holds: ({ mode, jwks }) => mode !== 'Offline' || (jwks !== undefined && jwks.uri === undefined),
  },
  {
    message: 'mode Offline never uses the network: remove spec.discoveryURL',
    holds: ({ mode, discoveryURL }) => mode !== 'Offline' || discoveryURL === undefined,
  },
  {
    message: "mode TokenReview asks the cluster's API server: remove spec.jwks and spec.discoveryURL",
    holds: ({ mode, jwks, discoveryURL }) =>
      mode !== 'TokenReview' || (jwks === undefined && discoveryURL === undefined),
  },
  {
    message: 'spec.jwks replaces discovery: remove spec.discoveryURL or spec.jwks',
    holds: ({ jwks, discoveryURL }) => jwks === undefined || discoveryURL === undefined,
  },
];

const plainPath: Rule<string> = {
  message: 'the path must not contain . or .. segments',
  holds: (text) => !/^[^?]*\/(?:[.]|%2[eE]){1,2}(?:[/?]|$)/.test(text),
};

const urlRules: readonly Rule<string>[] = [
  {
    message: 'the host is an address in an unusual spelling: write it as four decimal numbers',
    holds: (url) => {
      const { hostname } = splitAuthority(url);
      return !/(?:^|[.])(?:0x[0-9a-f]*|[0-9]+)[.]?$/.test(hostname) || hasOneSpelling(hostname);
    },
  },
  {
    message: 'the host is not a valid host name or address',
    holds: (url) => {
      const { hostname } = splitAuthority(url);
      return (
        /^\[[0-9a-f.]*:[0-9a-f:.]*\]$/.test(hostname) ||
        hostname.split('.').every((label) => /^[a-z0-9_]+(?:-+[a-z0-9_]+)*$/.test(label))
      );
    },
  },
  {
    message: 'the host must be an IPv6 address in its canonical spelling (RFC 5952)',
    holds: (url) => {
      const { hostname } = splitAuthority(url);
      return !hostname.includes(':') || hasOneSpelling(hostname);
    },
  },
  {
    message: 'the port must be a number from 1 to 65535',
    holds: (url) => Number(splitAuthority(url).port) <= 65_535,
  },
  plainPath,
];

const loopbackHttp: Rule<string> = {
  message: 'plain http is allowed only for localhost, 127.0.0.1 and [::1]: use https',
  holds: (url) =>
    url.startsWith('https://') || ['localhost', '127.0.0.1', '[::1]'].includes(splitAuthority(url).hostname),
};

const oneKeySource: Rule<Jwks> = {
  message: 'set exactly one of uri, inline and configMapRef',
  holds: (jwks) => Object.keys(jwks).length === 1,
};

const shortClockSkew: Rule<string> = {
  message: 'clockSkew must be at most 5m',
  holds: (clockSkew) => secondsOfClockSkew(clockSkew) <= 300,
};

const noWildcard: Rule<string> = {
  message: 'wildcards are not supported: list every accepted audience',
  holds: (audience) => !audience.includes('*'),
};

const ownClaim: Rule<string> = {
  message: 'this claim is judged by itself: use issuer, audience, additionalAudiences or requiredScopes',
  holds: (claim) =>
    !['iss', 'aud', 'exp', 'nbf', 'iat', 'scope', 'cnf', 'at_hash', 'c_hash', 's_hash'].includes(claim),
};

const noOfflineAccess: Rule<string> = {
  message: 'offline_access is for the client and its authorization server: a resource must not require it',
  holds: (scope) => scope !== 'offline_access',
};

/** Every twin; the same rule at two paths is there twice. */
export const ruleTwins: readonly RuleTwin[] = [
  ...twins('spec', modeRules),
  ...twins('spec.issuer', urlRules),
  ...twins('spec.audience', [noWildcard]),
  ...twins('spec.additionalAudiences[]', [noWildcard]),
  ...twins('spec.resource', [...urlRules, loopbackHttp]),
  ...twins('spec.discoveryURL', urlRules),
  ...twins('spec.jwks', [oneKeySource]),
  ...twins('spec.jwks.uri', urlRules),
  ...twins('spec.clockSkew', [shortClockSkew]),
  ...twins('spec.requiredScopes[]', [noOfflineAccess]),
  ...twins('spec.requiredClaims[].claim', [ownClaim]),
  ...twins('spec.tools[].scopes[]', [noOfflineAccess]),
  ...twins('spec.upstream.service.path', [plainPath]),
];

/**
 * Checks what the schema alone cannot say.
 *
 * @param spec a spec that passed the structural decoder
 * @returns every broken rule with the path of the value that breaks it; empty when all hold
 */
export function checkRules(spec: McpAuthPolicySpec): readonly FieldError[] {
  return ruleTwins.flatMap(({ path, message, holds }) =>
    valuesAt({ spec }, path)
      .filter(({ value }) => !holds(value))
      .map((broken) => ({ path: broken.path, message })),
  );
}

// The structural decoder has made sure that a value at the path has the type of the rule.
function twins<T>(path: string, rules: readonly Rule<T>[]): readonly RuleTwin[] {
  return rules.map(({ message, holds }) => ({ path, message, holds: (value) => holds(value as T) }));
}

interface Place {
  readonly path: string;
  readonly value: unknown;
}

/** Lists the values at a path such as `spec.tools[].scopes[]`, each with its own path; absent members have none. */
function valuesAt(root: unknown, path: string): readonly Place[] {
  const steps = path.split(/[.]|(?=\[\])/);
  return steps.reduce<readonly Place[]>(
    (places, step) => places.flatMap((place) => stepInto(place, step)),
    [{ path: '', value: root }],
  );
}

function stepInto({ path, value }: Place, step: string): readonly Place[] {
  if (step === '[]') {
    return (value as readonly unknown[]).map((item, index) => ({ path: `${path}[${index}]`, value: item }));
  }
  const member = (value as Readonly<Record<string, unknown>>)[step];
  return member === undefined ? [] : [{ path: path === '' ? step : `${path}.${step}`, value: member }];
}

/** Splits what stands between `//` and the path; the port is empty when there is none. */
function splitAuthority(url: string): { readonly hostname: string; readonly port: string } {
  const { hostname = '', port = '' } =
    /^https?:\/\/(?<hostname>\[[^\]]*\]|[^:/?]*)(?::(?<port>[0-9]*))?/.exec(url)?.groups ?? {};
  return { hostname, port };
}

/** Whether an address is written in the only way that every parser leaves as it is. */
function hasOneSpelling(hostname: string): boolean {
  return parseStrictUrl(`https://${hostname}`) !== undefined;
}
