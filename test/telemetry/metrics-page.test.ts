import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createMetrics } from '../../operator/telemetry/metrics.ts';
import { scrape } from '../fixtures/scrape.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
const ofNode = /^(process|nodejs)_/;

interface Row {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  /** What is listed for a label. */
  readonly values: Readonly<Record<string, readonly string[]>>;
}

const rows = [...page.matchAll(/^\| `([a-z_]+)` \| ([a-z]+) \| ([^|]+) \|/gm)].map(
  ([, name = '', type = '', cell = '']): Row => {
    const values = Object.fromEntries(
      [...cell.matchAll(/`([a-z]+)`: ([^;]+)/g)].map(([, label = '', list = '']) => [
        label,
        [...list.matchAll(/`([^`]+)`/g)].map(([, value = '']) => value),
      ]),
    );
    return { name, type, labels: Object.keys(values), values };
  },
);

const registry = new Registry();
const metrics = createMetrics('1', registry);

test('docs/metrics.md and the code have the same metrics, of the same types, with the same labels', () => {
  const registered = registry.getMetricsAsArray() as unknown as readonly (Row & { labelNames: string[] })[];
  const ours = registered
    .filter(({ name }) => !ofNode.test(name))
    .map(({ name, type, labelNames }) => ({ name, type: String(type), labels: labelNames.toSorted() }));
  const documented = rows.map(({ name, type, labels }) => ({ name, type, labels: labels.toSorted() }));
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  expect(documented.toSorted(byName)).toEqual(ours.toSorted(byName));
});

test('every series that is there from the start has listed values, and every listed one is there', async () => {
  const { series } = await scrape(metrics);
  const closed = rows.filter(({ name, labels, values }) => {
    const isOpen = labels.some((label) => values[label]?.length === 0);
    return labels.length > 0 && !isOpen && !/^(rest_client|mcp_auth_source)/.test(name);
  });
  expect(closed.length).toBeGreaterThan(15);
  for (const { name, type, labels, values } of closed) {
    const suffix = type === 'histogram' ? '_count' : '';
    const seen = series.filter((one) => one.name === `${name}${suffix}`);
    const listed = labels.reduce((count, label) => count * (values[label]?.length ?? 0), 1);
    expect(seen.length, name).toBe(listed);
    for (const one of seen) {
      expect(one.value, name).toBe(0);
      for (const label of labels) expect(values[label], name).toContain(one.labels[label]);
    }
  }
});

test('alerts are about metrics and label values that there are', () => {
  const [, alerts = ''] = page.split('```yaml');
  const expressions = [
    ...alerts.matchAll(/\b((?:mcp_auth|controller_runtime)_[a-z_]+)(?:\{(\w+)!?=~?"([^"]+)"\})?/g),
  ];
  expect(expressions.length).toBeGreaterThan(8);
  for (const [, name, label, list] of expressions) {
    // A quantile is taken of a histogram's buckets.
    const row = rows.find((one) => one.name === name?.replace(/_bucket$/, ''));
    expect(row, name).toBeDefined();
    if (label !== undefined)
      expect(row?.values[label]).toEqual(expect.arrayContaining(list?.split('|') ?? []));
  }
});
