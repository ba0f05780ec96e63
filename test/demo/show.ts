import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenIdProvider } from '../fixtures/openid-provider.ts';
import { developmentClient } from './development-issuer.ts';

const publicURL = 'http://127.0.0.1:8080';
const adminURL = 'http://127.0.0.1:9090';
const resource = `${publicURL}/demo/whoami/mcp`;

/** A tool call that any MCP server of the older revisions understands, small enough for curl. */
const whoami = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'whoami', arguments: {} },
});
const mcpHeaders = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

interface ShownPolicy {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: { readonly mode: string; readonly issuer: string };
  readonly status?: {
    readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[];
  };
}

function isJudged({ status }: ShownPolicy): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready !== undefined && ready.reason !== 'Pending';
}

const samples = join(import.meta.dirname, '../../manifests/samples');

function countSamples(): number {
  const texts = readdirSync(samples).map((file) => readFileSync(join(samples, file), 'utf8'));
  return texts.join('\n').match(/^kind: McpAuthPolicy$/gm)?.length ?? 0;
}

/**
 * Shows the whole story once on the samples, and lines to go on with.
 *
 * @param over - aborted when nobody listens any more, or the operator has ended.
 */
export async function tellStory(provider: OpenIdProvider, folder: string, over: AbortSignal): Promise<void> {
  const policies = await waitForStatuses(countSamples(), over);
  await showStory(provider, policies);
  showCommands(provider, folder);
}

/** Waits until the operator has said something about every policy; bounded. */
async function waitForStatuses(count: number, over: AbortSignal): Promise<readonly ShownPolicy[]> {
  for (let attempt = 0; attempt < 150; attempt += 1) {
    over.throwIfAborted();
    const policies = await fetch(`${adminURL}/policies`)
      .then(async (response) => (await response.json()) as readonly ShownPolicy[])
      .catch(() => []);
    if (policies.length >= count && policies.every(isJudged)) return policies;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('the operator did not report on the samples within 30 seconds; see its log above');
}

/** A challenge, a token, an answer, the statuses. */
async function showStory(provider: OpenIdProvider, policies: readonly ShownPolicy[]): Promise<void> {
  const refused = await fetch(resource, { method: 'POST', headers: mcpHeaders, body: whoami });
  print('1. Without a token: a challenge', [
    `HTTP ${refused.status}`,
    `WWW-Authenticate: ${refused.headers.get('www-authenticate')}`,
  ]);
  const token = await provider.token({ resource });
  print('2. A token from the development issuer', [token]);
  const headers = { ...mcpHeaders, authorization: `Bearer ${token}` };
  const answered = await fetch(resource, { method: 'POST', headers, body: whoami });
  print('3. With the token: the tool whoami', [`HTTP ${answered.status}`, (await answered.text()).trim()]);
  print('4. What the policies say', formatTable(policies));
}

/** Lines to copy. */
function showCommands(provider: OpenIdProvider, folder: string): void {
  const caFile = join(folder, 'ca.crt');
  writeFileSync(caFile, provider.caPem);
  const { id, secret } = developmentClient;
  print('Try it yourself', [
    `TOKEN=$(curl -s --cacert ${caFile} -u ${id}:${secret} ${provider.tokenEndpoint} \\`,
    `  -d grant_type=client_credentials -d resource=${resource} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    `curl -i ${resource} -H "Authorization: Bearer $TOKEN" \\`,
    `  -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -d '${whoami}'`,
    `curl -s ${publicURL}/.well-known/oauth-protected-resource/demo/whoami/mcp`,
    `curl -s ${adminURL}/policies`,
  ]);
}

function formatTable(policies: readonly ShownPolicy[]): readonly string[] {
  const rows = policies.map(({ metadata, spec, status }) => {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    return [
      metadata.namespace,
      metadata.name,
      spec.mode,
      ready?.status ?? '',
      ready?.reason ?? '',
      ready?.message ?? '',
    ];
  });
  const table = [['NAMESPACE', 'NAME', 'MODE', 'READY', 'REASON', 'MESSAGE'], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function print(title: string, lines: readonly string[]): void {
  process.stdout.write(`\n${title}\n${lines.map((line) => `${line.replace(/^/gm, '   ')}\n`).join('')}`);
}
