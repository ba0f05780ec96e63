import { describe, expect, test } from 'vitest';
import { configMap, policy, read, service, spec } from './sample-manifests.ts';

describe('what is read', () => {
  test('a policy, as the API server would hand it out', () => {
    const [delivered] = read(policy('one')).manifests.policies;
    expect(delivered).toEqual({
      object: {
        apiVersion: 'mcpauth.dev/v1alpha1',
        kind: 'McpAuthPolicy',
        metadata: { name: 'one', namespace: 'team-a', generation: 1 },
        spec: { issuer: 'https://idp.example.com', audience: 'https://mcp.example.com', mode: 'OIDC' },
      },
    });
  });

  test('not what only a cluster can know, except the age', () => {
    const [delivered] = read(`apiVersion: mcpauth.dev/v1alpha1
kind: McpAuthPolicy
metadata:
  name: one
  namespace: team-a
  uid: 1b5f
  generation: 7
  resourceVersion: '42'
  deletionTimestamp: 2026-01-01T00:00:00Z
  creationTimestamp: 2025-01-01T00:00:00Z
  labels: { a: b }
spec: {}
status: { conditions: [{ type: Ready, status: 'True' }] }
`).manifests.policies;
    expect(delivered?.object).toEqual({
      apiVersion: 'mcpauth.dev/v1alpha1',
      kind: 'McpAuthPolicy',
      metadata: {
        name: 'one',
        namespace: 'team-a',
        generation: 1,
        creationTimestamp: '2025-01-01T00:00:00Z',
      },
      spec: {},
    });
  });

  test('no age when it is null, as a dry run prints it', () => {
    const [delivered] = read(policy('one').replace('name: one', 'name: one, creationTimestamp: null'))
      .manifests.policies;
    expect(delivered?.object.metadata).toEqual({ name: 'one', namespace: 'team-a', generation: 1 });
  });

  test('a spec that is wrong or missing, which compile judges', () => {
    const { policies, problems } = read(
      'apiVersion: mcpauth.dev/v1alpha1\nkind: McpAuthPolicy\nmetadata: { name: one }\n',
      policy('two').replace(spec, '[not, a, spec]'),
    );
    expect(policies).toEqual(['default/one', 'team-a/two']);
    expect(problems).toEqual([]);
  });

  test('ConfigMaps, with their text only', () => {
    const text = `${configMap('keys', '{ a: "1", b: two }')}binaryData: { c: aGk= }\n`;
    const { manifests, problems } = read(text, configMap('empty', ''));
    expect(manifests.configMaps).toEqual(
      new Map([
        ['team-a/keys', { data: { a: '1', b: 'two' } }],
        ['team-a/empty', { data: {} }],
      ]),
    );
    expect(problems).toEqual([]);
  });

  test('Services, with what counts of them', () => {
    const { manifests, problems } = read(
      service(
        'mcp',
        '{ clusterIP: 10.0.0.1, selector: { app: a }, ports: [{ port: 80, appProtocol: https }] }',
      ),
      service('empty', ''),
    );
    const ports = [{ port: 80, appProtocol: 'https', protocol: 'TCP' }];
    expect(manifests.services).toEqual(
      new Map([
        ['team-a/mcp', { type: 'ClusterIP', clusterIP: '10.0.0.1', hasSelector: true, ports }],
        ['team-a/empty', { type: 'ClusterIP', hasSelector: false, ports: [] }],
      ]),
    );
    expect(problems).toEqual([]);
  });

  test('no Service of another group', () => {
    const { manifests, problems } = read(service('mcp', '{}').replace('v1', 'serving.knative.dev/v1'));
    expect([manifests.services.size, problems]).toEqual([0, []]);
  });

  test('a member named __proto__ as any other', () => {
    const { configMaps } = read(configMap('keys', '{ __proto__: x }')).manifests;
    expect(Object.entries(configMaps.get('team-a/keys')?.data ?? {})).toEqual([['__proto__', 'x']]);
  });
});

const accepted: readonly {
  name: string;
  texts: readonly string[];
  policies?: string[];
  configMaps?: string[];
}[] = [
  { name: 'an empty file', texts: [''] },
  { name: 'comments only', texts: ['# nothing\n# here\n'] },
  {
    name: 'empty documents around a policy',
    texts: [`---\n---\n# c\n---\n${policy('one')}---\n`],
    policies: ['team-a/one'],
  },
  {
    name: 'several documents',
    texts: [`${policy('one')}---\n${configMap('ca')}---\n${policy('two')}`],
    policies: ['team-a/one', 'team-a/two'],
    configMaps: ['team-a/ca'],
  },
  {
    name: 'the same name in two namespaces and two kinds',
    texts: [policy('one'), policy('one', 'team-b'), configMap('one')],
    policies: ['team-a/one', 'team-b/one'],
    configMaps: ['team-a/one'],
  },
  { name: 'a byte order mark', texts: [`\ufeff${policy('one')}`], policies: ['team-a/one'] },
  { name: 'CRLF', texts: [policy('one').replaceAll('\n', '\r\n')], policies: ['team-a/one'] },
  {
    name: 'the longest names',
    texts: [policy(`${'a'.repeat(126)}.${'b'.repeat(126)}`, 'n'.repeat(63))],
    policies: [`${'n'.repeat(63)}/${'a'.repeat(126)}.${'b'.repeat(126)}`],
  },
  {
    name: 'other kinds',
    texts: [
      'apiVersion: v1\nkind: Namespace\nmetadata: { name: team-a }\n---\napiVersion: apps/v1\nkind: Deployment\n',
      'apiVersion: mcpauth.dev/v1alpha1\nkind: OperatorConfiguration\n---\nkind: constructor\n',
      'apiVersion: apps/v1\nkind: DeploymentList\nitems: 5\n',
    ],
  },
  {
    name: 'a List, and a List in it',
    texts: [
      `apiVersion: v1\nkind: List\nitems:\n- ${indent(policy('one'))}\n- apiVersion: v1\n  kind: List\n  items: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: ca } }]\n`,
    ],
    policies: ['team-a/one'],
    configMaps: ['default/ca'],
  },
  {
    name: 'typed lists, whose items need not repeat the kind',
    texts: [
      `apiVersion: mcpauth.dev/v1alpha1\nkind: McpAuthPolicyList\nitems:\n- metadata: { name: one }\n- ${indent(policy('two'))}\n`,
      'apiVersion: v1\nkind: ConfigMapList\nitems: [{ metadata: { name: ca } }]\n',
    ],
    policies: ['default/one', 'team-a/two'],
    configMaps: ['default/ca'],
  },
  {
    name: 'JSON with tabs and surrogate pairs',
    texts: [
      '{\n\t"apiVersion": "v1",\n\t"kind": "ConfigMap",\n\t"metadata": {"name": "ca"},\n\t"data": {"a\\/b": "\\ud83d\\ude00"}\n}\n',
    ],
    configMaps: ['default/ca'],
  },
];

function indent(text: string): string {
  return text.trimEnd().replaceAll('\n', '\n  ');
}

test.each(accepted)('$name: taken without a problem', ({ texts, policies = [], configMaps = [] }) => {
  expect(read(...texts)).toMatchObject({ policies, configMaps, problems: [] });
});

describe('objects that are defined more than once', () => {
  test('a policy comes once, with a problem that makes it deny', () => {
    const { manifests, problems } = read(
      `# first\n\n${policy('one')}`,
      `${policy('two')}---\n${policy('one').replace('OIDC', 'TokenReview')}`,
    );
    expect(manifests.policies.map(({ object, problem }) => [object.metadata.name, problem])).toEqual([
      ['one', 'defined twice: a.yaml:3 and b.yaml:6'],
      ['two', undefined],
    ]);
    expect(problems).toEqual([
      'b.yaml:6: McpAuthPolicy team-a/one is defined twice: a.yaml:3 and b.yaml:6; keep one',
    ]);
  });

  test('also when the namespace is once written and once implied', () => {
    const { policies } = read(
      policy('one', 'default'),
      policy('one').replace(', namespace: team-a', ''),
    ).manifests;
    expect(policies.map(({ problem }) => problem)).toEqual(['defined twice: a.yaml:1 and b.yaml:1']);
  });

  test('also more than twice', () => {
    const { policies } = read(`${policy('one')}---\n${policy('one')}`, policy('one')).manifests;
    expect(policies.map(({ problem }) => problem)).toEqual([
      'defined 3 times: a.yaml:1, a.yaml:6 and b.yaml:1',
    ]);
  });

  test('a ConfigMap is left out', () => {
    const { configMaps, problems } = read(configMap('ca'), configMap('ca'), configMap('other'));
    expect(configMaps).toEqual(['team-a/other']);
    expect(problems).toEqual([
      'b.yaml:1: ConfigMap team-a/ca is defined twice: a.yaml:1 and b.yaml:1; keep one',
    ]);
  });

  test('and so is a Service', () => {
    const { manifests, problems } = read(service('mcp', '{}'), service('mcp', '{}'), service('other', '{}'));
    expect([...manifests.services.keys()]).toEqual(['team-a/other']);
    expect(problems).toEqual([
      'b.yaml:1: Service team-a/mcp is defined twice: a.yaml:1 and b.yaml:1; keep one',
    ]);
  });
});

describe('a document that is not valid YAML', () => {
  test('costs itself, and not the others of its file', () => {
    const { policies, problems } = read(`${policy('one')}---\na: 1\n  b: 2\n---\n${policy('two')}`);
    expect(policies).toEqual(['team-a/one', 'team-a/two']);
    expect(problems).toEqual([expect.stringMatching(/^a\.yaml:6: not valid YAML: .*\(column 4\)/)]);
  });

  test('costs those as well that its open quote swallows', () => {
    const { policies } = read(`${policy('one')}---\na: "x\n---\n${policy('two')}`);
    expect(policies).toEqual(['team-a/one']);
  });
});
