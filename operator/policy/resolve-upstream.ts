import type { UpstreamService } from '../api/mcp-auth-policy.gen.ts';
import { isAddress } from './cidr.ts';
import type { Finding } from './finding.ts';
import { parseHostPattern } from './host-pattern.ts';
import type { Inputs, ServiceData } from './inputs.ts';
import { isTlsPort, judgeService, type Objection } from './judge-service.ts';
import type { Upstream } from './snapshot.ts';

export type ResolvedUpstream =
  | { readonly ok: true; readonly upstream: Upstream }
  | { readonly ok: false; readonly finding: Finding<'ResolvedRefs'> };

export interface UpstreamParts {
  readonly ref: UpstreamService;
  /** Of the policy, and so of the Service. */
  readonly namespace: string;
  /** PEM certificates of `caBundleRef`. */
  readonly caPem?: string;
  readonly inputs: Pick<Inputs, 'services' | 'serviceAddresses' | 'configuration'>;
}

/**
 * Finds where the MCP server behind a policy is dialled, or says why it cannot be. A Service that is known is judged also
 * where the administrator's file has its address, so that a folder of manifests is told what a cluster would tell it.
 */
export function resolveUpstream(parts: UpstreamParts): ResolvedUpstream {
  const { ref, namespace, caPem, inputs } = parts;
  const service = inputs.services.get(`${namespace}/${ref.name}`);
  const place =
    (service && judgeService(service, ref)) ??
    placeByConfiguration(parts) ??
    (service === undefined ? missing(parts) : placeByClusterIP(parts, service));
  if ('reason' in place) return refuse(place);
  const isTls = service !== undefined && isTlsPort(service, ref.port);
  const tls = { servername: serverName(parts), ...(caPem === undefined ? {} : { caPem }) };
  return { ok: true, upstream: { ...place, path: ref.path, ...(isTls ? { tls } : {}) } };
}

type Place = Pick<Upstream, 'address' | 'host'>;

/** Undefined when the administrator's file has no say. */
function placeByConfiguration(parts: UpstreamParts): Place | Objection | undefined {
  const { serviceAddresses: use, configuration } = parts.inputs;
  if (use === 'unused') return undefined;
  const written = configuration.serviceAddresses[addressKey(parts)];
  if (written === undefined) return use === 'only' ? notConfigured(parts) : undefined;
  const { hostname, port = 0 } = parseHostPattern(written);
  return { address: { host: hostname.replace(/^\[|\]$/g, ''), port }, host: written };
}

function placeByClusterIP(parts: UpstreamParts, service: ServiceData): Place | Objection {
  const { ref, inputs } = parts;
  const { clusterIP = '' } = service;
  // In most manifests there is none: the cluster will choose it.
  if (clusterIP === '' && inputs.serviceAddresses === 'first') return notConfigured(parts);
  if (!isAddress(clusterIP)) {
    const message = `Service ${ref.name} has no ClusterIP that can be dialled: use one of type ClusterIP`;
    return { reason: 'InvalidRef', member: 'name', message };
  }
  const isDefaultPort = ref.port === (isTlsPort(service, ref.port) ? 443 : 80);
  const name = isLoopback(clusterIP) ? literal(clusterIP) : serverName(parts);
  return {
    address: { host: clusterIP, port: ref.port },
    host: isDefaultPort ? name : `${name}:${ref.port}`,
  };
}

/** On one machine, without pods: there MCP servers refuse every name, because of DNS rebinding. */
function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

function literal(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function missing(parts: UpstreamParts): Objection {
  if (parts.inputs.serviceAddresses !== 'unused') return notConfigured(parts);
  const message = `Service ${parts.ref.name} was not found in this namespace`;
  return { reason: 'RefNotFound', member: 'name', message };
}

function notConfigured(parts: UpstreamParts): Objection {
  const key = JSON.stringify(addressKey(parts));
  const message = `outside of a cluster the configuration says where a Service is: add serviceAddresses[${key}]`;
  return { reason: 'RefNotFound', member: 'name', message };
}

function addressKey({ ref, namespace }: UpstreamParts): string {
  return `${namespace}/${ref.name}:${ref.port}`;
}

function serverName({ ref, namespace }: UpstreamParts): string {
  return `${ref.name}.${namespace}.svc`;
}

function refuse({ reason, member, message }: Objection): ResolvedUpstream {
  const field = `spec.upstream.service.${member}`;
  return { ok: false, finding: { reason, message: `${field}: ${message}.`, field } };
}
