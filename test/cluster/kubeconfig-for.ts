import { readFileSync } from 'node:fs';
import type { ControlPlane } from './control-plane.ts';

/** A kubeconfig for the API server with a user's credentials: `token`, `tokenFile`, a client certificate. */
export function kubeconfigFor({ caFile, url }: Pick<ControlPlane, 'caFile' | 'url'>, user: object): string {
  const ca = readFileSync(caFile).toString('base64');
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority-data': ca } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}
