import { parseStrictUrl } from '../api/strict-url.ts';
import { createGate, type Gate } from '../http/gate.ts';
import { createStaticKeySource } from '../keys/static-key-source.ts';
import type { SelfTestResult } from '../policy/observation.ts';
import { type CompiledPolicy, routeKey, type Snapshot } from '../policy/snapshot.ts';
import type { Algorithm, JwtVerifierConfig } from '../policy/verifier-config.ts';
import type { Clock } from '../time/clock.ts';
import { createTokenVerifier, type VerifyPorts, type VerifyToken } from '../verify/verify-token.ts';
import { buildCases, type SelfTestCase, type SelfTestKeys } from './cases.ts';
import { createThrowawayKey } from './throwaway-key.ts';

/** Tests the configuration of one enforced policy. A case that throws has failed. */
export type SelfTest = (
  policy: CompiledPolicy & { readonly verifier: JwtVerifierConfig },
) => Promise<SelfTestResult>;

/**
 * Builds the self-test: gate and verifier of its own, made by the code that serves callers from the configuration that
 * serves them, with a throwaway key in the place of the issuer's. No listener can reach them.
 *
 * @param buildVerifier - replaced only by tests that show what a broken verifier does to the result.
 */
export function createSelfTest(
  clock: Clock,
  buildVerifier: (ports: VerifyPorts) => VerifyToken = createTokenVerifier,
): SelfTest {
  const keysOf = new Map<Algorithm, Promise<SelfTestKeys>>();
  const keysFor = (alg: Algorithm): Promise<SelfTestKeys> => {
    const keys = keysOf.get(alg) ?? createKeys(alg);
    keysOf.set(alg, keys);
    return keys;
  };
  return async (policy) => {
    const [alg = 'ES256'] = policy.verifier.algorithms;
    const keys = await keysFor(alg);
    const keySource = { kind: 'static', id: 'self-test', jwks: keys.issuer.jwks } as const;
    const source = createStaticKeySource(keySource);
    const gate = createGate(buildVerifier({ findKeySource: () => source, clock }));
    const snapshot = onlyPolicy({ ...policy, verifier: { ...policy.verifier, keySource } });
    const cases = await buildCases(policy.verifier, keys, Math.floor(clock.nowMs() / 1000));
    const failed: string[] = [];
    for (const one of cases) if (!(await passes(one, gate, snapshot, policy))) failed.push(one.name);
    return { configDigest: policy.digest, checks: cases.length, failed };
  };
}

async function createKeys(alg: Algorithm): Promise<SelfTestKeys> {
  const [issuer, forger] = await Promise.all([
    createThrowawayKey(alg, 'self-test'),
    createThrowawayKey(alg, 'self-test'),
  ]);
  return { issuer, forger };
}

async function passes(
  { token, expected }: SelfTestCase,
  gate: Gate,
  snapshot: Snapshot,
  policy: CompiledPolicy,
): Promise<boolean> {
  const host = parseStrictUrl(policy.resource)?.hostname ?? '';
  const credentials = token === undefined ? [] : ['Authorization', `Bearer ${token}`];
  const head = { method: 'POST', target: policy.path, rawHeaders: ['Host', host, ...credentials] };
  try {
    const decision = await gate(head, snapshot);
    return decision.kind === 'admit' ? expected === 'admitted' : decision.reason === expected;
  } catch {
    return false;
  }
}

/** A snapshot in which there is nothing but the policy under test. */
function onlyPolicy(policy: CompiledPolicy): Snapshot {
  const { ownHost: _, ...shared } = policy;
  const url = parseStrictUrl(policy.resource);
  return {
    digest: policy.digest,
    hosts: { shared: url === undefined ? [] : [{ hostname: url.hostname }], own: [] },
    allowedOrigins: [],
    maxInFlightPerPolicy: 1,
    routes: new Map([[routeKey(undefined, policy.path), shared]]),
    policies: new Map(),
  };
}
