import type { DecisionReason } from '../../operator/http/decision-reason.ts';

/** How a good token is sent, and what that comes to, in every mode. */
export interface RequestCase {
  readonly name: string;
  readonly query?: string;
  /** Names and values in turn. */
  readonly headers: (token: string) => readonly string[];
  readonly expected: DecisionReason;
  readonly status: number;
}

function authorization(name: string, value: (token: string) => string, ...more: readonly string[]) {
  return { name, headers: (token: string) => ['Authorization', value(token), ...more] };
}

const good = { expected: 'admitted', status: 200 } as const;
const invalid = { expected: 'request_invalid', status: 400 } as const;
const missing = { expected: 'token_missing', status: 401 } as const;

export const requestCases: readonly RequestCase[] = [
  { ...authorization('good: one header', (token) => `Bearer ${token}`), ...good },
  { name: 'T1 no credentials', headers: () => [], ...missing },
  {
    name: 'T2 two headers',
    headers: (token) => ['Authorization', `Bearer ${token}`, 'authorization', `Bearer ${token}`],
    ...invalid,
  },
  {
    name: 'T2 two headers, the first of another scheme',
    headers: (token) => ['Authorization', 'Basic eDp5', 'Authorization', `Bearer ${token}`],
    ...invalid,
  },
  { ...authorization('T2 two values', (token) => `Bearer ${token}, Bearer ${token}`), ...invalid },
  { ...authorization('T2 two schemes', (token) => `Basic eDp5, Bearer ${token}`), ...invalid },
  { name: 'T3 in the query only', query: 'access_token=TOKEN', headers: () => [], ...missing },
  {
    ...authorization('T3 in the query too', (token) => `Bearer ${token}`),
    query: 'access_token=TOKEN',
    ...invalid,
  },
  {
    ...authorization(
      'T4 in a form too',
      (token) => `Bearer ${token}`,
      'Content-Type',
      'application/x-www-form-urlencoded',
    ),
    ...invalid,
  },
  {
    name: 'T4 in a form only',
    headers: () => ['Content-Type', 'application/x-www-form-urlencoded'],
    ...missing,
  },
  { ...authorization('T5 bearer', (token) => `bearer ${token}`), ...good },
  { ...authorization('T5 BEARER', (token) => `BEARER ${token}`), ...good },
  { ...authorization('T6 nothing behind the scheme', () => 'Bearer'), ...invalid },
  { ...authorization('T6 an empty token', () => 'Bearer '), ...invalid },
  { ...authorization('T6 two spaces', (token) => `Bearer  ${token}`), ...invalid },
  { ...authorization('T6 a tab', (token) => `Bearer\t${token}`), ...invalid },
  { ...authorization('T6 something behind the token', (token) => `Bearer ${token} x`), ...invalid },
  { ...authorization('T6 in quotes', (token) => `Bearer "${token}"`), ...invalid },
  { ...authorization('T6 without the scheme', (token) => token), ...missing },
  { ...authorization('T6 another scheme', (token) => `DPoP ${token}`), ...missing },
];
