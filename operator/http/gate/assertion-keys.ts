import type { JwkSet } from '../../identity/assertion-keys.ts';
import { type Answer, refuse } from '../answer.ts';

/** Where upstreams find the keys that verify assertions, on every host that is ours; no policy can own it. */
export const assertionKeysPath = '/.well-known/mcp-assertion-keys';

/** Shorter than the time for which a next key should be published before it signs. */
const maxAgeSeconds = 60;

/** Answers a request for the key set (RFC 7517 section 5); undefined `keys`: there are none. */
export function answerAssertionKeys(method: string, keys: JwkSet | undefined): Answer {
  if (method !== 'GET' && method !== 'HEAD') return refuse(405, 'Use GET.', { allow: 'GET, HEAD' });
  if (keys === undefined) return refuse(404, 'Not found.');
  return {
    status: 200,
    headers: {
      'content-type': 'application/jwk-set+json',
      'cache-control': `public, max-age=${maxAgeSeconds}`,
    },
    body: JSON.stringify(keys),
  };
}
