import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  decodeConfiguration,
  defaultDocument,
  type OperatorConfiguration,
} from '../../operator/policy/operator-configuration.ts';

const sample = readFileSync(join(import.meta.dirname, '../../manifests/operator-configuration.yaml'), 'utf8');

/** Examples are comments that are indented; what they stand in for is an empty list or object before them. */
const uncommented = sample.replace(/ (\[\]|\{\})\n(?=( {2}# .*\n)+)/g, '\n').replace(/^ {2}# /gm, '  ');

/** Keys that are absent without a default. The type fails to compile when there is another. */
type OptionalKey = {
  [K in keyof OperatorConfiguration]-?: Record<string, never> extends Pick<OperatorConfiguration, K>
    ? K
    : never;
}[keyof OperatorConfiguration];
const optionalKeys: Readonly<Record<OptionalKey, true>> = { publicURL: true };

function decode(document: unknown): OperatorConfiguration {
  const decoded = decodeConfiguration(document);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
  return decoded.value;
}

/** `limits.maxTokenBytes`, `outbound.allow[].hosts`; what an object maps by names of the administrator's own is one value. */
function keysOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item) => keysOf(item, `${path}[]`))];
  if (typeof value !== 'object' || value === null || path === '.serviceAddresses') return [path];
  return [path, ...Object.entries(value).flatMap(([name, member]) => keysOf(member, `${path}.${name}`))];
}

test('as it is, it says the defaults', () => {
  const { publicURL, ...rest } = decode(parse(sample));
  expect(publicURL).toBe('https://mcp.example.com');
  expect(rest).toEqual(decode(defaultDocument));
});

test('it has every key', () => {
  const { publicURL: _, ...defaults } = decode(defaultDocument);
  const keys = keysOf(parse(sample));
  for (const key of [...keysOf(defaults), ...Object.keys(optionalKeys).map((name) => `.${name}`)]) {
    expect(keys).toContain(key);
  }
});

test('its examples are good, and have every key of what they show', () => {
  expect(uncommented).not.toMatch(/^ +#/m);
  const document: unknown = parse(uncommented);
  const decoded = decode(document);
  expect(decoded.outbound.allow).not.toEqual([]);
  expect(decoded.issuers).not.toEqual([]);
  expect(decoded.resourceHosts).not.toEqual([]);
  expect(decoded.serviceAddresses).not.toEqual({});
  expect(new Set(keysOf(document))).toEqual(new Set(keysOf(decoded)));
});
