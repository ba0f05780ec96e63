import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OperatorProcess, startOperatorProcess } from '../e2e/operator-process.ts';
import { createSigner, type Signer } from '../fixtures/token-forge.ts';

const namespace = 'team-a';
const issuer = 'https://idp.example.com';

/** An operator started with `serve` in front of one MCP server. */
export interface ProtectedServer {
  readonly resource: string;
  readonly publicURL: string;
  /** A token that the policy accepts. */
  token(claims?: Readonly<Record<string, unknown>>): string;
  log(): string;
  deletePolicy(): void;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  /** Sends SIGTERM and resolves with the exit code. */
  stop(): Promise<number | null>;
}

/**
 * Protects the server at `address`.
 *
 * @param tools - `spec.tools` of the policy
 */
export async function protect(
  address: string,
  tools: readonly { readonly names: readonly string[]; readonly scopes: readonly string[] }[],
): Promise<ProtectedServer> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-upstream-'));
  const policies = mkdtempSync(join(folder, 'policies-'));
  const signer = await createSigner('ES256');
  const audience = 'https://mcp.example.com/protected';
  const spec = {
    ...{ issuer, audience, mode: 'Offline', tools, clockSkew: '0s' },
    jwks: { inline: JSON.stringify({ keys: [signer.publicJwk] }) },
    upstream: { service: { name: 'server', port: 8080 } },
  };
  const metadata = { name: 'x', namespace };
  const policyFile = join(policies, 'policy.json');
  writeFileSync(
    policyFile,
    JSON.stringify({ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec }),
  );
  const configFile = join(folder, 'configuration.json');
  const configuration = {
    ...{ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'OperatorConfiguration' },
    serviceAddresses: { [`${namespace}/server:8080`]: address },
    accessLog: { admittedOneIn: 1 },
  };
  writeFileSync(configFile, JSON.stringify(configuration));
  const keys = mkdtempSync(join(folder, 'keys-'));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(join(keys, 'current.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const files = ['--policies', policies, '--config', configFile, '--assertion-keys', keys];
  const operator = await startOperatorProcess('serve', files);
  return {
    resource: `${operator.publicURL}/${namespace}/x/mcp`,
    token: (claims) => sign(signer, audience, claims),
    publicURL: operator.publicURL,
    log: operator.log,
    deletePolicy: () => rmSync(policyFile),
    signal: operator.signal,
    ended: operator.ended,
    stop: () => stop(operator, folder),
  };
}

function sign(signer: Signer, audience: string, claims: Readonly<Record<string, unknown>> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  return signer.sign({}, { iss: issuer, aud: audience, sub: 'alice', iat: now, exp: now + 300, ...claims });
}

async function stop(operator: OperatorProcess, folder: string): Promise<number | null> {
  const code = await operator.stop();
  rmSync(folder, { recursive: true, force: true });
  return code;
}
