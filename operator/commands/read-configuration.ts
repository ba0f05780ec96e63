import { parseDocument } from 'yaml';
import type { Decoded, FieldError } from '../api/field-error.ts';
import { UsageError } from '../options.ts';
import {
  decodeConfiguration,
  defaultDocument,
  type OperatorConfiguration,
} from '../policy/operator-configuration.ts';
import { type FileContent, readContent } from './file-content.ts';

export interface ConfigurationOptions {
  readonly configFile?: string;
  /** Wins over the file's `publicURL`. */
  readonly publicURL?: string;
}

/**
 * Reads and judges the administrator's configuration.
 *
 * @throws UsageError that lists everything that is wrong, field by field.
 */
export async function readConfiguration(options: ConfigurationOptions): Promise<OperatorConfiguration> {
  const { configFile, publicURL } = options;
  const decoded =
    configFile === undefined
      ? decodeWithPublicURL(defaultDocument, publicURL)
      : judgeConfiguration(await readContent(configFile), publicURL);
  if (decoded.ok) return decoded.value;
  throw new UsageError(describeErrors(configFile ?? 'configuration', decoded.errors).join('\n'));
}

/**
 * Judges what the administrator's file holds.
 *
 * @param publicURL - wins over the file's.
 */
export function judgeConfiguration(content: FileContent, publicURL?: string): Decoded<OperatorConfiguration> {
  if ('unreadable' in content) return refuse([`cannot be read (${content.unreadable})`]);
  const document = parseDocument(content.text, { uniqueKeys: true });
  if (document.errors.length > 0) return refuse(document.errors.map(({ message }) => firstLine(message)));
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return refuse([firstLine(error instanceof Error ? error.message : String(error))]);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(['must be a YAML document of kind OperatorConfiguration']);
  }
  return decodeWithPublicURL(value, publicURL);
}

/** `operator.yaml: limits.maxTokenBytes: must be …`, one line for each error. */
export function describeErrors(file: string, errors: readonly FieldError[]): readonly string[] {
  return errors.map(({ path, message }) => `${file}: ${path}: ${message}`);
}

function decodeWithPublicURL(
  document: object,
  publicURL: string | undefined,
): Decoded<OperatorConfiguration> {
  if (publicURL === undefined) return decodeConfiguration(document);
  const decoded = decodeConfiguration({ ...document, publicURL });
  if (decoded.ok) return decoded;
  const errors = decoded.errors.map(({ path, message }) => ({
    path: path === 'publicURL' ? '--public-url' : path,
    message,
  }));
  return { ok: false, errors };
}

function refuse(messages: readonly string[]): Decoded<OperatorConfiguration> {
  return { ok: false, errors: messages.map((message) => ({ path: '(file)', message })) };
}

/** The parser adds a picture of the place on further lines. */
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/:$/, '');
}
