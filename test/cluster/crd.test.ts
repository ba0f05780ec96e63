import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { decodePolicySpec } from '../../operator/api/decode.ts';
import type { FieldError } from '../../operator/api/field-error.ts';
import { API_VERSION, GROUP, KIND, PLURAL, VERSION } from '../../operator/api/mcp-auth-policy.gen.ts';
import { ruleTwins } from '../../operator/api/rules.ts';
import { policyCases } from '../api/policies.cases.ts';
import { puzzlingUrls } from '../api/url-pieces.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { describeWithCluster } from './require-cluster.ts';

const crdText = readFileSync(join(import.meta.dirname, '../../crds/mcpauthpolicies.yaml'), 'utf8');
const policiesPath = `/apis/${GROUP}/${VERSION}/namespaces/default/${PLURAL}`;

const identity = { apiVersion: API_VERSION, kind: KIND, metadata: { name: 'row', namespace: 'default' } };

interface Answer {
  readonly status: number;
  readonly message: string;
}

describeWithCluster('the CRD on a real API server', () => {
  let controlPlane: ControlPlane;
  let agent: Agent;

  beforeAll(async () => {
    controlPlane = await startControlPlane();
    agent = new Agent({ keepAlive: true, maxSockets: 8, ca: readFileSync(controlPlane.caFile) });
    await controlPlane.apply(crdText);
    await kubectl('wait', '--for=condition=Established', '--timeout=30s', `crd/${PLURAL}.${GROUP}`);
    await untilServed();
  });

  afterAll(async () => {
    agent?.destroy();
    await controlPlane?.stop();
  });

  it('is below 200 KB', () => {
    expect(Buffer.byteLength(crdText)).toBeLessThan(200 * 1024);
  });

  it('is accepted without complaint: structural, names taken, nothing unknown in it', async () => {
    const conditions = await kubectl(
      ...['get', 'crd', `${PLURAL}.${GROUP}`, '-o'],
      'jsonpath={range .status.conditions[*]}{.type}={.status} {end}',
    );
    expect(conditions.split(' ').filter(Boolean).sort()).toEqual(['Established=True', 'NamesAccepted=True']);
  });

  it.each(policyCases)('judges like the decoder: $name', async ({ spec }) => {
    const decoded = decodePolicySpec({ ...identity, spec });
    const errors = decoded.ok ? [] : whatIsToldTogether(decoded.errors);
    const { status, message } = await createPolicy(spec);
    expect({ message, isAccepted: status === 201 }).toEqual({ message, isAccepted: decoded.ok });
    for (const error of errors) {
      expect(message).toContain(error.path);
    }
    for (const broken of errors.filter((error) => ruleTwins.some((twin) => twin.message === error.message))) {
      expect(message).toContain(broken.message);
    }
  });

  it('judges puzzling URLs like the decoder', async () => {
    const good = policyCases[0]?.spec as object;
    const urls = fc.sample(puzzlingUrls, { seed: 1, numRuns: 500 });
    const answers = urls.map(async (discoveryURL) => {
      const spec = { ...good, discoveryURL };
      return { discoveryURL, isAccepted: (await createPolicy(spec)).status === 201 };
    });
    expect(await Promise.all(answers)).toEqual(
      urls.map((discoveryURL) => {
        return {
          discoveryURL,
          isAccepted: decodePolicySpec({ ...identity, spec: { ...good, discoveryURL } }).ok,
        };
      }),
    );
  });

  it('prunes unknown members unless asked to be strict', async () => {
    for (const { name, spec, errors } of policyCases.filter(({ apiServer }) => apiServer === 'strict')) {
      const isGoodOtherwise = Object.values(errors).every((fragment) => fragment.startsWith('unknown field'));
      const { status } = await createPolicy(spec, 'Ignore');
      expect({ name, isAccepted: status === 201 }).toEqual({ name, isAccepted: isGoodOtherwise });
    }
  });

  it('gives a fresh object a status that does not read as current, and shows the columns', async () => {
    const spec = { issuer: 'https://idp.example.com', audience: 'app', mode: 'OIDC' };
    const policy = {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name: 'fresh', namespace: 'default' },
      spec,
    };
    await controlPlane.apply(JSON.stringify(policy));
    const observed = await kubectl('get', PLURAL, 'fresh', '-o', 'jsonpath={.status.observedGeneration}');
    expect(observed).toBe('-1');
    const [head, row] = (await kubectl('get', 'mcpap', 'fresh'))
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(head?.map((cell) => cell.trim())).toEqual(['NAME', 'MODE', 'ISSUER', 'READY', 'REASON', 'AGE']);
    expect(row?.slice(0, 3)).toEqual(['fresh', 'OIDC', 'https://idp.example.com']);
    expect(await kubectl('get', 'mcp', '-o', 'name')).toContain(`${KIND.toLowerCase()}.${GROUP}/fresh`);
  });

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { stdout, stderr, code } = await controlPlane.kubectl(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  }

  /** An Established CRD is served a moment later. */
  async function untilServed(): Promise<void> {
    await vi.waitFor(
      async () => expect(await createPolicy(policyCases[0]?.spec)).toMatchObject({ status: 201 }),
      20_000,
    );
  }

  async function createPolicy(spec: unknown, fieldValidation = 'Strict'): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const url = `${controlPlane.url}${policiesPath}?dryRun=All&fieldValidation=${fieldValidation}`;
    const headers = {
      authorization: `Bearer ${controlPlane.adminToken}`,
      'content-type': 'application/json',
    };
    const outgoing = request(url, { method: 'POST', agent, headers });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const status = response.statusCode ?? 0;
      json(response).then(
        (body) => resolve({ status, message: (body as { message?: string }).message ?? '' }),
        reject,
      );
    });
    outgoing.end(JSON.stringify({ ...identity, spec }));
    return promise;
  }
});

/** The API server tells of unknown members before it looks at anything else. */
function whatIsToldTogether(errors: readonly FieldError[]): readonly FieldError[] {
  const unknown = errors.filter(({ message }) => message.startsWith('unknown field'));
  return unknown.length > 0 ? unknown : errors;
}
