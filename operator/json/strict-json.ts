/** Bounds of a document, on top of its size in bytes. */
export interface JsonLimits {
  /** Objects and arrays inside each other; a bare `{}` is one deep. */
  readonly maxDepth: number;
  /** Members of one object. */
  readonly maxMembers: number;
  /** Values in all: a text of three characters can become an object of hundreds of bytes. */
  readonly maxValues: number;
}

/** What came out: `value` is made of primitives, arrays and objects without a prototype. */
export type StrictJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

const defaultLimits: JsonLimits = { maxDepth: 16, maxMembers: 256, maxValues: 10_000 };

/** `ignoreBOM` means that a byte order mark is kept, so that the parser refuses it (RFC 8259 section 8.1). */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses JSON (RFC 8259) that someone else wrote, in linear time.
 *
 * Accepts less than `JSON.parse` and otherwise agrees with it. Refused are, besides bad syntax: invalid UTF-8, a byte
 * order mark, two members of one name in one object (however they are spelled: two parsers would disagree about which
 * counts), numbers that do not fit a double, lone surrogates, and what goes beyond the limits. Objects have no prototype,
 * so a member `__proto__` is a member like any other and nothing is found that was not written.
 */
export function parseStrictJson(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): StrictJson {
  const text = decodeUtf8(bytes);
  if (text === undefined) return { ok: false };
  const cursor: Cursor = { text, at: 0, values: 0, limits: { ...defaultLimits, ...limits } };
  const value = readValue(cursor, 0);
  if (value === undefined) return { ok: false };
  skipSpace(cursor);
  return cursor.at === text.length ? { ok: true, value } : { ok: false };
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

interface Cursor {
  readonly text: string;
  readonly limits: JsonLimits;
  at: number;
  /** Values so far. */
  values: number;
}

/** Undefined is not a JSON value: here it stands for a refusal. */
type Refusable<T> = T | undefined;

/** Reads one value, after white space. `depth` is that of the object or array around it. */
function readValue(cursor: Cursor, depth: number): Refusable<unknown> {
  skipSpace(cursor);
  cursor.values += 1;
  if (cursor.values > cursor.limits.maxValues) return undefined;
  switch (cursor.text.charCodeAt(cursor.at)) {
    case quote:
      return readString(cursor);
    case openBrace:
      return depth < cursor.limits.maxDepth ? readObject(cursor, depth + 1) : undefined;
    case openBracket:
      return depth < cursor.limits.maxDepth ? readArray(cursor, depth + 1) : undefined;
    case lowerT:
      return readWord(cursor, 'true', true);
    case lowerF:
      return readWord(cursor, 'false', false);
    case lowerN:
      return readWord(cursor, 'null', null);
    default:
      return readNumber(cursor);
  }
}

function readObject(cursor: Cursor, depth: number): Refusable<Record<string, unknown>> {
  const object: Record<string, unknown> = Object.create(null);
  cursor.at += 1;
  if (take(cursor, closeBrace)) return object;
  for (let left = cursor.limits.maxMembers; left > 0; left -= 1) {
    skipSpace(cursor);
    const name = readString(cursor);
    if (name === undefined || name in object || !take(cursor, colon)) return undefined;
    const value = readValue(cursor, depth);
    if (value === undefined) return undefined;
    object[name] = value;
    if (take(cursor, closeBrace)) return object;
    if (!take(cursor, comma)) return undefined;
  }
  return undefined;
}

function readArray(cursor: Cursor, depth: number): Refusable<unknown[]> {
  const items: unknown[] = [];
  cursor.at += 1;
  if (take(cursor, closeBracket)) return items;
  for (;;) {
    const item = readValue(cursor, depth);
    if (item === undefined) return undefined;
    items.push(item);
    if (take(cursor, closeBracket)) return items;
    if (!take(cursor, comma)) return undefined;
  }
}

function readString(cursor: Cursor): Refusable<string> {
  const { text } = cursor;
  if (text.charCodeAt(cursor.at) !== quote) return undefined;
  const start = cursor.at;
  let isEscaped = false;
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      cursor.at = at + 1;
      return isEscaped ? decodeEscapes(text.slice(start, at + 1)) : text.slice(start + 1, at);
    }
    if (code < space) return undefined;
    if (code === backslash) {
      isEscaped = true;
      at += 1;
    }
  }
  return undefined;
}

/** Only escapes can bring lone surrogates: UTF-8 cannot encode them. */
function decodeEscapes(quoted: string): Refusable<string> {
  try {
    const value: unknown = JSON.parse(quoted);
    return typeof value === 'string' && value.isWellFormed() ? value : undefined;
  } catch {
    return undefined;
  }
}

const numberForm = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

function readNumber(cursor: Cursor): Refusable<number> {
  numberForm.lastIndex = cursor.at;
  const [digits] = numberForm.exec(cursor.text) ?? [];
  if (digits === undefined) return undefined;
  cursor.at += digits.length;
  const value = Number(digits);
  return Number.isFinite(value) ? value : undefined;
}

function readWord<T>(cursor: Cursor, word: string, value: T): Refusable<T> {
  if (!cursor.text.startsWith(word, cursor.at)) return undefined;
  cursor.at += word.length;
  return value;
}

/** Steps over white space and then over this character, if it is the next. */
function take(cursor: Cursor, code: number): boolean {
  skipSpace(cursor);
  if (cursor.text.charCodeAt(cursor.at) !== code) return false;
  cursor.at += 1;
  return true;
}

function skipSpace(cursor: Cursor): void {
  for (;;) {
    const code = cursor.text.charCodeAt(cursor.at);
    if (code !== space && code !== lineFeed && code !== carriageReturn && code !== tab) return;
    cursor.at += 1;
  }
}

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const lowerF = 0x66;
const lowerN = 0x6e;
const lowerT = 0x74;
const openBrace = 0x7b;
const closeBrace = 0x7d;
