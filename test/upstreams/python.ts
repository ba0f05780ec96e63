import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from '../cluster/assets.ts';

const run = promisify(execFile);

/** The official SDK that the server of the tests is made with. */
const sdk = 'mcp==2.3.0';

/**
 * A Python with the MCP SDK: from the cache outside of the checkout, or else installed there.
 *
 * @returns its program, or why there is none and what would help
 */
export async function providePython(): Promise<{ readonly program: string } | { readonly missing: string }> {
  const home = join(cacheDirectory(process.env), sdk.replace('==', '-'));
  const program = join(home, 'bin/python');
  if (existsSync(program)) return { program };
  const unfinished = await mkdir(cacheDirectory(process.env), { recursive: true }).then(() =>
    mkdtemp(`${home}.unfinished-`),
  );
  try {
    await run('python3', ['-m', 'venv', unfinished]);
    await run(join(unfinished, 'bin/python'), ['-m', 'pip', 'install', '--quiet', sdk]);
    await rename(unfinished, home).catch(() => undefined);
    return { program };
  } catch (error) {
    const why = (error as Error).message.split('\n').slice(0, 3).join(' ');
    return {
      missing: `python3 (3.10 or newer, with venv and pip) and its package ${sdk} are needed: ${why}`,
    };
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
