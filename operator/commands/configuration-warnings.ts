import { isIP } from 'node:net';
import type { FieldError } from '../api/field-error.ts';
import { judgeConnection, stripBrackets } from '../keys/address-rules.ts';
import type { AllowedOutbound, Namespaces, OperatorConfiguration } from '../policy/operator-configuration.ts';
import type { Logger } from '../telemetry/log.ts';

/** What is legal in a configuration but surely not meant, with the field. */
export function findWarnings(configuration: OperatorConfiguration): readonly FieldError[] {
  const { publicURL, outbound, issuers, resourceHosts, allowedOrigins } = configuration;
  return [
    ...(publicURL === undefined
      ? [{ path: 'publicURL', message: 'not set: only resources on hosts of their own are served' }]
      : []),
    ...allowedOrigins.flatMap(warnOfOrigin),
    ...outbound.allow.flatMap((entry, index) => {
      const path = `outbound.allow[${index}]`;
      return [
        ...warnOfNamespaces(entry.namespaces, path),
        ...warnOfReach(entry, path),
        ...warnOfDeadHosts(entry, path),
      ];
    }),
    ...issuers.flatMap(({ namespaces }, index) => warnOfNamespaces(namespaces, `issuers[${index}]`)),
    ...resourceHosts.flatMap(({ namespaces }, index) => [
      ...warnOfNamespaces(namespaces, `resourceHosts[${index}]`),
      ...warnOfSharedHosts(namespaces, `resourceHosts[${index}]`),
    ]),
  ];
}

export function logWarnings(
  configuration: OperatorConfiguration,
  log: Logger,
  { hasCluster }: { readonly hasCluster: boolean },
): void {
  if (configuration.clusterIssuer && !hasCluster) {
    log.warn('clusterIssuer has no effect: without --kubeconfig there is no cluster');
  }
  for (const { path, message } of findWarnings(configuration)) {
    log.warn('the configuration may not be meant so', { field: path, problem: message });
  }
}

function warnOfOrigin(origin: string, index: number): readonly FieldError[] {
  const { protocol, hostname } = new URL(origin);
  if (protocol !== 'http:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname)) return [];
  const message = `${origin} is plain http: whoever is on the way to its users can call in their name; use https`;
  return [{ path: `allowedOrigins[${index}]`, message }];
}

function warnOfNamespaces(namespaces: Namespaces, path: string): readonly FieldError[] {
  if (!namespaces.includes('*') || namespaces.length === 1) return [];
  return [{ path: `${path}.namespaces`, message: '* stands for all: the names beside it have no effect' }];
}

/** Where a cloud tells its virtual machines their credentials. */
const metadataServices = ['169.254.169.254', 'fd00:ec2::254'];

function warnOfReach(entry: AllowedOutbound, path: string): readonly FieldError[] {
  const { hosts, cidrs } = entry;
  if (!hosts.includes('*')) return [];
  const everything = cidrs.find((cidr) => cidr.endsWith('/0'));
  if (everything !== undefined) {
    const message = `with hosts "*", ${everything} lets policies reach every address on these ports, those of the cluster and of this pod too; name hosts, or ranges`;
    return [{ path: `${path}.cidrs`, message }];
  }
  const service = metadataServices.find((address) => covers(entry, address));
  if (service === undefined) return [];
  const message = `with hosts "*", policies can reach the cloud's metadata service (${service}); name hosts, or smaller ranges`;
  return [{ path: `${path}.cidrs`, message }];
}

/** Without a range that holds it, an address of one's own network is named in vain. */
function warnOfDeadHosts(entry: AllowedOutbound, path: string): readonly FieldError[] {
  return entry.hosts.flatMap((host, index) => {
    const address = stripBrackets(host);
    if (isIP(address) === 0 || covers(entry, address)) return [];
    const message = `${host} is not public and no range in cidrs holds it: this entry does not allow it`;
    return [{ path: `${path}.hosts[${index}]`, message }];
  });
}

function covers(entry: AllowedOutbound, address: string): boolean {
  return entry.ports.some((port) => judgeConnection({ host: address, port, address }, [entry]));
}

function warnOfSharedHosts(namespaces: Namespaces, path: string): readonly FieldError[] {
  if (!namespaces.includes('*')) return [];
  const message =
    'any namespace may take any path of these hosts, the oldest policy wins; name the namespaces';
  return [{ path: `${path}.namespaces`, message }];
}
