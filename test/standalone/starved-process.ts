import { closeSync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { watchDirectory } from '../../operator/standalone/directory.ts';
import { systemClock } from '../../operator/time/clock.ts';

// To be run with a low limit of open files: watches a directory, uses up the limit, has the directory read meanwhile,
// recovers, and prints the names of the policies of each delivery.

const [, , directory = ''] = process.argv;
const deliveries: (readonly string[])[] = [];
const failed = Promise.withResolvers<void>();
const recovered = Promise.withResolvers<void>();
const ignore = (): void => {};

const source = await watchDirectory({
  directory,
  clock: { ...systemClock, after: (ms, task) => systemClock.after(Math.min(ms, 200), task) },
  log: { debug: ignore, info: ignore, warn: ignore, error: () => failed.resolve() },
  onChange({ policies }) {
    deliveries.push(policies.map(({ object }) => object.metadata.name));
    if (deliveries.length === 2) recovered.resolve();
  },
});
// The clock alone does not keep the process alive.
const alive = setInterval(ignore, 1_000);
const taken: number[] = [];
try {
  for (;;) taken.push(openSync('/dev/null', 'r'));
} catch {
  renameSync(join(directory, '.later'), join(directory, 'later.yaml'));
}
await Promise.race([failed.promise, recovered.promise]);
for (const descriptor of taken) closeSync(descriptor);
await recovered.promise;
source.close();
clearInterval(alive);
process.stdout.write(JSON.stringify(deliveries));
