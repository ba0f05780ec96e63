import { defineConfig } from 'vitest/config';
import { isFull } from './test/faults/length.ts';
import { LongestFirst } from './test/faults/longest-first.ts';

// Where CI wants a report that can be counted.
const report = process.env.VITEST_JSON_REPORT;

// Rows that measure how fast something is, or keep the machine busy.
const demanding = ['chaos', 'dead-issuers', 'many-policies'].map((name) => `test/faults/${name}.test.ts`);

export default defineConfig({
  test: {
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/cluster/**', 'test/e2e/**', 'test/faults/**', 'test/upstreams/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/upstreams/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        // Faults at a real cluster; `test:faults` makes them last as long as docs/reliability.md says.
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          exclude: demanding,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          // Most of the time they wait, the longer they last the more. Each has an installation.
          maxWorkers: isFull ? 3 : 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'faults-alone',
          include: demanding,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          // After the others: what is measured should not be how busy the machine is.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
