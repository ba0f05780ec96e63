import { endAtSignals } from './commands/until-stopped.ts';
import { readOptions, UsageError, usage } from './options.ts';
import { REVISION, VERSION } from './version.ts';

/**
 * Exit codes: 0 clean stop, 1 failed at run time, 2 wrong usage or configuration. Only the chosen command is loaded: the
 * Kubernetes client alone takes longer than the rest.
 */
async function main(): Promise<number> {
  endAtSignals();
  const options = readOptions(process.argv.slice(2), process.env);
  switch (options.command) {
    case 'run':
      return await (await import('./commands/run.ts')).runCommand(options);
    case 'serve':
      return await (await import('./commands/serve.ts')).serveCommand(options);
    case 'compile':
      return await (await import('./commands/compile.ts')).compileCommand(options);
    case 'config check':
      return await (await import('./commands/config-check.ts')).configCheckCommand(options);
    case 'version':
      process.stdout.write(`mcp-auth-operator ${VERSION} (${REVISION}), Node ${process.version}\n`);
      return 0;
    case 'help':
      process.stdout.write(usage);
      return 0;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message.replace(/^/gm, 'mcp-auth-operator: ')}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
