import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';

/** What to present and trust in a request to the API server. */
export interface ApiAccess {
  readonly caFile: string;
  readonly token: string;
  readonly signal?: AbortSignal;
}

/**
 * Gets a URL of the API server with a new connection, trusting only `caFile`.
 *
 * @returns the status code and the body, parsed when it is JSON
 * @throws when there is no answer
 */
export async function getFromApi(
  url: string,
  access: ApiAccess,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const ca = await readFile(access.caFile);
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: unknown }>();
  const outgoing = request(url, {
    ca,
    agent: false,
    headers: { authorization: `Bearer ${access.token}` },
    ...(access.signal === undefined ? {} : { signal: access.signal }),
  });
  outgoing.once('error', reject);
  outgoing.once('response', (response) => {
    const isJson = response.headers['content-type']?.startsWith('application/json') === true;
    text(response).then(
      (body) => resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(body) : body }),
      reject,
    );
  });
  outgoing.end();
  return promise;
}
