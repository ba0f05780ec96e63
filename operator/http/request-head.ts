import type { IncomingMessage } from 'node:http';

/** The head of an HTTP/1.1 request as it arrived: nothing merged, nothing dropped. */
export interface RequestHead {
  readonly method: string;
  /** The request target of the request line (RFC 9112 section 3.2). */
  readonly target: string;
  /** Names and values in turn, as Node's `rawHeaders`: frameworks keep only the first of two equal headers. */
  readonly rawHeaders: readonly string[];
}

/** The head of a request that Node's parser has read. */
export function readHead({ method = '', url = '', rawHeaders }: IncomingMessage): RequestHead {
  return { method, target: url, rawHeaders };
}

/** All values of a header, one for each time it was sent. `name` is lower case. */
export function headerValues(
  { rawHeaders }: Pick<RequestHead, 'rawHeaders'>,
  name: string,
): readonly string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name) values.push(rawHeaders[index + 1] ?? '');
  }
  return values;
}

export interface Target {
  readonly path: string;
  /** Without the question mark; empty when there is none. */
  readonly query: string;
}

/** Splits an origin-form target. Undefined for every other form: an absolute target would override Host. */
export function readTarget({ target }: RequestHead): Target | undefined {
  if (!target.startsWith('/')) return undefined;
  const mark = target.indexOf('?');
  return mark < 0
    ? { path: target, query: '' }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}
