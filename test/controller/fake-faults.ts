import type { IncomingMessage, ServerResponse } from 'node:http';

/** What happens to one request instead of the answer. */
export type RequestFault =
  | { readonly status: number; readonly reason?: string; readonly retryAfter?: string }
  /** Answers 200 and this text. */
  | { readonly body: string }
  | 'reset'
  | 'hang';

/** What happens to the open watches. `stall` keeps the connection and sends nothing any more. */
export type WatchFault =
  | 'end'
  | 'fin'
  | 'fin-in-line'
  | 'reset'
  | 'truncated-line'
  | 'not-json'
  | 'no-event'
  | 'unknown-type'
  | 'endless-line'
  | 'nameless-object'
  | 'gone-event'
  | 'error-event'
  | 'stall';

/** Does to a request what is scripted. */
export function failRequest(request: IncomingMessage, response: ServerResponse, fault: RequestFault): void {
  if (fault === 'hang') {
    return;
  }
  if (fault === 'reset') {
    request.socket.resetAndDestroy();
  } else if ('body' in fault) {
    response.writeHead(200).end(fault.body);
  } else {
    sendStatus(response, fault.status, fault.reason ?? 'Scripted', fault.retryAfter);
  }
}

const halfLine = '{"type":"ADDED","object":{"metadata":{"na';

/** Does to an open watch what is scripted; a stall is up to the caller. */
export function breakWatch(response: ServerResponse, fault: WatchFault): void {
  const sendEvent = (type: string, object: unknown): void => {
    response.write(`${JSON.stringify({ type, object })}\n`);
  };
  switch (fault) {
    case 'stall':
      break;
    case 'end':
      response.end();
      break;
    case 'fin':
      response.socket?.end();
      break;
    case 'fin-in-line':
      response.write(halfLine, () => response.socket?.end());
      break;
    case 'reset':
      response.socket?.resetAndDestroy();
      break;
    case 'truncated-line':
      response.end(halfLine);
      break;
    case 'not-json':
      response.write('<html>\n');
      break;
    case 'no-event':
      response.write('null\n');
      break;
    case 'endless-line':
      response.write('x'.repeat(9 * 1024 * 1024));
      break;
    case 'unknown-type':
      sendEvent('SURPRISE', { metadata: { name: 'x', namespace: 'x', resourceVersion: '1' } });
      break;
    case 'nameless-object':
      sendEvent('ADDED', { metadata: { resourceVersion: '1' } });
      break;
    case 'gone-event':
      sendEvent('ERROR', toStatus(410, 'Expired'));
      break;
    case 'error-event':
      sendEvent('ERROR', toStatus(500, 'InternalError'));
  }
}

function toStatus(code: number, reason: string): unknown {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason,
    message: 'a secret of the server',
  };
}

export function sendStatus(
  response: ServerResponse,
  code: number,
  reason: string,
  retryAfter?: string,
): void {
  sendJson(
    response,
    code,
    toStatus(code, reason),
    retryAfter === undefined ? {} : { 'retry-after': retryAfter },
  );
}

/** Sends the object that a request reads or leaves; 409 when there is none. */
export function sendWritten(response: ServerResponse, object: unknown, code = 200): void {
  if (object === undefined) {
    sendStatus(response, 409, 'Conflict');
  } else {
    sendJson(response, code, object);
  }
}

export function sendJson(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
