import { readFile } from 'node:fs/promises';
import { type Document, parseDocument } from 'yaml';
import { UsageError } from '../options.ts';
import {
  decodeConfiguration,
  defaultDocument,
  type OperatorConfiguration,
} from '../policy/operator-configuration.ts';

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
export async function readConfiguration({
  configFile,
  publicURL,
}: ConfigurationOptions): Promise<OperatorConfiguration> {
  const document = configFile === undefined ? defaultDocument : await readDocument(configFile);
  const decoded = decodeConfiguration(publicURL === undefined ? document : { ...document, publicURL });
  if (decoded.ok) return decoded.value;
  const source = configFile ?? 'configuration';
  const lines = decoded.errors.map(({ path, message }) => {
    const field = path === 'publicURL' && publicURL !== undefined ? '--public-url' : path;
    return `${source}: ${field}: ${message}`;
  });
  throw new UsageError(lines.join('\n'));
}

async function readDocument(file: string): Promise<object> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--config ${file}: cannot be read (${error.code ?? 'unknown error'})`);
  });
  const document = parseDocument(text, { uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined) throw new UsageError(`${file}: ${problem.message}`);
  const value = toValue(document, file);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${file}: must be a YAML document of kind OperatorConfiguration`);
  }
  return value;
}

function toValue(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
