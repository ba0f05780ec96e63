import { expect, test } from 'vitest';
import { configMap, nameRule, policy, read } from './sample-manifests.ts';

const object = 'apiVersion: mcpauth.dev/v1alpha1\nkind: McpAuthPolicy\n';
const refused: readonly { name: string; text: string; problems: readonly string[] }[] = [
  {
    name: 'no mapping',
    text: '# a list\n- 1\n',
    problems: ['a.yaml:2: must be a mapping with apiVersion, kind and metadata'],
  },
  {
    name: 'no kind',
    text: '\napiVersion: v1\n',
    problems: ['a.yaml:2: kind: is missing: name the kind of the object'],
  },
  {
    name: 'another version',
    text: policy('one').replace('v1alpha1', 'v1'),
    problems: [
      'a.yaml:1: apiVersion: "mcpauth.dev/v1" is not known: the apiVersion of a McpAuthPolicy is mcpauth.dev/v1alpha1',
    ],
  },
  {
    name: 'no version',
    text: 'kind: ConfigMap\nmetadata: { name: ca }\n',
    problems: ['a.yaml:1: apiVersion: is missing: the apiVersion of a ConfigMap is v1'],
  },
  {
    name: 'a misspelt kind',
    text: policy('one').replace('McpAuthPolicy', 'MCPAuthPolicy'),
    problems: ['a.yaml:2: kind: "MCPAuthPolicy" is not known in mcpauth.dev: use McpAuthPolicy'],
  },
  {
    name: 'no metadata',
    text: object,
    problems: ['a.yaml:1: metadata.name: is missing: give the object a name'],
  },
  {
    name: 'no name',
    text: `${object}metadata:\n  namespace: team-a\n`,
    problems: ['a.yaml:3: metadata.name: is missing: give the object a name'],
  },
  {
    name: 'a number as name and as namespace',
    text: `${object}metadata:\n  name: 1\n  namespace: 2\n`,
    problems: [
      'a.yaml:4: metadata.name: must be a string: write it as "1"',
      'a.yaml:5: metadata.namespace: must be a string: write it as "2"',
    ],
  },
  {
    name: 'an upper-case name',
    text: `${object}metadata:\n  name: One\n`,
    problems: [`a.yaml:4: metadata.name: "One" is not a name: ${nameRule}`],
  },
  {
    name: 'a name with an empty label',
    text: `${object}metadata: { name: a..b }\n`,
    problems: [`a.yaml:3: metadata.name: "a..b" is not a name: ${nameRule}`],
  },
  {
    name: 'a name with a line break at its end',
    text: `${object}metadata: { name: "a\\n" }\n`,
    problems: [`a.yaml:3: metadata.name: "a\\n" is not a name: ${nameRule}`],
  },
  {
    name: 'a name that would leave its place in a URL',
    text: `${object}metadata: { name: ../x }\n`,
    problems: [`a.yaml:3: metadata.name: "../x" is not a name: ${nameRule}`],
  },
  {
    name: 'a name that is too long',
    text: policy('a'.repeat(254)),
    problems: ['a.yaml:3: metadata.name: has 254 characters: use at most 253'],
  },
  {
    name: 'a namespace that is too long',
    text: policy('one', 'a'.repeat(64)),
    problems: ['a.yaml:3: metadata.namespace: has 64 characters: use at most 63'],
  },
  {
    name: 'a namespace with a dot',
    text: policy('one', 'team.a'),
    problems: [
      'a.yaml:3: metadata.namespace: "team.a" is not a namespace: use lower-case letters, digits and "-", with a letter or digit at both ends',
    ],
  },
  {
    name: 'data that is no text',
    text: configMap('ca', '\n  port: 80\n  on:\n  ok: text\n  a.b: [1]'),
    problems: [
      'a.yaml:5: data.port: must be a string: quote it',
      'a.yaml:6: data.on: must be a string: quote it',
      'a.yaml:8: data.a.b: must be a string: quote it',
    ],
  },
  {
    name: 'data that is no mapping',
    text: configMap('ca', '[a]'),
    problems: ['a.yaml:4: data: must be a mapping of strings'],
  },
  {
    name: 'a list without items',
    text: 'apiVersion: v1\nkind: List\nitems: {}\n',
    problems: ['a.yaml:3: items: must be a list of objects'],
  },
  {
    name: 'bad items, named by their place in the list',
    text: 'apiVersion: v1\nkind: List\nitems:\n- 5\n-\n  apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: _\n- kind: Pod\n',
    problems: [
      'a.yaml:4: items[0]: must be a mapping with apiVersion, kind and metadata',
      `a.yaml:9: items[1].metadata.name: "_" is not a name: ${nameRule}`,
    ],
  },
];

test.each(refused)('$name: a problem, and nothing delivered', ({ text, problems }) => {
  expect(read(text)).toMatchObject({ policies: [], configMaps: [], problems });
});
