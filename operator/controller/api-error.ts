import { isJsonObject } from '../json/json-object.ts';

/** What can go wrong without an answer from the API server, or with an answer that cannot be read. */
export type LocalReason =
  | 'Aborted'
  | 'ConnectionFailed'
  | 'CredentialsFailed'
  | 'EventOutOfOrder'
  | 'LineTooLong'
  | 'MalformedBody'
  | 'MalformedEvent'
  | 'MalformedLine'
  | 'TLSFailed'
  | 'Timeout'
  | 'TooLarge'
  | 'TruncatedLine'
  | 'WatchTooShort';

interface ApiErrorDetails {
  readonly retryAfterSeconds?: number | undefined;
  /** A machine-readable code, such as `ECONNREFUSED`. */
  readonly detail?: string | undefined;
}

const tlsCode = /^(CERT_|DEPTH_ZERO|EPROTO|ERR_SSL|ERR_TLS|HOSTNAME_MISMATCH|SELF_SIGNED|UNABLE_TO_)/;
const safeWord = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

/**
 * Why a call to the API server failed. The message is made of code and reason only: bodies, headers and causes can
 * hold object contents and credentials (an exec plugin's complaint, the snippet in a SyntaxError), so none is kept.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status code, or that of a `Status` object; 0 without a readable answer. */
  readonly code: number;
  /** Reason of the `Status` object, a {@link LocalReason}, or `Unknown`. */
  readonly reason: string;
  readonly retryAfterSeconds?: number;

  constructor(code: number, reason: string, { retryAfterSeconds, detail }: ApiErrorDetails = {}) {
    super([code === 0 ? undefined : code, reason, detail && `(${detail})`].filter(Boolean).join(' '));
    this.code = code;
    this.reason = reason;
    if (retryAfterSeconds !== undefined) {
      this.retryAfterSeconds = retryAfterSeconds;
    }
  }
}

/** Makes the error for something that happened on our side of the connection. */
export function localError(reason: LocalReason, detail?: string): ApiError {
  return new ApiError(0, reason, { detail });
}

/**
 * Makes an error from a `Status` object, tolerant of anything else (a proxy's page, an empty body).
 *
 * @param httpCode the HTTP status code; 0 to take the code of the `Status`
 * @param retryAfter value of the `Retry-After` header; only the form in seconds is understood
 */
export function errorFromStatus(httpCode: number, body: unknown, retryAfter?: string): ApiError {
  const status = isJsonObject(body) && body.kind === 'Status' ? body : {};
  const details = isJsonObject(status.details) ? status.details : {};
  const code = httpCode === 0 && typeof status.code === 'number' ? status.code : httpCode;
  const reason =
    typeof status.reason === 'string' && safeWord.test(status.reason) ? status.reason : 'Unknown';
  const seconds = Number(retryAfter?.trim() || (details.retryAfterSeconds ?? Number.NaN));
  return new ApiError(code, reason, {
    retryAfterSeconds: Number.isFinite(seconds) && seconds > 0 ? seconds : undefined,
  });
}

/** Makes an error from whatever a socket, a stream or TLS threw; an {@link ApiError} stays what it is. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) {
    return error;
  }
  if (error instanceof DOMException && (error.name === 'TimeoutError' || error.name === 'AbortError')) {
    return localError(error.name === 'TimeoutError' ? 'Timeout' : 'Aborted');
  }
  const detail = detailOf(error);
  return localError(tlsCode.test(detail ?? '') ? 'TLSFailed' : 'ConnectionFailed', detail);
}

/** The machine-readable code of an error, if it has one; never its message. */
export function detailOf(error: unknown): string | undefined {
  const code = isJsonObject(error) ? (error.code ?? error.name) : undefined;
  return typeof code === 'string' && safeWord.test(code) ? code : undefined;
}
