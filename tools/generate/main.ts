/**
 * `node tools/generate/main.ts [--check] [--root DIR]`: writes the files that follow from the CRD, or with `--check`
 * prints those that differ from what would be written and ends with 1.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { generateFiles, source } from './generate-files.ts';

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    root: { type: 'string', default: join(import.meta.dirname, '../..') },
  },
});

try {
  const files = generateFiles(await readFile(join(values.root, source), 'utf8'));
  await (values.check ? check(values.root, files) : write(values.root, files));
} catch (error) {
  console.error(`${source}: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function write(root: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

async function check(root: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    const found = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (found !== text) {
      console.error(`${path} is not what ${source} says: run \`npm run generate\``);
      process.exitCode = 1;
    }
  }
}
