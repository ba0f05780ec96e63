import { expect, test } from 'vitest';
import { readTraceContext } from '../../operator/http/trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;

function read(...rawHeaders: readonly string[]) {
  return readTraceContext({ method: 'POST', target: '/', rawHeaders });
}

test('both headers are taken as they are, whatever the case of their names', () => {
  expect(
    read('TraceParent', traceparent, 'Tracestate', 'rojo=00f067aa0ba902b7, 1a@congo=t61rcWkgMzE'),
  ).toEqual({
    traceparent,
    tracestate: 'rojo=00f067aa0ba902b7, 1a@congo=t61rcWkgMzE',
    traceId,
  });
});

test('a tracestate in several fields is one list', () => {
  expect(read('traceparent', traceparent, 'tracestate', 'a=1', 'tracestate', 'b=2')?.tracestate).toBe(
    'a=1,b=2',
  );
});

test.each([
  ['none', []],
  ['another version', ['traceparent', traceparent.replace('00-', '01-')]],
  ['more than version 00 has', ['traceparent', `${traceparent}-more`]],
  ['upper case', ['traceparent', traceparent.toUpperCase()]],
  ['a trace of zeros', ['traceparent', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`]],
  ['a parent of zeros', ['traceparent', `00-${traceId}-${'0'.repeat(16)}-01`]],
  ['too short', ['traceparent', traceparent.slice(1)]],
  ['a line behind it', ['traceparent', `${traceparent}\n`]],
  ['several', ['traceparent', traceparent, 'traceparent', traceparent]],
  ['a list', ['traceparent', `${traceparent}, ${traceparent}`]],
  ['no traceparent beside a tracestate', ['tracestate', 'a=1']],
])('no trace context: %s', (_, headers) => {
  expect(read(...headers)).toBeUndefined();
});

test.each([
  ['empty', ''],
  ['commas only', ', ,'],
  ['no value', 'a='],
  ['no key', '=1'],
  ['upper case in a key', 'A=1'],
  ['two equal signs', 'a=1=2'],
  ['not ASCII', 'a=\u00e9'],
  ['a control character', 'a=1\u0007'],
  ['a long value', `a=${'v'.repeat(257)}`],
  ['too many members', Array.from({ length: 33 }, (_, index) => `k${index}=1`).join()],
])('a malformed tracestate is left out alone: %s', (_, tracestate) => {
  expect(read('traceparent', traceparent, 'tracestate', tracestate)).toEqual({ traceparent, traceId });
});

test.each(['a=1,,b=2', `a=${'v'.repeat(256)}`, 'fw529a3039@dt=FfAzcGBCq8', 'a= x y'])(
  'a well-formed tracestate is taken: %s',
  (tracestate) => {
    expect(read('traceparent', traceparent, 'tracestate', tracestate)?.tracestate).toBe(tracestate);
  },
);
