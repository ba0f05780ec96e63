import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';

/** The algorithms that assertions are signed with: one for each kind of key. */
export type AssertionAlgorithm = 'ES256' | 'EdDSA' | 'RS256';

/** A private key that signs assertions, and what is published of it. */
export interface SigningKey {
  readonly alg: AssertionAlgorithm;
  /** RFC 7638 thumbprint: replicas with the same file have the same one. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** RFC 7517, public members only. */
  readonly publicJwk: JWK;
}

/** What a weaker key is not: RFC 7518 section 3.3; above, a signature takes longer than the answer. */
const minModulusLength = 2048;
const maxModulusLength = 8192;

/** Reads a private key, unencrypted PKCS#8 as PEM text; undefined when it is none that signs assertions. */
export async function readSigningKey(pem: string): Promise<SigningKey | undefined> {
  const privateKey = importKey(pem);
  const alg = privateKey && algorithmOf(privateKey);
  if (privateKey === undefined || alg === undefined) return undefined;
  const bare = createPublicKey(privateKey).export({ format: 'jwk' }) as JWK;
  const kid = await calculateJwkThumbprint(bare, 'sha256');
  return { alg, kid, privateKey, publicJwk: { ...bare, use: 'sig', alg, kid } };
}

function importKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

function algorithmOf({
  asymmetricKeyType,
  asymmetricKeyDetails = {},
}: KeyObject): AssertionAlgorithm | undefined {
  const { namedCurve, modulusLength = 0 } = asymmetricKeyDetails;
  switch (asymmetricKeyType) {
    case 'ec':
      return namedCurve === 'prime256v1' ? 'ES256' : undefined;
    case 'ed25519':
      return 'EdDSA';
    case 'rsa':
      return modulusLength >= minModulusLength && modulusLength <= maxModulusLength ? 'RS256' : undefined;
    default:
      return undefined;
  }
}
