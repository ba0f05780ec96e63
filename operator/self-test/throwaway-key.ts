import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { CompactSign } from 'jose';
import type { Algorithm } from '../policy/verifier-config.ts';

/** A key pair that exists only in this process and only for self-tests. */
export interface ThrowawayKey {
  readonly alg: Algorithm;
  readonly kid: string;
  /** JWK Set as JSON text with the public half. */
  readonly jwks: string;
  sign(claims: object): Promise<string>;
}

const generate = promisify(generateKeyPair);

export async function createThrowawayKey(alg: Algorithm, kid: string): Promise<ThrowawayKey> {
  const { privateKey } = await generateFor(alg);
  const jwk = { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg, use: 'sig' };
  return {
    alg,
    kid,
    jwks: JSON.stringify({ keys: [jwk] }),
    sign: (claims) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
        .setProtectedHeader({ alg, kid, typ: 'at+jwt' })
        .sign(privateKey),
  };
}

function generateFor(alg: Algorithm): Promise<{ readonly privateKey: KeyObject }> {
  switch (alg) {
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'ES384':
      return generate('ec', { namedCurve: 'P-384' });
    case 'ES512':
      return generate('ec', { namedCurve: 'P-521' });
    case 'EdDSA':
    case 'Ed25519':
      return generate('ed25519');
    default:
      return generate('rsa', { modulusLength: 2048 });
  }
}
