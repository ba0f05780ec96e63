import { parseStrictUrl } from '../api/strict-url.ts';
import { hostPatternMatches, parseHostPattern } from './host-pattern.ts';
import { appliesTo, type OperatorConfiguration } from './operator-configuration.ts';

/** The URL that a policy wants to be answered under, and how requests for it are recognised. */
export interface ResourceClaim {
  readonly resource: string;
  /** `/` when the URL has no path. */
  readonly path: string;
  /** The host that the administrator gave to the namespace, as configured; absent for the shared hosts. */
  readonly ownHost?: string;
  readonly metadataURL: string;
}

export type ClaimOutcome =
  | { readonly ok: true; readonly claim: ResourceClaim }
  /** One clause that names the fix, without a full stop. */
  | { readonly ok: false; readonly message: string };

/** Where clients look for protected resource metadata (RFC 9728 section 3). */
export const wellKnownPath = '/.well-known/oauth-protected-resource';

/** Paths of the public port that are not for policies, on every host. */
const reservedPaths = ['/.well-known', '/forward-auth'];

/**
 * Decides which URL belongs to a policy.
 *
 * @param asked - `spec.resource`, undefined for the default `<publicURL>/<namespace>/<name>/mcp`.
 */
export function claimResource(
  asked: string | undefined,
  policy: { readonly namespace: string; readonly name: string },
  configuration: OperatorConfiguration,
): ClaimOutcome {
  const { publicURL } = configuration;
  if (asked === undefined) {
    if (publicURL === undefined) {
      return { ok: false, message: 'no publicURL is configured, so there is no default for spec.resource' };
    }
    return claim(`${publicURL}/${policy.namespace}/${policy.name}/mcp`);
  }
  if (publicURL !== undefined && asked.startsWith(`${publicURL}/${policy.namespace}/`)) return claim(asked);
  const ownHost = findOwnHost(asked, policy.namespace, configuration);
  if (ownHost !== undefined) return claim(asked, ownHost);
  const place =
    publicURL === undefined ? 'no publicURL is configured' : `use ${publicURL}/${policy.namespace}/`;
  return { ok: false, message: `spec.resource is not under a URL that belongs to this namespace: ${place}` };
}

function claim(resource: string, ownHost?: string): ClaimOutcome {
  const url = parseStrictUrl(resource);
  if (url === undefined) return { ok: false, message: 'spec.resource is not a valid URL' };
  const path = url.path === '' ? '/' : url.path;
  if (reservedPaths.some((reserved) => path === reserved || path.startsWith(`${reserved}/`))) {
    return { ok: false, message: `spec.resource must not be under ${reservedPaths.join(' or ')}` };
  }
  const origin = resource.slice(0, resource.length - url.path.length);
  return {
    ok: true,
    claim: {
      resource,
      path,
      ...(ownHost === undefined ? {} : { ownHost }),
      metadataURL: `${origin}${metadataPath(path)}`,
    },
  };
}

/** Where the metadata of the resource at `path` is served: the well-known string goes before the path (RFC 9728 section 3.1). */
export function metadataPath(path: string): string {
  return path === '/' ? wellKnownPath : `${wellKnownPath}${path}`;
}

function findOwnHost(
  resource: string,
  namespace: string,
  configuration: OperatorConfiguration,
): string | undefined {
  const url = parseStrictUrl(resource);
  if (url === undefined) return undefined;
  const port = url.port ?? (url.scheme === 'https' ? 443 : 80);
  return configuration.resourceHosts
    .filter((entry) => appliesTo(entry.namespaces, namespace))
    .flatMap((entry) => entry.hosts)
    .find((host) => hostPatternMatches(parseHostPattern(host), url.hostname, port));
}
