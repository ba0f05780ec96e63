import { expect } from 'vitest';
import type { ResolveHost } from '../../operator/keys/resolve-host.ts';
import { decodeConfiguration } from '../../operator/policy/operator-configuration.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../fixtures/certificates.ts';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.ts';
import { type ScriptableIssuer, startScriptableIssuer } from '../fixtures/scriptable-issuer.ts';
import { createSigner, type Signer } from '../fixtures/token-forge.ts';
import { type Canary, startCanary } from '../keys/loopback.ts';
import { createPassage, createStalls, type Passage, type Stalls } from './passing-time.ts';
import { type ByName, createFleet, type Replica, type Told } from './replica.ts';

/** Fake milliseconds between two refreshes of keys. */
export const refreshMs = 300_000;
/** After a fault has ended the next attempt comes at the latest after this. */
export const recoveryMs = 60_000;

const publicURL = 'https://mcp.example.com';
export const hostA = 'idp-a.example.com';
export const hostB = 'idp-b.example.com';

/** The authority that everybody trusts, unless a test says otherwise. */
export const authority = await createCertificateAuthority();

/** Keys of the issuer of team-a, in the order in which it has them. */
export const first = await createSigner('ES256', { kid: 'first' });
export const second = await createSigner('ES256', { kid: 'second' });
export const third = await createSigner('ES256', { kid: 'third' });
/** Says that it is `first`. */
export const forger = await createSigner('ES256', { kid: 'first' });
/** The key of the issuer of team-b. */
export const other = await createSigner('ES256', { kid: 'other' });

/** What four callers are told: outcomes as in {@link Told}. */
export interface Callers {
  readonly good: string;
  /** Claims that are good, a signature that is not. */
  readonly bad: string;
  /** A good token of team-b, for team-b. */
  readonly foreign: string;
  /** The same token where it belongs. */
  readonly neighbour: string;
}

/** Everybody is told what they should be. */
export const allIsWell: Callers = {
  good: 'admitted',
  bad: '401 signature_invalid',
  foreign: '401 issuer_mismatch',
  neighbour: 'admitted',
};

/** Two tenants with an issuer each, and a replica between them and their callers. Faults happen to team-a's issuer. */
export interface Scene extends Passage, AsyncDisposable {
  readonly clock: FakeClock;
  /** Of team-a. */
  readonly issuer: ScriptableIssuer;
  /** Of team-b. */
  readonly neighbour: ScriptableIssuer;
  readonly replica: Replica;
  readonly stalls: Stalls;
  /** A port that the administrator's rules would let team-a reach under the issuer's name, and where nobody should come. */
  readonly canary: Canary;
  /** How hosts are resolved; both issuers are at 127.0.0.1. */
  readonly names: Map<string, ResolveHost>;
  /** A spec for a policy of this name: the issuer of its namespace, and its own resource as the audience. */
  spec(policy: string, changes?: object): object;
  /** Adds policies to those that are in force, or replaces them. */
  apply(specs: ByName<object>): void;
  /** Gives a ConfigMap, by `namespace/name`, other data. */
  setConfigMap(name: string, data: ByName<string>): void;
  /** A token for a policy, issued now, of its issuer unless `changes` say otherwise. */
  token(policy: string, signer: Signer, changes?: object): string;
  /** Sends a token to a policy's resource; a 503 must say when to come again, nothing else may. */
  ask(policy: string, token: string, resource?: string): Promise<Told>;
  /** Asks for everybody; `signer` signs the good token. */
  callers(policy: string, signer?: Signer): Promise<Callers>;
  /** Times of the fake clock at which the issuer was asked for a path; by default for its keys. */
  fetchTimes(path?: string): readonly number[];
  /** A second replica, with names of its own. */
  startReplica(names: ReadonlyMap<string, ResolveHost>): Replica;
  /** What must hold whatever has happened. */
  expectUnharmed(): void;
}

export interface SceneOptions {
  /** As in the administrator's file; 5 minutes unless given. */
  readonly keyRefresh?: string;
  /** Rows of the administrator's file that are not those of every scene. */
  readonly configuration?: object;
}

export const held = 'team-a/held';
export const neighbours = 'team-b/own';

/** Starts with the policies {@link held} and {@link neighbours} in force and their keys loaded. */
export async function startScene(options: SceneOptions = {}): Promise<Scene> {
  const scene = await prepareScene(options);
  scene.apply({ [held]: scene.spec(held), [neighbours]: scene.spec(neighbours) });
  await scene.rest();
  return scene;
}

async function prepareScene(options: SceneOptions): Promise<Scene> {
  const clock = createFakeClock();
  const now = clock.monotonicMs;
  const issuer = await startScriptableIssuer({ ca: authority, keys: setOf(first), hostname: hostA, now });
  const neighbour = await startScriptableIssuer({ ca: authority, keys: setOf(other), hostname: hostB, now });
  const canary = await startCanary();
  const stalls = createStalls();
  const names = new Map<string, ResolveHost>([hostA, hostB].map((host) => [host, toLoopback]));
  const configuration = configure(options, [portOf(issuer), portOf(neighbour), canary.port]);
  const trust = { 'ca.crt': authority.certificatePem };
  const fleet = createFleet({ 'team-a/trust': trust, 'team-b/trust': trust });
  const startReplica = (known: ReadonlyMap<string, ResolveHost>): Replica =>
    fleet.start({ clock, configuration, resolve: resolveWith(known) });
  const replica = startReplica(names);
  const passage = createPassage(clock, fleet.underWay, stalls);
  const admittedWrongly: string[] = [];
  const issuerOf = (policy: string): string => (policy.startsWith('team-b/') ? neighbour : issuer).issuer;

  function token(policy: string, signer: Signer, changes: object = {}): string {
    const iat = Math.floor(clock.nowMs() / 1000);
    const claims = { iss: issuerOf(policy), aud: resourceOf(policy), sub: 'alice', iat, exp: iat + 300 };
    return signer.sign({}, { ...claims, ...changes });
  }

  async function ask(policy: string, sent: string, resource = resourceOf(policy)): Promise<Told> {
    const told = await passage.hear(replica.ask(resource, sent));
    expect(told.retryAfterSeconds !== undefined, told.outcome).toBe(told.outcome.startsWith('503'));
    return told;
  }

  async function askBadly(policy: string, sent: string): Promise<string> {
    const { outcome } = await ask(policy, sent);
    if (outcome === 'admitted') admittedWrongly.push(`${policy} at ${now()}`);
    return outcome;
  }

  return {
    ...passage,
    ...{ clock, issuer, neighbour, replica, stalls, canary, names, token, ask, startReplica },
    spec: (policy, changes = {}) => ({
      ...{ issuer: issuerOf(policy), audience: resourceOf(policy), mode: 'OIDC' },
      ...{ caBundleRef: { name: 'trust', key: 'ca.crt' }, ...changes },
    }),
    apply: fleet.apply,
    setConfigMap: fleet.setConfigMap,
    async callers(policy, signer = first) {
      const { outcome: good } = await ask(policy, token(policy, signer));
      const foreign = await askBadly(policy, token(neighbours, other));
      const { outcome: neighbour } = await ask(neighbours, token(neighbours, other));
      // The last: a bad signature under a known kid may use up the fetch on demand.
      const bad = await askBadly(policy, token(policy, forger));
      return { good, bad, foreign, neighbour };
    },
    fetchTimes: (path = issuer.jwksPath) =>
      issuer.requests.filter((request) => request.path === path).map(({ time }) => time),
    expectUnharmed() {
      expect(admittedWrongly).toEqual([]);
      expect(fleet.bugs()).toEqual([]);
      expect(canary.connections()).toBe(0);
    },
    async [Symbol.asyncDispose]() {
      fleet.close();
      await Promise.all([issuer.stop(), neighbour.stop(), canary[Symbol.asyncDispose]()]);
    },
  };
}

export function setOf(...signers: readonly Signer[]): { readonly keys: Signer['publicJwk'][] } {
  return { keys: signers.map(({ publicJwk }) => publicJwk) };
}

export function resourceOf(policy: string): string {
  return `${publicURL}/${policy}/mcp`;
}

export function portOf({ issuer }: ScriptableIssuer): number {
  return Number(new URL(issuer).port);
}

/** Where the canary listens, under the name of team-a's issuer. */
export function canaryURL({ canary }: Scene): string {
  return `https://${hostA}:${canary.port}/canary`;
}

/** Replaces what an issuer shows with a certificate for other hosts, of another authority, or of another time. */
export async function presentCertificate(
  { issuer }: Scene,
  { ca = authority, hosts = [hostA], notAfter }: CertificateChange,
): Promise<void> {
  issuer.present(await ca.issue({ hosts, ...(notAfter === undefined ? {} : { notAfter }) }));
}

interface CertificateChange {
  readonly ca?: CertificateAuthority;
  readonly hosts?: readonly string[];
  readonly notAfter?: Date;
}

const toLoopback: ResolveHost = async () => ['127.0.0.1'];

function resolveWith(names: ReadonlyMap<string, ResolveHost>): ResolveHost {
  return async (host, rules, signal) => {
    const resolve = names.get(host);
    if (resolve === undefined) throw new Error('NXDOMAIN');
    return await resolve(host, rules, signal);
  };
}

function configure({ keyRefresh = '5m', configuration = {} }: SceneOptions, ports: readonly number[]) {
  const decoded = decodeConfiguration({
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'OperatorConfiguration',
    publicURL,
    // One address and not the whole of 127.0.0.0/8, so that there are others that must not be reached.
    outbound: { allow: [{ namespaces: ['*'], hosts: ['*.example.com'], cidrs: ['127.0.0.1/32'], ports }] },
    intervals: { keyRefresh },
    ...configuration,
  });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  return decoded.value;
}
