import { expect, test } from 'vitest';
import { readBearerToken } from '../../operator/verify/bearer-token.ts';

test.each([
  [['Bearer abc.def-_~+/='], 'abc.def-_~+/='],
  [['bearer abc'], 'abc'],
  [['BEARER abc'], 'abc'],
])('reads the token of %j', (headers, token) => {
  expect(readBearerToken(headers)).toEqual({ kind: 'token', token });
});

test.each([[[]], [['Basic dXNlcjpwYXNz']], [['Negotiate abc']], [['']]])(
  'finds no bearer credentials in %j',
  (headers) => {
    expect(readBearerToken(headers)).toEqual({ kind: 'none' });
  },
);

test.each([
  [['Bearer a', 'Bearer b']],
  [['Bearer a', 'Basic b']],
  [['Bearer']],
  [['Bearer ']],
  [['Bearer  a']],
  [['Bearer\ta']],
  [['Bearer a b']],
  [['Bearer a, Bearer b']],
  [['Bearer a,b']],
  [['Basic x, Bearer a']],
  [['Bearer "a"']],
  [['Bearer ä']],
])('refuses to choose a token from %j', (headers) => {
  expect(readBearerToken(headers)).toEqual({ kind: 'invalid' });
});
