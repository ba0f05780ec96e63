import type { Clock } from '../time/clock.ts';
import { signAssertion } from './assertion.ts';
import type { AssertionKeys } from './assertion-keys.ts';
import type { Caller } from './caller.ts';
import { type HeaderField, identityHeaders } from './identity-headers.ts';

/** What an upstream is told of a caller: header fields to be added to a request that has none of these names. */
export type Identify = (caller: Caller) => Promise<readonly HeaderField[]>;

export interface IdentifyParts {
  readonly currentKeys: () => AssertionKeys;
  readonly currentPublicURL: () => string | undefined;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** A new identifier each time, such as a random UUID. */
  readonly createId: () => string;
}

/** Makes what identifies callers; with keys, an assertion of its own for each request. */
export function createIdentify({ currentKeys, currentPublicURL, clock, createId }: IdentifyParts): Identify {
  return async (caller) => {
    const headers = identityHeaders(caller);
    const { signing } = currentKeys();
    if (signing === undefined) return headers;
    const assertion = await signAssertion(caller, signing, {
      publicURL: currentPublicURL(),
      nowSeconds: clock.nowMs() / 1000,
      id: createId(),
    });
    return [...headers, ['Mcp-Auth-Assertion', assertion]];
  };
}
