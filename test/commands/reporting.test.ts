import { expect, test } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import { type CurrentReports, createReporting } from '../../operator/commands/reporting.ts';
import type { PolicyReport } from '../../operator/enforcement/enforcement.ts';
import { createFakeClock } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

const names = ['x', 'y', 'z'];
const objects = names.map(
  (name): UntypedObject => ({
    apiVersion: 'mcpauth.dev/v1alpha1',
    kind: 'McpAuthPolicy',
    metadata: { namespace: 'a', name, generation: 1, uid: name },
    spec: {},
  }),
);
const good = (name: string): PolicyReport => ({
  outcome: { namespace: 'a', name, generation: 1, sharesAudience: false },
  observation: { issuer: { kind: 'loaded', keys: 1, keySetDigest: 'k' } },
  isSettled: true,
});
/** What it says of the self-test lacks what a status is computed from. */
const bad = (name: string): PolicyReport =>
  ({
    ...good(name),
    observation: { ...good(name).observation, selfTest: { kind: 'tested', result: { failed: [] } } },
  }) as unknown as PolicyReport;

function startReporting() {
  const clock = createFakeClock();
  const log = recordLog();
  const told: string[] = [];
  const panics: string[] = [];
  let current = (): CurrentReports => ({ objects, reports: names.map(good) });
  const reporting = createReporting({
    ...{ clock, log },
    current: () => current(),
    isAuthor: () => true,
    onStatus: ({ metadata }) => void told.push(metadata.name),
    metrics: { setPolicies: () => undefined, countPanic: (controller) => void panics.push(controller) },
  });
  const report = (next: () => CurrentReports): readonly string[] => {
    current = next;
    told.length = 0;
    reporting.request();
    clock.advance(60_000);
    return told;
  };
  return { reporting, report, log, panics };
}

const allGood = (): CurrentReports => ({ objects, reports: names.map(good) });
const oneBad = (): CurrentReports => ({
  objects,
  reports: names.map((name) => (name === 'y' ? bad : good)(name)),
});

test('a policy whose status cannot be computed keeps the last one, and stops no other', () => {
  const { reporting, report } = startReporting();
  expect(report(allGood)).toEqual(names);
  const before = reporting.list();
  expect(report(oneBad)).toEqual(['x', 'z']);
  expect(reporting.list()).toEqual(before);
  expect(report(allGood)).toEqual(names);
});

test('it is logged once, with the stack, until it has been computed again; each time it is counted', () => {
  const { report, log, panics } = startReporting();
  const errors = () => log.lines.filter(({ level }) => level === 'error');
  report(oneBad);
  report(oneBad);
  expect(errors()).toEqual([
    {
      level: 'error',
      message: 'computing a status failed',
      fields: { policy: 'a/y', error: expect.stringMatching(/^TypeError: .*\n +at /) },
    },
  ]);
  expect(panics).toEqual(['status', 'status']);
  report(allGood);
  report(oneBad);
  expect(errors()).toHaveLength(2);
});

test('another bug on the way does not end the process: it is logged and counted, and the next report is made', () => {
  const { report, log, panics } = startReporting();
  const nothing = report(() => {
    throw new TypeError('a bug');
  });
  expect(nothing).toEqual([]);
  expect(log.lines.map(({ level, message }) => [level, message])).toEqual([['error', 'reporting failed']]);
  expect(panics).toEqual(['status']);
  expect(report(allGood)).toEqual(names);
});
