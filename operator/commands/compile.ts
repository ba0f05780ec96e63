import { text } from 'node:stream/consumers';
import { type CompileOptions, UsageError } from '../options.ts';
import { compile } from '../policy/compile.ts';
import { noCluster } from '../policy/inputs.ts';
import { ManifestPathError, readPath } from '../standalone/manifest-path.ts';
import { describeFindings, describeProblem } from './describe-problem.ts';
import { readConfiguration } from './read-configuration.ts';
import { renderCompilation } from './render-compilation.ts';

/** A cluster like most: what it really keeps for itself only the running operator can tell. */
const cluster = { ...noCluster, reviewsTokens: true };

/**
 * Prints what manifests would enforce and what is found against them; for people the findings, with file and line, on
 * standard error too. Resolves with the exit code: 1 when a manifest could not be used.
 */
export async function compileCommand(options: CompileOptions): Promise<number> {
  const configuration = await readConfiguration(options);
  const manifests = await readPath(options.path, () => text(process.stdin)).catch((error: unknown) => {
    throw error instanceof ManifestPathError ? new UsageError(`-f: ${error.message}`) : error;
  });
  const compilation = compile({ ...manifests, serviceAddresses: 'first', configuration, cluster });
  process.stdout.write(renderCompilation(compilation, options.output));
  const lines = [
    ...manifests.problems.map(describeProblem),
    ...describeFindings(compilation.outcomes, manifests),
  ];
  process.stderr.write(lines.map((line) => `${line}\n`).join(''));
  return manifests.problems.length === 0 ? 0 : 1;
}
