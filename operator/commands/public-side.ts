import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { objectKey } from '../api/kubernetes-object.ts';
import { Exchanges } from '../http/exchange/exchanges.ts';
import type { ExchangeObserver } from '../http/exchange/followed-exchange.ts';
import { createGate } from '../http/gate/gate.ts';
import { createBuiltInServer } from '../http/mcp/built-in-server.ts';
import { createProxy } from '../http/proxy/proxy.ts';
import { createPublicEndpoint } from '../http/public-endpoint.ts';
import { createShares } from '../http/shares.ts';
import { createToolListFilter } from '../http/tools/tool-list-filter.ts';
import type { AssertionKeys } from '../identity/assertion-keys.ts';
import { createIdentify } from '../identity/identify.ts';
import type { OperatorConfiguration } from '../policy/operator-configuration.ts';
import type { Shares, Snapshot } from '../policy/snapshot.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Clock } from '../time/clock.ts';
import { createWorkBudget } from '../time/work-budget.ts';
import type { VerifyToken } from '../verify/verify-token.ts';
import { VERSION } from '../version.ts';

export interface PublicSideParts {
  readonly verifyToken: VerifyToken;
  readonly currentSnapshot: () => Snapshot | undefined;
  readonly currentConfiguration: () => OperatorConfiguration;
  readonly currentKeys: () => AssertionKeys;
  readonly observer: ExchangeObserver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'upstream' | 'followInFlight' | 'followStreams'>;
}

/** Everything that answers on the public port. */
export interface PublicSide {
  readonly endpoint: RequestListener;
  /** Cuts what is being answered for policies that are gone or have changed. */
  keepOnly(snapshot: Snapshot): void;
  /** Ends the streams that would not end by themselves. What was asked by POST goes on. */
  endStreams(): void;
}

/** Without a snapshot nobody is let in. */
const nothing: Shares = {
  maxInFlightPerPolicy: 0,
  maxStreamsPerPolicy: 0,
  maxInspectedBytes: 0,
  maxInspectedBytesPerPolicy: 0,
  maxInspectedBytesPerNamespace: 0,
  maxInspectedBytesInAll: 0,
};

export function createPublicSide(parts: PublicSideParts): PublicSide {
  const { currentSnapshot, currentConfiguration, currentKeys, clock, metrics } = parts;
  const exchanges = new Exchanges(clock);
  const limits = (): Shares => currentSnapshot()?.shares ?? nothing;
  const shares = createShares(limits);
  const { spend } = createWorkBudget(clock);
  metrics.followInFlight(() => exchanges.size);
  metrics.followStreams(shares.openStreams);
  const builtInServer = createBuiltInServer(VERSION);
  const proxy = createProxy({
    clock,
    identify: createIdentify({
      currentKeys,
      currentPublicURL: () => currentConfiguration().publicURL,
      clock,
      createId: randomUUID,
    }),
    sessionKeys: () => currentKeys().sessionKeys,
    filterFor: (admission, answer) =>
      createToolListFilter(admission, answer, {
        maxBytes: limits().maxInspectedBytes,
        hold: (bytes) => shares.takeBytes(objectKey(admission.policy), bytes),
        spend: (work) => spend(admission.policy.namespace, work),
      }),
    takeStream: ({ policy }) => shares.takeStream(objectKey(policy)),
    patienceSeconds: () => currentSnapshot()?.upstreamPatienceSeconds ?? 0,
    metrics: metrics.upstream,
  });
  return {
    endpoint: createPublicEndpoint({
      ...parts,
      ...{ builtInServer, proxy, exchanges, shares, limits, spend },
      gate: createGate(parts.verifyToken, () => currentKeys().published),
    }),
    keepOnly(snapshot) {
      exchanges.keepOnly(snapshot);
      proxy.keepOnly(snapshot);
    },
    endStreams: proxy.endStreams,
  };
}
