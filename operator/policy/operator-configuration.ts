import type { Decoded, FieldError } from '../api/field-error.ts';
import { isNamespaceName } from '../api/kubernetes-object.ts';
import {
  decodeWith,
  defaulted,
  integer,
  list,
  object,
  oneOf,
  optional,
  required,
  string,
} from '../api/schema-checks.ts';
import { parseStrictUrl } from '../api/strict-url.ts';
import { cidrForm, isCidr } from './cidr.ts';
import { boolean, record, refine, texts } from './configuration-checks.ts';
import { type HostPattern, isHostPattern, parseHostPattern } from './host-pattern.ts';
import type { OutboundRule } from './outbound-rule.ts';
import type { Shares } from './snapshot.ts';

/** Which namespaces an entry is about: names, or `*` for all. */
export type Namespaces = readonly string[];

/** The administrator's file (`--config`), judged and with its defaults. */
export interface OperatorConfiguration {
  readonly apiVersion: 'mcpauth.dev/v1alpha1';
  readonly kind: 'OperatorConfiguration';
  /** Without trailing slash. Absent when not configured: then only resources on hosts of their own exist. */
  readonly publicURL?: string;
  readonly additionalHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly outbound: { readonly allow: readonly AllowedOutbound[] };
  readonly issuers: readonly AllowedIssuers[];
  readonly clusterIssuer: boolean;
  readonly resourceHosts: readonly OwnHosts[];
  readonly forbiddenAudiences: readonly string[];
  /** `namespace/service:port` → `host:port`, for `serve` and `compile`. */
  readonly serviceAddresses: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly metrics: MetricsSwitches;
  readonly accessLog: AccessLog;
  readonly intervals: Intervals;
}

export interface AllowedOutbound extends OutboundRule {
  readonly namespaces: Namespaces;
}

export interface AllowedIssuers {
  readonly namespaces: Namespaces;
  readonly issuers: readonly string[];
}

export interface OwnHosts {
  readonly namespaces: Namespaces;
  readonly hosts: readonly string[];
}

export interface Limits extends Shares {
  readonly maxTokenBytes: number;
  readonly maxPoliciesPerNamespace: number;
  /** Of the ConfigMap values that the policies of a namespace name, each counted once. */
  readonly maxReferencedBytesPerNamespace: number;
}

export interface AccessLog {
  /** Of so many requests that are let in one has a line in the log; 0: none. Refused ones always have. */
  readonly admittedOneIn: number;
}

export interface MetricsSwitches {
  /** A series for each policy: useful, and costly where there are thousands. */
  readonly byPolicy: boolean;
}

export interface Intervals {
  /** A duration such as `5m`; see {@link secondsOf}. */
  readonly keyRefresh: string;
  /** How long `run` goes on serving after SIGTERM, not ready any more, before it stops to accept. */
  readonly lameDuck: string;
  /** How long an upstream may take to begin its answer, and be silent inside one that is no event stream. */
  readonly upstreamPatience: string;
}

export function appliesTo(namespaces: Namespaces, namespace: string): boolean {
  return namespaces.includes('*') || namespaces.includes(namespace);
}

/** The host of `publicURL`, with its port. */
export function publicHost({ publicURL }: OperatorConfiguration): HostPattern | undefined {
  const url = publicURL === undefined ? undefined : parseStrictUrl(publicURL);
  return url && { hostname: url.hostname, port: url.port ?? (url.scheme === 'https' ? 443 : 80) };
}

/** `5m`, `90s`, `1h` → seconds. */
export function secondsOf(duration: string): number {
  const [, hours = '0', minutes = '0', seconds = '0'] = durationForm.exec(duration) ?? [];
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/**
 * Judges the administrator's file. Unknown keys are errors: a misspelt limit must not be taken for a limit.
 *
 * @param document - the parsed YAML document.
 */
export function decodeConfiguration(document: unknown): Decoded<OperatorConfiguration> {
  const decoded = decodeWith(configuration, document, '');
  if (!decoded.ok) {
    const errors = decoded.errors.map(({ path, message }) => ({
      path: path.replace(/^\./, '') || '(file)',
      message,
    }));
    return { ok: false, errors };
  }
  const { publicURL } = decoded.value;
  const value =
    publicURL === undefined ? decoded.value : { ...decoded.value, publicURL: publicURL.replace(/\/$/, '') };
  const errors = [...sharedHostErrors(value), ...overlapErrors(value)];
  return errors.length === 0 ? { ok: true, value } : { ok: false, errors };
}

/** What holds without a file. */
export const defaultDocument = {
  apiVersion: 'mcpauth.dev/v1alpha1',
  kind: 'OperatorConfiguration',
} as const;

/** A host that leads to everybody's resources cannot also be one namespace's own. */
function sharedHostErrors(value: OperatorConfiguration): readonly FieldError[] {
  const shared = [publicHost(value), ...value.additionalHosts.map(parseHostPattern)].map(
    (host) => host?.hostname,
  );
  return value.resourceHosts.flatMap(({ hosts }, entry) =>
    hosts.flatMap((host, index) =>
      shared.includes(parseHostPattern(host).hostname)
        ? [
            {
              path: `resourceHosts[${entry}].hosts[${index}]`,
              message:
                'is the host of publicURL or of additionalHosts, which all namespaces share: use another host',
            },
          ]
        : [],
    ),
  );
}

/** `h` covers `h:8443` too: were both given to namespaces, one would answer for the other. */
function overlapErrors({ resourceHosts }: OperatorConfiguration): readonly FieldError[] {
  const anyPort = new Set(
    resourceHosts.flatMap(({ hosts }) => hosts).filter((host) => parseHostPattern(host).port === undefined),
  );
  return resourceHosts.flatMap(({ hosts }, entry) =>
    hosts.flatMap((host, index) => {
      const { hostname, port } = parseHostPattern(host);
      if (port === undefined || !anyPort.has(hostname)) return [];
      const message = `is also covered by ${hostname}, which stands for every port: give every entry its port`;
      return [{ path: `resourceHosts[${entry}].hosts[${index}]`, message }];
    }),
  );
}

const durationForm = /^(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,6})s)?$/;

const namespaces = texts('* or the name of a namespace', (text) => text === '*' || isNamespaceName(text), 1);

const hostPatterns = texts('a lower-case host, with a port or without', isHostPattern);

const outboundHosts = texts(
  '*, *.suffix, or a lower-case host name or address without port',
  (text) =>
    text === '*' ||
    /^(\*\.)?[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/.test(text) ||
    /^\[?[0-9a-f:.]+\]?$/.test(text),
  1,
);

function duration(minimum: number, maximum: number): ReturnType<typeof refine<string>> {
  const expected = `a duration such as 5m, from ${minimum}s to ${maximum}s`;
  const isGood = (text: string): boolean =>
    durationForm.test(text) && secondsOf(text) >= minimum && secondsOf(text) <= maximum;
  return refine(string({ expected, minLength: 2, maxLength: 16 }), expected, isGood);
}

function isPublicURL(text: string): boolean {
  const url = parseStrictUrl(text);
  const isLoopback = url !== undefined && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return (
    url !== undefined &&
    (url.scheme === 'https' || isLoopback) &&
    url.query === undefined &&
    /^(\/[A-Za-z0-9._~-]+)*\/?$/.test(url.path)
  );
}

function isIssuer(text: string): boolean {
  return parseStrictUrl(text)?.scheme === 'https';
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

function isServiceAddress(text: string): boolean {
  return isHostPattern(text) && parseHostPattern(text).port !== undefined;
}

const defaultLimits: Limits = {
  maxTokenBytes: 8192,
  maxPoliciesPerNamespace: 1000,
  maxReferencedBytesPerNamespace: 4 * 1024 * 1024,
  maxInFlightPerPolicy: 1000,
  maxStreamsPerPolicy: 500,
  maxInspectedBytes: 4 * 1024 * 1024,
  maxInspectedBytesPerPolicy: 32 * 1024 * 1024,
  maxInspectedBytesPerNamespace: 64 * 1024 * 1024,
  maxInspectedBytesInAll: 128 * 1024 * 1024,
};

const defaultIntervals: Intervals = { keyRefresh: '5m', lameDuck: '5s', upstreamPatience: '60s' };

function heldBytes(limit: keyof Limits): ReturnType<typeof defaulted<number>> {
  return defaulted(integer(1024, 1024 * 1024 * 1024), defaultLimits[limit]);
}

const audience = (text: string): boolean => /^[!-~]+$/.test(text);

const configuration = object<OperatorConfiguration>({
  apiVersion: required(oneOf(['mcpauth.dev/v1alpha1'])),
  kind: required(oneOf(['OperatorConfiguration'])),
  publicURL: optional(
    refine(
      string({ expected: 'a URL', minLength: 8, maxLength: 512 }),
      'an https URL with a lower-case host and without query (http only for localhost, 127.0.0.1 and [::1])',
      isPublicURL,
    ),
  ),
  additionalHosts: defaulted(hostPatterns, []),
  allowedOrigins: defaulted(texts('an origin such as https://app.example.com', isOrigin), []),
  outbound: defaulted(
    object<OperatorConfiguration['outbound']>({
      allow: defaulted(
        list(
          object<AllowedOutbound>({
            namespaces: required(namespaces),
            hosts: required(outboundHosts),
            cidrs: defaulted(texts(cidrForm, isCidr), []),
            ports: defaulted(list(integer(1, 65535), { minItems: 1, maxItems: 100, unique: 'set' }), [443]),
          }),
          { maxItems: 1000 },
        ),
        [],
      ),
    }),
    { allow: [] },
  ),
  issuers: defaulted(
    list(
      object<AllowedIssuers>({
        namespaces: required(namespaces),
        issuers: required(texts('an https URL, exactly as in the tokens', isIssuer, 1)),
      }),
      { maxItems: 1000 },
    ),
    [],
  ),
  clusterIssuer: defaulted(boolean, false),
  resourceHosts: defaulted(
    list(object<OwnHosts>({ namespaces: required(namespaces), hosts: required(hostPatterns) }), {
      maxItems: 1000,
    }),
    [],
  ),
  forbiddenAudiences: defaulted(texts('printable ASCII characters without spaces', audience), []),
  serviceAddresses: defaulted(
    record(
      refine(
        string({ expected: 'namespace/service:port', maxLength: 256 }),
        'namespace/service:port',
        (text) => /^[a-z0-9-]+\/[a-z0-9-]+:[1-9][0-9]*$/.test(text),
      ),
      refine(string({ expected: 'host:port', maxLength: 256 }), 'host:port', isServiceAddress),
    ),
    {},
  ),
  limits: defaulted(
    object<Limits>({
      maxTokenBytes: defaulted(integer(1024, 15_360), defaultLimits.maxTokenBytes),
      maxPoliciesPerNamespace: defaulted(integer(1, 100_000), defaultLimits.maxPoliciesPerNamespace),
      maxReferencedBytesPerNamespace: heldBytes('maxReferencedBytesPerNamespace'),
      maxInFlightPerPolicy: defaulted(integer(1, 100_000), defaultLimits.maxInFlightPerPolicy),
      maxStreamsPerPolicy: defaulted(integer(1, 100_000), defaultLimits.maxStreamsPerPolicy),
      maxInspectedBytes: defaulted(integer(1024, 64 * 1024 * 1024), defaultLimits.maxInspectedBytes),
      maxInspectedBytesPerPolicy: heldBytes('maxInspectedBytesPerPolicy'),
      maxInspectedBytesPerNamespace: heldBytes('maxInspectedBytesPerNamespace'),
      maxInspectedBytesInAll: heldBytes('maxInspectedBytesInAll'),
    }),
    defaultLimits,
  ),
  metrics: defaulted(object<MetricsSwitches>({ byPolicy: defaulted(boolean, false) }), { byPolicy: false }),
  accessLog: defaulted(object<AccessLog>({ admittedOneIn: defaulted(integer(0, 1_000_000), 100) }), {
    admittedOneIn: 100,
  }),
  intervals: defaulted(
    object<Intervals>({
      keyRefresh: defaulted(duration(30, 43_200), defaultIntervals.keyRefresh),
      lameDuck: defaulted(duration(0, 60), defaultIntervals.lameDuck),
      upstreamPatience: defaulted(duration(1, 3600), defaultIntervals.upstreamPatience),
    }),
    defaultIntervals,
  ),
});
