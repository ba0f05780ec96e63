import { readFileSync } from 'node:fs';

/** Prints the closing line of a run from vitest's JSON report, the path of which is the only argument. */
const [, , file = ''] = process.argv;
const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(file, 'utf8')) as Record<
  string,
  number
>;
process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
if (!numPassedTests) process.exitCode = 1;
