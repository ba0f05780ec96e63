import type { CompiledPolicy } from '../../policy/snapshot.ts';
import { type Answer, refuse } from '../answer.ts';

/** Open to every browser: the document is public and holds nothing of the caller. */
const openCors = { 'access-control-allow-origin': '*' };

/** Answers a request for protected resource metadata (RFC 9728 section 3.2), from configuration only. */
export function answerMetadata(method: string, { metadata }: CompiledPolicy): Answer {
  if (method === 'OPTIONS') {
    return {
      status: 204,
      headers: { ...openCors, 'access-control-allow-methods': 'GET', 'access-control-allow-headers': '*' },
    };
  }
  if (method !== 'GET' && method !== 'HEAD') {
    return refuse(405, 'Use GET.', { ...openCors, allow: 'GET, HEAD, OPTIONS' });
  }
  if (metadata === undefined) return refuse(404, 'Not found.', openCors);
  return {
    status: 200,
    headers: { ...openCors, 'content-type': 'application/json', 'cache-control': 'no-cache' },
    body: JSON.stringify(metadata),
  };
}
