import { X509Certificate } from 'node:crypto';
import type { ConfigMapKeyRef, McpAuthPolicySpec } from '../api/mcp-auth-policy.gen.ts';
import { parseStrictJson } from '../json/strict-json.ts';
import type { Finding } from './finding.ts';
import type { ConfigMapData, Inputs } from './inputs.ts';
import { resolveUpstream } from './resolve-upstream.ts';
import type { Upstream } from './snapshot.ts';

/** What the named objects hold. */
export interface RefValues {
  /** PEM certificates. */
  readonly caPem?: string;
  /** JWK Set as JSON text. */
  readonly jwks?: string;
  readonly upstream?: Upstream;
}

export type ResolvedRefs =
  | { readonly ok: true; readonly values: RefValues }
  | { readonly ok: false; readonly finding: Finding<'ResolvedRefs'> };

/** A value of a ConfigMap, for as far as it has to be held. */
export interface Reference {
  /** ConfigMap and key: equal for the same value within a namespace. */
  readonly key: string;
  readonly bytes: number;
}

type ConfigMaps = ReadonlyMap<string, ConfigMapData>;

/** A CA bundle larger than this is refused: parsing it costs every replica, and the whole public web needs less. */
const maxBundleLength = 256 * 1024;

/** Finds everything that the spec names, always in the policy's own namespace. */
export function resolveRefs(spec: McpAuthPolicySpec, namespace: string, inputs: Inputs): ResolvedRefs {
  const texts = resolveTexts(spec, namespace, inputs.configMaps);
  if (!texts.ok || spec.upstream === undefined) return texts;
  const { caPem } = texts.values;
  const resolved = resolveUpstream({
    ref: spec.upstream.service,
    namespace,
    ...(caPem === undefined ? {} : { caPem }),
    inputs,
  });
  return resolved.ok ? { ok: true, values: { ...texts.values, upstream: resolved.upstream } } : resolved;
}

/** The values that there are of those that the spec names, each once. */
export function referencesOf(
  { caBundleRef, jwks }: McpAuthPolicySpec,
  namespace: string,
  configMaps: ConfigMaps,
): readonly Reference[] {
  const refs = [caBundleRef, jwks?.configMapRef].filter((ref) => ref !== undefined);
  const bytesOf = new Map(
    refs.flatMap((ref) => {
      const text = lookUp(ref, namespace, configMaps);
      return text === undefined ? [] : [[`${ref.name}/${ref.key}`, Buffer.byteLength(text)] as const];
    }),
  );
  return [...bytesOf].map(([key, bytes]) => ({ key, bytes }));
}

function resolveTexts(spec: McpAuthPolicySpec, namespace: string, configMaps: ConfigMaps): ResolvedRefs {
  const refs = [
    { member: 'caBundleRef', path: 'spec.caBundleRef', ref: spec.caBundleRef, judge: judgeBundle },
    {
      member: 'configMapRef',
      path: 'spec.jwks.configMapRef',
      ref: spec.jwks?.configMapRef,
      judge: judgeKeySet,
    },
  ] as const;
  const values: { caPem?: string; jwks?: string } = {};
  for (const { member, path, ref, judge } of refs) {
    if (ref === undefined) continue;
    const text = lookUp(ref, namespace, configMaps);
    if (text === undefined) return broken('RefNotFound', path, describeMissing(ref, namespace, configMaps));
    const objection = judge(text);
    if (objection !== undefined)
      return broken('InvalidRef', path, `key ${ref.key} of ConfigMap ${ref.name} ${objection}`);
    values[member === 'caBundleRef' ? 'caPem' : 'jwks'] = text;
  }
  return { ok: true, values };
}

function broken(reason: 'RefNotFound' | 'InvalidRef', path: string, message: string): ResolvedRefs {
  return { ok: false, finding: { reason, message: `${path}: ${message}.`, field: path } };
}

/** Own entries only: `constructor` is a legal key, and what a prototype has under it is no text. */
function lookUp(
  { name, key }: ConfigMapKeyRef,
  namespace: string,
  configMaps: ConfigMaps,
): string | undefined {
  const data = configMaps.get(`${namespace}/${name}`)?.data ?? {};
  return Object.hasOwn(data, key) ? data[key] : undefined;
}

function describeMissing(ref: ConfigMapKeyRef, namespace: string, configMaps: ConfigMaps): string {
  return configMaps.has(`${namespace}/${ref.name}`)
    ? `ConfigMap ${ref.name} has no key ${ref.key}`
    : `ConfigMap ${ref.name} was not found in this namespace`;
}

function judgeBundle(text: string): string | undefined {
  if (text.length > maxBundleLength) return 'is too large for a CA bundle';
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) return 'holds no PEM certificate';
  return certificates.every(isCertificate) ? undefined : 'holds a certificate that cannot be read';
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

function judgeKeySet(text: string): string | undefined {
  const parsed = parseStrictJson(new TextEncoder().encode(text));
  const keys = parsed.ok ? (parsed.value as { readonly keys?: unknown } | null)?.keys : undefined;
  return Array.isArray(keys) ? undefined : 'is not a JWK Set';
}
