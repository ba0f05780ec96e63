import type { UpstreamService } from '../api/mcp-auth-policy.gen.ts';
import type { ServiceData, ServicePort } from './inputs.ts';

/** What may be said against a Service. */
export interface Objection {
  readonly reason: 'RefNotFound' | 'InvalidRef';
  /** The member of `spec.upstream.service` that it is about. */
  readonly member: 'name' | 'port';
  /** One clause without a full stop. */
  readonly message: string;
}

/** The MCP servers of some gateways are marked as such; they speak HTTP like the others. */
const plainProtocols = /^(http|kubernetes\.io\/ws|([a-z0-9.-]+\/)?mcp)$/;

/**
 * Judges whether it is the namespace's own pods that a Service leads to, and whether we can speak with them. A name, or
 * addresses that somebody writes by hand, could lead to another namespace: that would be asked by us, with our rights.
 */
export function judgeService(service: ServiceData, ref: UpstreamService): Objection | undefined {
  const { name } = ref;
  if (service.type === 'ExternalName') {
    return invalid(
      'name',
      `Service ${name} is of type ExternalName: use one with a selector and a ClusterIP of its own`,
    );
  }
  if (service.clusterIP === 'None') {
    return invalid('name', `Service ${name} is headless: use one without "clusterIP: None"`);
  }
  if (!service.hasSelector) {
    return invalid('name', `Service ${name} has no selector: give it one that selects the MCP server's pods`);
  }
  return judgePort(service, ref);
}

/** Whether the port that is dialled is one for TLS. */
export function isTlsPort(service: ServiceData, port: number): boolean {
  return tcpPort(service, port)?.appProtocol === 'https';
}

function judgePort(service: ServiceData, { name, port }: UpstreamService): Objection | undefined {
  const found = tcpPort(service, port);
  if (found === undefined) {
    return service.ports.some((other) => other.port === port)
      ? invalid('port', `port ${port} of Service ${name} is not one for TCP: MCP is spoken over TCP`)
      : invalid('port', `Service ${name} has no port ${port}: name one of its spec.ports`);
  }
  const { appProtocol = 'http' } = found;
  if (appProtocol === 'https' || plainProtocols.test(appProtocol)) return undefined;
  return invalid(
    'port',
    `port ${port} of Service ${name} has an appProtocol that the operator does not speak: use http or https`,
  );
}

function tcpPort({ ports }: ServiceData, port: number): ServicePort | undefined {
  return ports.find((other) => other.port === port && other.protocol === 'TCP');
}

function invalid(member: Objection['member'], message: string): Objection {
  return { reason: 'InvalidRef', member, message };
}
