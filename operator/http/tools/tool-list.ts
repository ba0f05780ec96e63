import { isJsonObject, type JsonObject } from '../../json/json-object.ts';
import { parseStrictJson } from '../../json/strict-json.ts';
import { messageLimits } from './messages.ts';

/**
 * Takes tools out of an answer to `tools/list`. Such an answer is known by its shape alone, `result.tools` being an array, so
 * that it is also found where it is sent again: in a stream that is resumed, or in a batch. What remains differs between
 * callers, so a `cacheScope` of `public` becomes `private`. Entries without a name go too: nobody can call them.
 *
 * @param message - the bytes of one JSON-RPC message or of a batch.
 * @returns the same object when nothing had to be changed; undefined when it is no JSON that every parser reads alike.
 */
export function editToolList(message: Uint8Array, mayUse: MayUse): Uint8Array | undefined {
  if (cannotListTools(message)) return message;
  const parsed = parseStrictJson(message, messageLimits);
  if (!parsed.ok) return undefined;
  if (!messagesIn(parsed.value).some((found) => needsEdit(found, mayUse))) return message;
  const value = parseKeepingNumbers(Buffer.from(message).toString());
  const edited = Array.isArray(value) ? value.map((item) => edit(item, mayUse)) : edit(value, mayUse);
  return Buffer.from(JSON.stringify(edited).replace(otherLineEnds, escapeCharacter));
}

/**
 * Whether no parser could find a member `tools` in there: the name is not written, neither is an escape that it could hide in,
 * and it is no text in another encoding. Most answers are like that, and large ones take long to parse.
 */
function cannotListTools(message: Uint8Array): boolean {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
  return !bytes.includes('tools') && !bytes.includes('\\u') && !bytes.includes(0);
}

/** Whether the caller may use a tool of this name. */
export type MayUse = (tool: string) => boolean;

/** Some clients take these for ends of lines, in events too; they may have come escaped. */
const otherLineEnds = /[\u0085\u2028\u2029]/g;

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function messagesIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

type ToolList = JsonObject & { readonly tools: readonly unknown[] };

function readToolList(message: unknown): ToolList | undefined {
  if (!isJsonObject(message)) return undefined;
  const { result } = message;
  return isJsonObject(result) && Array.isArray(result.tools) ? (result as ToolList) : undefined;
}

function needsEdit(message: unknown, mayUse: MayUse): boolean {
  const list = readToolList(message);
  return (
    list !== undefined &&
    (list.cacheScope === 'public' || !list.tools.every((tool) => isVisible(tool, mayUse)))
  );
}

function edit(message: unknown, mayUse: MayUse): unknown {
  const list = readToolList(message);
  if (list === undefined || !isJsonObject(message)) return message;
  const result = {
    ...list,
    tools: list.tools.filter((tool) => isVisible(tool, mayUse)),
    ...(list.cacheScope === 'public' ? { cacheScope: 'private' } : {}),
  };
  return { ...message, result };
}

function isVisible(tool: unknown, mayUse: MayUse): boolean {
  return isJsonObject(tool) && typeof tool.name === 'string' && mayUse(tool.name);
}

/** In the language since ES2026, and not yet in TypeScript's libraries. */
const { rawJSON } = JSON as typeof JSON & { readonly rawJSON: (text: string) => object };

/** Numbers stay as they were written: as doubles, large ones would come out as others (an `id` among them). */
function parseKeepingNumbers(text: string): unknown {
  const keep = (_: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined ? rawJSON(context.source) : value;
  return JSON.parse(text, keep);
}
