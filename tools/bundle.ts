import { execFileSync } from 'node:child_process';
import { build } from 'esbuild';

/** Bundles the operator for the image: one file that needs Node.js and nothing else. */
const [, , outfile = 'dist/mcp-auth-operator.mjs'] = process.argv;

/** Where an image is built there is no git: then `REVISION` says it. */
function readRevision(): string {
  const { REVISION: given } = process.env;
  if (given !== undefined && given !== '') return given;
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  } catch {
    return 'unknown';
  }
}

await build({
  entryPoints: ['operator/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  define: { BUILD_REVISION: JSON.stringify(readRevision()) },
  // Some dependencies are CommonJS and call require.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
