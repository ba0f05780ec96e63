import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isLoopback } from './loopback.ts';

export interface AdminEndpointParts {
  readonly isReady: () => boolean;
  /** Prometheus text exposition. */
  readonly renderMetrics: () => Promise<string>;
  /** The policies with their statuses, as the cluster shows them. */
  readonly listPolicies: () => readonly unknown[];
}

/** What answers on the admin port: health for kubelet, metrics, and for people on this machine the policies. */
export function createAdminEndpoint(parts: AdminEndpointParts): RequestListener {
  return (request, response) => {
    serve(request, response, parts).catch(() => reply(response, 500, 'text/plain', 'internal error\n'));
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  parts: AdminEndpointParts,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return reply(response, 405, 'text/plain', 'use GET\n');
  }
  const [path] = (request.url ?? '').split('?');
  switch (path) {
    case '/healthz':
      return reply(response, 200, 'text/plain', 'ok\n');
    case '/readyz':
      return parts.isReady()
        ? reply(response, 200, 'text/plain', 'ok\n')
        : reply(response, 503, 'text/plain', 'not ready\n');
    case '/metrics':
      return reply(response, 200, 'text/plain; version=0.0.4', await parts.renderMetrics());
    case '/policies':
      // Through `kubectl port-forward` only: a pod in the cluster, or a web page, must not read what tenants configured.
      return isLoopback(request)
        ? reply(response, 200, 'application/json', `${JSON.stringify(parts.listPolicies())}\n`)
        : reply(response, 403, 'text/plain', 'only from this machine: use kubectl port-forward\n');
    default:
      return reply(response, 404, 'text/plain', 'not found\n');
  }
}

function reply(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.headersSent) return;
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
