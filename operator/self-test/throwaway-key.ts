import { createHmac, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { CompactSign } from 'jose';
import type { Algorithm } from '../policy/verifier-config.ts';

/** A key pair that exists only in this process and only for self-tests. */
export interface ThrowawayKey {
  /** JWK Set as JSON text with the public half. */
  readonly jwks: string;
  /** A JWT with these claims. */
  sign(claims: object): Promise<string>;
  /** The same with `alg: none` and a signature that is none. */
  unsigned(claims: object): string;
  /** The same with the public key taken for the secret of an HMAC (algorithm confusion, RFC 8725 section 2.1). */
  signWithPublicKey(claims: object): string;
}

const generate = promisify(generateKeyPair);
const typ = 'at+jwt';

export async function createThrowawayKey(alg: Algorithm, kid: string): Promise<ThrowawayKey> {
  const { privateKey } = await generateFor(alg);
  const publicKey = createPublicKey(privateKey);
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
  return {
    jwks: JSON.stringify({ keys: [jwk] }),
    sign: (claims) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
        .setProtectedHeader({ alg, kid, typ })
        .sign(privateKey),
    unsigned: (claims) => `${encode({ alg: 'none', kid, typ })}.${encode(claims)}.AA`,
    signWithPublicKey(claims) {
      const input = `${encode({ alg: 'HS256', kid, typ })}.${encode(claims)}`;
      const secret = publicKey.export({ format: 'pem', type: 'spki' });
      return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    },
  };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
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
    case 'RS256':
    case 'RS384':
    case 'RS512':
    case 'PS256':
    case 'PS384':
    case 'PS512':
      return generate('rsa', { modulusLength: 2048 });
  }
}
