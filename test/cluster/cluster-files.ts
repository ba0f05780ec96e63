import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The directory of one control plane, and what is where in it. */
export interface ClusterFiles {
  readonly directory: string;
  readonly home: string;
  readonly etcdData: string;
  readonly certificates: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
  /** The bearer token of each user. */
  readonly tokens: ReadonlyMap<string, string>;
}

/** The user that may do everything. */
export const admin = 'admin';

/** Creates the directory, readable by this user only, with keys for service accounts and a token per user. */
export async function createClusterFiles(tenants: readonly string[]): Promise<ClusterFiles> {
  const directory = await mkdtemp(join(tmpdir(), 'mcp-auth-cluster-'));
  const certificates = join(directory, 'certificates');
  const files: ClusterFiles = {
    directory,
    home: join(directory, 'home'),
    etcdData: join(directory, 'etcd'),
    certificates,
    // kube-apiserver signs its certificate itself and writes it here, with the issuer's.
    caFile: join(certificates, 'apiserver.crt'),
    tokenFile: join(directory, 'tokens.csv'),
    privateKeyFile: join(directory, 'service-account.key'),
    publicKeyFile: join(directory, 'service-account.pub'),
    tokens: new Map([admin, ...tenants].map((user) => [user, randomBytes(24).toString('base64url')])),
  };
  await mkdir(files.home);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await writeFile(files.privateKeyFile, privateKey, { mode: 0o600 });
  await writeFile(files.publicKeyFile, publicKey);
  await writeFile(files.tokenFile, tokenLines(files.tokens), { mode: 0o600 });
  return files;
}

/** Writes a kubeconfig for each user of the control plane at `url`; the CA file must exist. */
export async function writeKubeconfigs(files: ClusterFiles, url: string): Promise<void> {
  const ca = await readFile(files.caFile);
  for (const [user, token] of files.tokens) {
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'test', cluster: { server: url, 'certificate-authority-data': ca.toString('base64') } },
      ],
      users: [{ name: user, user: { token } }],
      contexts: [{ name: user, context: { cluster: 'test', user } }],
      'current-context': user,
    };
    // JSON is YAML.
    await writeFile(kubeconfigFile(files, user), JSON.stringify(kubeconfig, null, 2), { mode: 0o600 });
  }
}

/** Names the file of a user's kubeconfig. */
export function kubeconfigFile(files: ClusterFiles, user: string): string {
  return join(files.directory, `${user}.kubeconfig`);
}

function tokenLines(tokens: ReadonlyMap<string, string>): string {
  const lines = [...tokens].map(([user, token]) => {
    const groups = user === admin ? ',"system:masters"' : '';
    return `${token},${user},${user}${groups}\n`;
  });
  return lines.join('');
}
