import { expect, test } from 'vitest';
import { type AuditEntry, staleWrites } from './audit-log.ts';

function write(resourceVersion: string, observedGeneration: number, generation = observedGeneration) {
  const metadata = { name: 'tools', uid: 'a', resourceVersion, generation };
  return {
    ...{ verb: 'patch', requestURI: '', objectRef: { resource: 'mcpauthpolicies' } },
    responseStatus: { code: 200 },
    responseObject: { metadata, status: { observedGeneration } } as AuditEntry['responseObject'],
  } as AuditEntry;
}

test('statuses in their order are not stale, in whichever order the log has them', () => {
  expect(staleWrites([write('9', 1), write('12', 3), write('11', 2)])).toEqual([]);
});

test('a status is stale that is older than one before, or than its object', () => {
  expect(staleWrites([write('9', 2), write('10', 1)])).toEqual(['tools 1']);
  expect(staleWrites([write('9', 1, 2)])).toEqual(['tools 1']);
});

test('what was refused has not been written', () => {
  expect(staleWrites([write('9', 2), { ...write('10', 1), responseStatus: { code: 409 } }])).toEqual([]);
});
