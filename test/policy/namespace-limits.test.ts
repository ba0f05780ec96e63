import { expect, test } from 'vitest';
import { type Compilation, compile } from '../../operator/policy/compile.ts';
import { noCluster } from '../../operator/policy/inputs.ts';
import { decodeConfiguration, defaultDocument } from '../../operator/policy/operator-configuration.ts';

const limits = { maxPoliciesPerNamespace: 10, maxReferencedBytesPerNamespace: 2000 };

/** A JWK Set of so many bytes, with characters of two bytes each. */
const keys = (bytes: number): string => {
  const frame = '{"keys":[],"x":""}';
  return frame.replace('""', `"${'é'.repeat((bytes - frame.length) / 2)}"`);
};

const data = {
  a: keys(1000),
  b: keys(1000),
  c: keys(1000),
  tiny: keys(20),
  huge: keys(3000),
  broken: 'x'.repeat(1500),
};

interface Asked {
  readonly key?: string;
  readonly namespace?: string;
  readonly spec?: object;
}

/** Policies in the order of their age, the oldest is `p0`. */
function compileNaming(asked: readonly Asked[], changed: Partial<typeof limits> = {}): Compilation {
  const decoded = decodeConfiguration({
    ...defaultDocument,
    publicURL: 'https://mcp.example.com',
    limits: { ...limits, ...changed },
  });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  const policies = asked.map(({ key, namespace = 'a', spec = {} }, age) => ({
    object: {
      apiVersion: 'mcpauth.dev/v1alpha1',
      kind: 'McpAuthPolicy',
      metadata: { namespace, name: `p${age}`, creationTimestamp: `2026-01-01T00:00:0${age}Z` },
      spec: {
        issuer: 'https://idp.example.com',
        audience: `aud-${age}`,
        ...(key === undefined
          ? { mode: 'OIDC' }
          : { mode: 'Offline', jwks: { configMapRef: { name: 'm', key } } }),
        ...spec,
      },
    },
  }));
  return compile({
    policies: policies.toReversed(),
    configMaps: new Map(['a', 'b'].map((namespace) => [`${namespace}/m`, { data }])),
    services: new Map([
      [
        'a/mcp',
        {
          type: 'ClusterIP',
          clusterIP: '10.0.0.1',
          hasSelector: true,
          ports: [{ port: 80, protocol: 'TCP' }],
        },
      ],
    ]),
    serviceAddresses: 'unused',
    configuration: decoded.value,
    cluster: noCluster,
  });
}

const refused = ({ outcomes }: Compilation): readonly string[] =>
  outcomes.filter(({ refusal }) => refusal?.reason === 'LimitExceeded').map(({ name }) => name);

test('the newest policies whose ConfigMap values do not fit are refused, by a message that names the limit', () => {
  const compilation = compileNaming([{ key: 'a' }, { key: 'b' }, { key: 'c' }]);
  expect(refused(compilation)).toEqual(['p2']);
  expect(compilation.outcomes[2]?.refusal?.message).toBe(
    "The ConfigMap values that the namespace's policies name have more bytes than the administrator allows (limits.maxReferencedBytesPerNamespace: 2000); the newest are refused.",
  );
  expect(compilation.snapshot.policies.get('a/p2')).toMatchObject({ verifier: { mode: 'deny' } });
});

test.each<[what: string, asked: readonly Asked[], refused: readonly string[]]>([
  ['a value that several name counts once', [{ key: 'a' }, { key: 'a' }, { key: 'b' }, { key: 'a' }], []],
  ['what fits to the byte is let in', [{ key: 'a' }, { key: 'b' }], []],
  ['a byte more is not', [{ key: 'a' }, { key: 'b' }, { key: 'tiny' }], ['p2']],
  [
    'one that does not fit leaves its room to newer ones',
    [{ key: 'huge' }, { key: 'a' }, { key: 'b' }],
    ['p0'],
  ],
  ['one that names nothing needs no room', [{ key: 'a' }, { key: 'b' }, { key: 'c' }, {}], ['p2']],
  ['values that are no good are held as well', [{ key: 'broken' }, { key: 'a' }], ['p1']],
  [
    'a policy that names two values needs room for both',
    [{ key: 'a', spec: { caBundleRef: { name: 'm', key: 'broken' } } }],
    ['p0'],
  ],
  ['namespaces have budgets of their own', [{ key: 'a' }, { key: 'b' }, { key: 'c', namespace: 'b' }], []],
])('%s', (_, asked, expected) => {
  expect(refused(compileNaming(asked))).toEqual(expected);
});

test('policies beyond their number take no room', () => {
  const compilation = compileNaming([{ key: 'a' }, { key: 'b' }, { key: 'c' }], {
    maxPoliciesPerNamespace: 2,
  });
  expect(refused(compilation)).toEqual(['p2']);
  expect(compilation.outcomes[2]?.refusal?.message).toBe(
    'The namespace has more policies than the administrator allows; the newest are refused.',
  );
});

test('a policy that is refused holds nothing of what it names', () => {
  const tools = [{ name: '*', requiredScopes: ['x'] }];
  const compilation = compileNaming([
    { key: 'huge', spec: { upstream: { service: { name: 'mcp', port: 80 } }, tools } },
  ]);
  const compiled = compilation.snapshot.policies.get('a/p0');
  expect(compiled).toMatchObject({ verifier: { mode: 'deny' }, tools: [] });
  expect(compiled).not.toHaveProperty('upstream');
});
