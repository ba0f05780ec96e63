import { text } from 'node:stream/consumers';
import type { ConfigCheckOptions } from '../options.ts';
import { findWarnings } from './configuration-warnings.ts';
import { readContent } from './file-content.ts';
import { describeErrors, judgeConfiguration } from './read-configuration.ts';

/**
 * Judges an administrator's configuration without using it. What is wrong, or legal but surely not meant, goes to
 * standard error, one line each. Resolves with the exit code: 2 when something is wrong.
 */
export async function configCheckCommand({ path, publicURL }: ConfigCheckOptions): Promise<number> {
  const content = path === '-' ? { text: await text(process.stdin) } : await readContent(path);
  const decoded = judgeConfiguration(content, publicURL);
  if (!decoded.ok) {
    printLines(process.stderr, describeErrors(path, decoded.errors));
    return 2;
  }
  const warnings = findWarnings(decoded.value).map((warning) => ({
    ...warning,
    message: `warning: ${warning.message}`,
  }));
  printLines(process.stderr, describeErrors(path, warnings));
  printLines(process.stdout, [`${path}: ok`]);
  return 0;
}

function printLines(stream: NodeJS.WriteStream, lines: readonly string[]): void {
  stream.write(lines.map((line) => `${line}\n`).join(''));
}
