import type { RemoteKeySourceConfig } from '../../operator/keys/load-keys.ts';
import { createDocumentFetcher } from '../../operator/keys/outbound.ts';
import {
  type RemoteKeySource,
  type RemoteKeySourceParts,
  startRemoteKeySource,
} from '../../operator/keys/remote-key-source.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.ts';
import { type ScriptableIssuer, startScriptableIssuer } from '../fixtures/scriptable-issuer.ts';
import { createSigner, type Signer } from '../fixtures/token-forge.ts';
import { allowLoopback, resolveTo } from './loopback.ts';

export const REFRESH_SECONDS = 300;

const ca = await createCertificateAuthority();

/** Two signers of the issuer; it starts with the first. */
export const first = await createSigner('ES256', { kid: 'first' });
export const second = await createSigner('ES256', { kid: 'second' });

/** A real issuer over TLS and key sources in front of it, whose time is held. */
export interface Scene extends AsyncDisposable {
  readonly issuer: ScriptableIssuer;
  readonly clock: FakeClock;
  /** Starts a source; by default one that discovers. */
  start(parts?: Partial<RemoteKeySourceParts>, config?: Partial<RemoteKeySourceConfig>): RemoteKeySource;
  /** Starts a source and waits for its first attempt to end. */
  startLoaded(parts?: Partial<RemoteKeySourceParts>): Promise<RemoteKeySource>;
  /** Runs the next background attempt to its end. */
  nextAttempt(source: RemoteKeySource): Promise<void>;
  /** How often the key set has been fetched. */
  keyFetches(): number;
  /** How often a source has said that its state changed. */
  changes(): number;
}

export async function startScene(): Promise<Scene> {
  const issuer = await startScriptableIssuer({ ca, keys: setOf(first), path: '/realms/a' });
  const clock = createFakeClock();
  const sources: RemoteKeySource[] = [];
  let changes = 0;

  function start(
    parts: Partial<RemoteKeySourceParts> = {},
    config: Partial<RemoteKeySourceConfig> = { kind: 'discovery', issuer: issuer.issuer },
  ): RemoteKeySource {
    const trust = { id: 'a', caPem: ca.certificatePem, outbound: allowLoopback(issuer.issuer) };
    const source = startRemoteKeySource({ ...trust, ...config } as RemoteKeySourceConfig, {
      fetchDocument: createDocumentFetcher({ clock, resolve: resolveTo(['127.0.0.1']) }),
      clock,
      random: () => 0.5,
      refreshSeconds: REFRESH_SECONDS,
      takeTurn: async () => () => undefined,
      onChange: () => {
        changes += 1;
      },
      ...parts,
    });
    sources.push(source);
    return source;
  }

  return {
    issuer,
    clock,
    start,
    async startLoaded(parts) {
      const source = start(parts);
      await source.refresh();
      return source;
    },
    async nextAttempt(source) {
      clock.advance(Math.max(...clock.pending()));
      // Whoever asks while an attempt is under way joins it.
      await source.refresh();
    },
    keyFetches: () => issuer.requests.filter(({ path }) => path === issuer.jwksPath).length,
    changes: () => changes,
    async [Symbol.asyncDispose]() {
      for (const source of sources) source.close();
      await issuer.stop();
    },
  };
}

export function setOf(...signers: readonly Signer[]): { readonly keys: Signer['publicJwk'][] } {
  return { keys: signers.map(({ publicJwk }) => publicJwk) };
}

export function kidsOf(source: RemoteKeySource): readonly unknown[] | undefined {
  return source.current()?.keys.map(({ kid }) => kid);
}
