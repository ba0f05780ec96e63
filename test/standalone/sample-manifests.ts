import { type ManifestFile, type Manifests, readManifests } from '../../operator/standalone/manifests.ts';

export const spec = '{ issuer: https://idp.example.com, audience: https://mcp.example.com, mode: OIDC }';

/** A policy of four lines, the last of which is its spec. */
export function policy(name: string, namespace = 'team-a'): string {
  return `apiVersion: mcpauth.dev/v1alpha1
kind: McpAuthPolicy
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;
}

export function configMap(name: string, data = '{ ca.crt: PEM }'): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: team-a }
data: ${data}
`;
}

export function service(name: string, body: string): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: team-a }
spec: ${body}
`;
}

export const nameRule =
  'use lower-case letters, digits, "-" and ".", with a letter or digit at both ends and beside each "."';

/** What manifests say, in a form that is easy to compare. */
export interface Summary {
  /** `namespace/name`. */
  readonly policies: readonly string[];
  /** `namespace/name`. */
  readonly configMaps: readonly string[];
  /** As one would print them. */
  readonly problems: readonly string[];
  readonly manifests: Manifests;
}

/** Reads one file, `a.yaml`, or several named by the letters of the alphabet. */
export function read(...texts: readonly string[]): Summary {
  const files = texts.map((text, i): ManifestFile => ({ path: `${'abc'[i]}.yaml`, text }));
  const manifests = readManifests(files);
  return {
    policies: manifests.policies.map(({ object: { metadata } }) => `${metadata.namespace}/${metadata.name}`),
    configMaps: [...manifests.configMaps.keys()],
    problems: manifests.problems.map(
      ({ file, line, field, message }) =>
        `${file}:${line}: ${field === undefined ? '' : `${field}: `}${message}`,
    ),
    manifests,
  };
}
