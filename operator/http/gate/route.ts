import { hostPatternMatches, isHostPattern, parseHostPattern } from '../../policy/host-pattern.ts';
import { wellKnownPath } from '../../policy/resource-claim.ts';
import { type CompiledPolicy, type RoutingTable, routeKey } from '../../policy/snapshot.ts';
import { headerValues, type RequestHead, readTarget, type Target } from '../request-head.ts';
import { assertionKeysPath } from './assertion-keys.ts';

export type Route =
  | { readonly kind: 'resource'; readonly policy: CompiledPolicy; readonly target: Target }
  | { readonly kind: 'metadata'; readonly policy: CompiledPolicy }
  | { readonly kind: 'assertion_keys' }
  /** The request cannot be understood: 400. */
  | { readonly kind: 'invalid' }
  /** The Host is none of ours: 421. */
  | { readonly kind: 'misdirected' }
  | { readonly kind: 'not_found' };

/**
 * Finds the policy of a request by its path, and by its host where the administrator gave a namespace a host of its own.
 * Paths are compared as they were sent: nothing is decoded or normalised, so one resource has one spelling.
 */
export function findRoute(head: RequestHead, snapshot: RoutingTable): Route {
  const target = readTarget(head);
  const [host, ...otherHosts] = headerValues(head, 'host');
  if (target === undefined || host === undefined || otherHosts.length > 0) return { kind: 'invalid' };
  // Node finds an unknown transfer coding out only after it has handed the request on (RFC 9112 section 6.1).
  if (headerValues(head, 'transfer-encoding').some((coding) => !/^chunked$/i.test(coding)))
    return { kind: 'invalid' };
  const place = findPlace(host, snapshot);
  if (place === undefined) return { kind: 'misdirected' };
  if (target.path === assertionKeysPath) return { kind: 'assertion_keys' };
  const metadataOf = pathInMetadata(target.path);
  const policy = snapshot.routes.get(routeKey(place.ownHost, metadataOf ?? target.path));
  if (policy === undefined) return { kind: 'not_found' };
  return metadataOf === undefined ? { kind: 'resource', policy, target } : { kind: 'metadata', policy };
}

/** Which set of resources a Host value leads to; undefined when it is none of ours. */
function findPlace(host: string, { hosts }: RoutingTable): { readonly ownHost?: string } | undefined {
  const name = host.toLowerCase();
  if (!isHostPattern(name)) return undefined;
  const { hostname, port } = parseHostPattern(name);
  const own = hosts.own.find((pattern) => matches(pattern, hostname, port));
  if (own !== undefined) {
    return { ownHost: own.port === undefined ? own.hostname : `${own.hostname}:${own.port}` };
  }
  return hosts.shared.some((pattern) => matches(pattern, hostname, port)) ? {} : undefined;
}

/** A Host without port means the default port of a scheme that a proxy in front may have changed: 443 or 80. */
function matches(
  pattern: { hostname: string; port?: number },
  hostname: string,
  port: number | undefined,
): boolean {
  const ports = port === undefined ? [443, 80] : [port];
  return ports.some((candidate) => hostPatternMatches(pattern, hostname, candidate));
}

function pathInMetadata(path: string): string | undefined {
  if (path === wellKnownPath) return '/';
  // With a slash alone behind it, it would be a second spelling of the same document.
  const isBelow = path.startsWith(`${wellKnownPath}/`) && path !== `${wellKnownPath}/`;
  return isBelow ? path.slice(wellKnownPath.length) : undefined;
}
