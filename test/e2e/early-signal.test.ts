import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Sends itself the signal when the command is about to be loaded. */
const signalAtLoad = (signal: NodeJS.Signals): string => `data:text/javascript,
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier.endsWith('commands/serve.ts')) process.kill(process.pid, '${signal}');
      return next(specifier, context);
    },
  });`;

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)(
  '%s before the command listens is listened to: else pid 1 of a container would miss it',
  async (signal, code) => {
    const command = ['serve', '--policies', 'crds', '--config', 'manifests/operator-configuration.yaml'];
    const child = spawn(
      process.execPath,
      ['--import', signalAtLoad(signal), 'operator/main.ts', ...command],
      {
        cwd: root,
        stdio: 'ignore',
      },
    );
    expect(await once(child, 'exit')).toEqual([code, null]);
  },
);
