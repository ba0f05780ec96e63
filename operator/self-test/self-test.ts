import { parseStrictUrl } from '../api/strict-url.ts';
import { createGate, type Gate } from '../http/gate/gate.ts';
import type { RequestHead } from '../http/request-head.ts';
import { createStaticKeySource } from '../keys/static-key-source.ts';
import type { FailedCase, SelfTestOutcome } from '../policy/observation.ts';
import { type CompiledPolicy, type RoutingTable, routeKey } from '../policy/snapshot.ts';
import type {
  Algorithm,
  EnforcedConfig,
  JwtVerifierConfig,
  TokenReviewConfig,
} from '../policy/verifier-config.ts';
import type { Clock } from '../time/clock.ts';
import { createReviewMemory } from '../verify/review-memory.ts';
import type { ReviewToken } from '../verify/review-token.ts';
import { createTokenVerifier, type VerifyPorts, type VerifyToken } from '../verify/verify-token.ts';
import type { SelfTestCase } from './cases.ts';
import { buildJwtCases, type SelfTestKeys } from './jwt-cases.ts';
import { leadsToMetadata } from './metadata-check.ts';
import { buildReviewCases, type RequestOwnToken } from './review-cases.ts';
import { createThrowawayKey } from './throwaway-key.ts';

/** Policies that are enforced can be tested. */
export type EnforcedPolicy = CompiledPolicy & { readonly verifier: EnforcedConfig };

/** Tests the configuration of one enforced policy. A case that throws has failed. */
export type SelfTest = (policy: EnforcedPolicy) => Promise<SelfTestOutcome>;

export interface SelfTestParts {
  readonly clock: Clock;
  /** Absent without an API server. */
  readonly apiServer?: { readonly review: ReviewToken; readonly requestOwnToken: RequestOwnToken };
  /** Replaced only by tests that show what a broken verifier does to the result. */
  readonly buildVerifier?: (ports: VerifyPorts) => VerifyToken;
}

/** A policy with what it takes to test it. */
interface Bench {
  readonly policy: EnforcedPolicy;
  readonly ports: VerifyPorts;
  readonly cases: readonly SelfTestCase[];
}

type Prepared =
  | { readonly ok: true; readonly bench: Bench }
  | { readonly ok: false; readonly outcome: SelfTestOutcome };

/**
 * Builds the self-test: gate and verifier of its own, made by the code that serves callers from the configuration that
 * serves them, with a throwaway key in the place of the issuer's. No listener can reach them.
 */
export function createSelfTest({
  clock,
  apiServer,
  buildVerifier = createTokenVerifier,
}: SelfTestParts): SelfTest {
  const keysOf = new Map<Algorithm, Promise<SelfTestKeys>>();

  function keysFor({ algorithms: [alg = 'ES256'] }: EnforcedConfig): Promise<SelfTestKeys> {
    const keys = keysOf.get(alg) ?? createKeys(alg);
    keysOf.set(alg, keys);
    keys.catch(() => keysOf.delete(alg));
    return keys;
  }

  async function prepareJwt(policy: EnforcedPolicy, verifier: JwtVerifierConfig): Promise<Prepared> {
    const keys = await keysFor(verifier);
    const keySource = { kind: 'static', id: 'self-test', jwks: keys.issuer.jwks } as const;
    const source = createStaticKeySource(keySource);
    const cases = await buildJwtCases(verifier, keys, nowSeconds());
    const ports = { findKeySource: () => source, clock };
    return { ok: true, bench: { policy: { ...policy, verifier: { ...verifier, keySource } }, ports, cases } };
  }

  async function prepareReview(policy: EnforcedPolicy, verifier: TokenReviewConfig): Promise<Prepared> {
    if (apiServer === undefined) return { ok: false, outcome: { kind: 'untested', why: 'Unavailable' } };
    const { issuer: stranger } = await keysFor(verifier);
    const built = await buildReviewCases(verifier, apiServer.requestOwnToken, stranger, nowSeconds());
    if (!built.ok) return { ok: false, outcome: { kind: 'untested', why: built.why } };
    const ports = {
      findKeySource: () => undefined,
      reviews: createReviewMemory(apiServer.review, clock),
      clock,
    };
    return { ok: true, bench: { policy, ports, cases: built.cases } };
  }

  function nowSeconds(): number {
    return Math.floor(clock.nowMs() / 1000);
  }

  return async (policy) => {
    const { verifier } = policy;
    const prepared =
      verifier.mode === 'TokenReview'
        ? await prepareReview(policy, verifier)
        : await prepareJwt(policy, verifier);
    if (!prepared.ok) return prepared.outcome;
    return await runBench(prepared.bench, buildVerifier);
  };
}

async function createKeys(alg: Algorithm): Promise<SelfTestKeys> {
  const [issuer, forger] = await Promise.all([
    createThrowawayKey(alg, 'self-test'),
    createThrowawayKey(alg, 'self-test'),
  ]);
  return { issuer, forger };
}

async function runBench(
  { policy, ports, cases }: Bench,
  buildVerifier: (ports: VerifyPorts) => VerifyToken,
): Promise<SelfTestOutcome> {
  const gate = createGate(buildVerifier(ports));
  const failed: FailedCase[] = [];
  for (const one of cases) {
    const decision = await decide(one, gate, policy);
    if (decision === 'review_unavailable') return { kind: 'untested', why: 'Unavailable' };
    if (decision !== one.expected) failed.push({ name: one.name, decision });
  }
  const leads = await leadsToMetadata(gate, onlyPolicy(policy), policy, (method, path) =>
    headFor(policy, method, path),
  ).catch(() => false);
  if (!leads) failed.push({ name: 'challenge-and-metadata', decision: 'nothing' });
  return { kind: 'tested', result: { configDigest: policy.digest, checks: cases.length + 1, failed } };
}

/** What was decided; `nothing` when it could not be. */
async function decide(
  { token, requirements = {} }: SelfTestCase,
  gate: Gate,
  policy: EnforcedPolicy,
): Promise<string> {
  const snapshot = onlyPolicy({ ...policy, verifier: { ...policy.verifier, ...requirements } });
  const credentials = token === undefined ? [] : ['Authorization', `Bearer ${token}`];
  try {
    const decision = await gate(headFor(policy, 'POST', policy.path, credentials), snapshot);
    return decision.kind === 'admit' ? 'admitted' : decision.reason;
  } catch {
    return 'nothing';
  }
}

function headFor(
  { resource }: CompiledPolicy,
  method: string,
  target: string,
  headers: readonly string[] = [],
): RequestHead {
  const host = parseStrictUrl(resource)?.hostname ?? '';
  return { method, target, rawHeaders: ['Host', host, ...headers] };
}

/** A snapshot in which there is nothing but the policy under test. */
function onlyPolicy(policy: CompiledPolicy): RoutingTable {
  const { ownHost: _, ...shared } = policy;
  const url = parseStrictUrl(policy.resource);
  return {
    hosts: { shared: url === undefined ? [] : [{ hostname: url.hostname }], own: [] },
    allowedOrigins: [],
    routes: new Map([[routeKey(undefined, policy.path), shared]]),
  };
}
