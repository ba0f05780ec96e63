import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateFiles, source } from '../../tools/generate/generate-files.ts';
import { literal, quote, startBody, writeDoc } from '../../tools/generate/source-writer.ts';

const checkout = join(import.meta.dirname, '../..');
const crd = readFileSync(join(checkout, source), 'utf8');

describe('generateFiles', () => {
  it.each([
    [
      'a condition type without a full stop',
      [
        '- Accepted: The spec is valid and this policy owns its resource.\n',
        '- Accepted: The spec is valid\n',
      ],
      'status.conditions[].type: the line "- Accepted: The spec is valid" must look like "- Type: sentence."',
    ],
    [
      'a reason without a type',
      ['- Accepted/Conflicted: ', '- Conflicted: '],
      'status.conditions[].reason: the line "- Conflicted: An older policy owns the resource." must look like "- Type/Reason: sentence."',
    ],
    [
      'a reason with an unknown type',
      ['- Accepted/Conflicted: ', '- Allowed/Conflicted: '],
      'status.conditions[].reason: Allowed is not a condition type, in the line - Allowed/Conflicted: An older policy owns the resource.',
    ],
    [
      'a reason that is there twice',
      ['- Accepted/Conflicted: ', '- Accepted/Invalid: '],
      'status.conditions[].reason: the line "- Accepted/Invalid: An older policy owns the resource." is there twice',
    ],
    [
      'a keyword that would get lost',
      ['maxItems: 32', 'maxProperties: 32'],
      'keyword maxProperties is not known',
    ],
    [
      'a type that would get lost',
      ['type: integer', 'type: number'],
      'type "number" is not known to the generator',
    ],
    [
      'a list without a bound',
      ['maxItems: 16', 'minItems: 1'],
      'spec.additionalAudiences: a list of the spec needs maxItems',
    ],
    [
      'a string without a bound',
      ['maxLength: 512', 'default: https://a'],
      'spec.issuer: a string of the spec needs maxLength',
    ],
    [
      'a number without a bound',
      ['maximum: 65535', 'format: int32'],
      'spec.upstream.service.port: a number of the spec needs',
    ],
    [
      'a pattern without words',
      ["'^/[A-Za-z0-9._~/-]*$'", "'^/[a-z]*$'"],
      'spec.upstream.service.path: say in tools/',
    ],
    [
      'two types of one name',
      ['rejections:', 'jwks:'],
      'status.verification.jwks: another type is called Jwks',
    ],
  ] as const)('does not take %s', (_, [before, after], message) => {
    expect(crd).toContain(before);
    expect(() => generateFiles(crd.replace(before, () => after))).toThrow(message);
  });

  it('writes the words of the CRD into each file', () => {
    const files = generateFiles(
      crd.replace('Name of the Service.', 'Name of the ship.').replaceAll('SelfTestFailed', 'Sunk'),
    );
    expect(files.get('operator/api/mcp-auth-policy.gen.ts')).toContain('/** Name of the ship. */');
    expect(files.get('operator/api/conditions.gen.ts')).toContain("'Sunk',");
    expect(files.get('docs/reference.md')).toContain('Name of the ship.');
    expect(files.get('docs/reference.md')).toContain('| `Sunk` |');
  });

  it('describes every field in the reference', () => {
    const text = generateFiles(crd).get('docs/reference.md') ?? '';
    const headings = text.match(/^### `.*`$/gm) ?? [];
    expect(headings).toHaveLength(new Set(headings).size);
    expect(headings).toContain('### `spec.tools[].scopes[]`');
    expect(headings.length).toBeGreaterThan(60);
    expect(text).not.toContain('undefined');
  });
});

describe('writing source', () => {
  it('quotes any text', () => {
    const anyValue = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\'"', '\\', "\\'", '\\"', '\n', '\u2028', '`'),
    );
    fc.assert(
      fc.property(anyValue, (text) => {
        expect(runInNewContext(quote(text))).toBe(text);
      }),
      { seed: 1 },
    );
    expect(literal({ names: ["it's", 'b'], count: 1 })).toBe(`{ names: ["it's", 'b'], count: 1 }`);
  });

  it('lets no description end its comment', () => {
    const writer = startBody();
    writeDoc(writer, 'a */ b');
    expect(writer.toString()).toBe('/** a *\\/ b */\n');
  });
});

describe('the command', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'generate-'));
    for (const path of [source, ...generateFiles(crd).keys()]) {
      cpSync(join(checkout, path), join(root, path));
    }
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('finds nothing to do in this checkout', () => {
    expect(generate('--check')).toEqual({ status: 0, stderr: '' });
  });

  it('--check names a file that was changed by hand, and one that is missing', () => {
    writeFileSync(join(root, 'operator/api/rules.gen.ts'), 'export const CEL_RULES = [];\n');
    rmSync(join(root, 'docs/reference.md'));
    const { status, stderr } = generate('--check');
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      `operator/api/rules.gen.ts is not what ${source} says: run \`npm run generate\``,
      `docs/reference.md is not what ${source} says: run \`npm run generate\``,
    ]);
    expect(readFileSync(join(root, 'operator/api/rules.gen.ts'), 'utf8')).toBe(
      'export const CEL_RULES = [];\n',
    );
  });

  it('--check sees that the CRD was changed; without it the files follow', () => {
    writeFileSync(join(root, source), crd.replace('maximum: 65535', 'maximum: 65534'));
    expect(generate('--check').status).toBe(1);
    expect(generate()).toEqual({ status: 0, stderr: '' });
    expect(generate('--check')).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(join(root, 'operator/api/decode.gen.ts'), 'utf8')).toContain('integer(1, 65534)');
  });

  it('says where the CRD is not understood, and writes nothing', () => {
    writeFileSync(join(root, source), crd.replace('maximum: 65535', 'multipleOf: 5'));
    const { status, stderr } = generate();
    expect(status).toBe(1);
    expect(stderr).toBe(
      `${source}: spec.upstream.service.port: keyword multipleOf is not known to the generator\n`,
    );
    expect(readFileSync(join(root, 'operator/api/decode.gen.ts'), 'utf8')).toContain('integer(1, 65535)');
  });

  function generate(...args: readonly string[]): { readonly status: number | null; readonly stderr: string } {
    const main = join(checkout, 'tools/generate/main.ts');
    const { status, stderr } = spawnSync(process.execPath, [main, '--root', root, ...args], {
      encoding: 'utf8',
    });
    return { status, stderr };
  }
});
