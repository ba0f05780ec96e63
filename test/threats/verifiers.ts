import type { Mode } from '../../operator/api/mcp-auth-policy.gen.ts';
import { createKeyStore } from '../../operator/keys/key-store.ts';
import { createDocumentFetcher } from '../../operator/keys/outbound.ts';
import type { EnforcedConfig, KeySourceConfig } from '../../operator/policy/verifier-config.ts';
import { createReviewMemory } from '../../operator/verify/review-memory.ts';
import { createTokenVerifier, type VerifyToken } from '../../operator/verify/verify-token.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { holdClock } from '../fixtures/held-clock.ts';
import { type ScriptableIssuer, startScriptableIssuer } from '../fixtures/scriptable-issuer.ts';
import { createStandInApiServer } from '../fixtures/stand-in-api-server.ts';
import { createSigner, type Signer } from '../fixtures/token-forge.ts';
import { allowLoopback, resolveTo } from '../keys/loopback.ts';
import { baseRules, issuer, nowSeconds, type Signers } from './tokens.cases.ts';

/** One mode of verification, with the configuration of a policy in it. */
export interface Subject {
  readonly mode: Mode;
  readonly verify: VerifyToken;
  readonly config: EnforcedConfig;
}

const clock = holdClock(nowSeconds * 1000);

export async function createSigners(): Promise<Signers> {
  const ec = await createSigner('ES256');
  return {
    ec,
    rsa: await createSigner('RS256'),
    ed: await createSigner('EdDSA'),
    forger: await createSigner('ES256', { kid: ec.kid }),
    stranger: await createSigner('ES256'),
  };
}

/** The issuer's key set. */
export function publicKeys({ rsa, ec, ed }: Signers): readonly Signer['publicJwk'][] {
  return [rsa, ec, ed].map(({ publicJwk }) => publicJwk);
}

/** Keys given in the policy. */
export function createOffline(keys: readonly unknown[]): Subject {
  const keySource = { kind: 'static', id: 'offline', jwks: JSON.stringify({ keys }) } as const;
  return { mode: 'Offline', ...createByKeys('Offline', keySource) };
}

/** Keys discovered at a real issuer over TLS. */
export async function createOidc(keys: readonly object[]): Promise<Subject & AsyncDisposable> {
  const ca = await createCertificateAuthority();
  const server = await startScriptableIssuer({ ca, keys: { keys }, path: '/realms/a' });
  server.respond(server.discoveryPath, { body: { ...server.metadata, issuer } });
  const keySource = describeSource(server, ca.certificatePem);
  const { verify, config, close, settled } = createByKeys('OIDC', keySource);
  await settled;
  return {
    mode: 'OIDC',
    verify,
    config,
    async [Symbol.asyncDispose]() {
      close();
      await server.stop();
    },
  };
}

function describeSource(server: ScriptableIssuer, caPem: string): KeySourceConfig {
  const discoveryURL = `${server.jwksURI.replace(server.jwksPath, '')}${server.discoveryPath}`;
  const outbound = allowLoopback(server.issuer);
  return { kind: 'discovery', id: 'oidc', issuer, discoveryURL, caPem, outbound };
}

function createByKeys(mode: 'OIDC' | 'Offline', keySource: KeySourceConfig) {
  const tried = Promise.withResolvers<void>();
  const store = createKeyStore({
    clock,
    random: () => 0.5,
    refreshSeconds: 300,
    onChange: tried.resolve,
    fetchDocument: createDocumentFetcher({ resolve: resolveTo(['127.0.0.1']) }),
  });
  store.retain([{ config: keySource, owner: 'team-a' }]);
  return {
    verify: createTokenVerifier({ findKeySource: store.find, clock }),
    config: { mode, ...baseRules, keySource },
    settled: tried.promise,
    close: store.close,
  };
}

/** The API server judges; see `test/cluster/` for the real one. */
export function createReviewing({ rsa, ec, ed }: Signers): Subject {
  const apiServer = createStandInApiServer({ issuer, signer: rsa, others: [ec, ed], clock });
  const reviews = createReviewMemory(apiServer.review, clock);
  const verify = createTokenVerifier({ findKeySource: () => undefined, reviews, clock });
  const config = { mode: 'TokenReview', ...baseRules, namespace: 'team-a', policy: 'team-a/x' } as const;
  return { mode: 'TokenReview', verify, config };
}
