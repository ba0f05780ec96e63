/** `node test/cluster/provide.ts`: gets the programs of a real control plane and prints their directory. */
import { provideAssets } from './assets.ts';

try {
  const assets = await provideAssets((line) => console.error(line));
  console.log(assets.directory);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
