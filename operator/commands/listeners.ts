import type { RequestListener } from 'node:http';
import { type Address, listen } from '../http/listener.ts';
import type { EndpointOptions } from '../options.ts';
import type { OperatorConfiguration } from '../policy/operator-configuration.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { VERSION } from '../version.ts';
import { followTlsFiles, readTlsFiles } from './tls-files.ts';

export interface ListenersParts {
  readonly options: Pick<EndpointOptions, 'listen' | 'adminListen' | 'tlsFiles'>;
  readonly publicEndpoint: RequestListener;
  readonly adminEndpoint: RequestListener;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Addresses {
  readonly publicAddress: Address;
  readonly adminAddress: Address;
}

/** The two ports of the operator. */
export interface Listeners extends Addresses {
  /** Ends the public one, whose requests have `graceMs` to end, then the one for administrators. */
  drain(graceMs: number): Promise<void>;
}

/** Listens on both ports or on none. The public one's certificate is followed. */
export async function startListeners(parts: ListenersParts): Promise<Listeners> {
  const { options, publicEndpoint, adminEndpoint } = parts;
  const { tlsFiles } = options;
  const identity = tlsFiles && (await readTlsFiles(tlsFiles));
  const publicListener = await listen(publicEndpoint, options.listen, identity);
  const adminListener = await listen(adminEndpoint, options.adminListen).catch(async (error: unknown) => {
    await publicListener.drain(0);
    throw error;
  });
  const unfollow = tlsFiles && identity && followTlsFiles(tlsFiles, identity, publicListener, parts);
  return {
    publicAddress: publicListener.address,
    adminAddress: adminListener.address,
    async drain(graceMs) {
      unfollow?.();
      await publicListener.drain(graceMs);
      await adminListener.drain(0);
    },
  };
}

/** Log fields that say where the operator listens. */
export function describeListeners(
  { publicAddress, adminAddress }: Addresses,
  { publicURL }: OperatorConfiguration,
): Readonly<Record<string, string | undefined>> {
  return {
    version: VERSION,
    listen: describe(publicAddress),
    adminListen: describe(adminAddress),
    publicURL,
  };
}

function describe({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
