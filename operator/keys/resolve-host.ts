import { lookup, Resolver } from 'node:dns/promises';
import type { OutboundRule } from '../policy/outbound-rule.ts';
import { isNamedHost } from './address-rules.ts';

/** Finds all addresses of a host name; rejects when it cannot. */
export type ResolveHost = (
  host: string,
  rules: readonly OutboundRule[],
  signal: AbortSignal,
) => Promise<readonly string[]>;

/** Time for one DNS query and how often it is sent; both families are asked at once. */
const dnsLimits = { timeout: 1_000, tries: 2 };

/**
 * Resolves a name that the administrator wrote down, or that has no dot, as the machine does: hosts file, search domains.
 * Any other name is a tenant's choice and resolved by DNS: the machine's way occupies one of the process's few threads
 * until the name's server answers, so that a few slow names would stop everybody's lookups. Where the administrator
 * allows any host, the machine is asked after DNS, since the name may be one of the hosts file.
 */
export const resolveHost: ResolveHost = async (host, rules, signal) => {
  if (!host.includes('.') || isNamedHost(host, rules)) return await resolveByMachine(host);
  try {
    return await resolveByDns(host, signal);
  } catch (error) {
    if (!signal.aborted && rules.some(({ hosts }) => hosts.includes('*')))
      return await resolveByMachine(host);
    throw error;
  }
};

async function resolveByMachine(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/**
 * Asks DNS for both families of addresses; one that fails is left out.
 *
 * @param servers - instead of the machine's DNS servers; each with a port if it is not 53.
 */
export async function resolveByDns(
  host: string,
  signal: AbortSignal,
  servers?: readonly string[],
): Promise<readonly string[]> {
  const resolver = new Resolver(dnsLimits);
  if (servers !== undefined) resolver.setServers(servers);
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason;
    return [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}
