import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRunning } from './lock.ts';
import { startServer } from './server-process.ts';

const longGraceMs = 60_000;
const maxPolls = 600;

describe('server process', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'server-process-'));
  });

  afterAll(async () => {
    await rm(directory, { recursive: true });
  });

  function shell(script: string): Parameters<typeof startServer>[0] {
    const env = { PATH: process.env.PATH };
    return { file: '/bin/sh', args: ['-c', script], env, logFile: join(directory, 'server.log') };
  }

  it('ends on SIGTERM without using up its grace', async () => {
    const server = await startServer(shell('exec sleep 1000'));
    expect(server.isRunning()).toBe(true);

    await server.end(longGraceMs);

    expect(server.isRunning()).toBe(false);
    expect(isRunning(server.pid)).toBe(false);
  });

  it('is killed when it ignores SIGTERM', async () => {
    const server = await startServer(shell("trap '' TERM; echo deaf; while :; do sleep 1; done"));
    await until(async () => (await server.logTail()) === 'deaf');

    await server.end(0);

    expect(isRunning(server.pid)).toBe(false);
  });

  it('can be ended again', async () => {
    const server = await startServer(shell('echo last words; exit 3'));
    await server.end(longGraceMs);

    await server.end(longGraceMs);

    expect(server.isRunning()).toBe(false);
  });

  it('reports a program that does not exist', async () => {
    const started = startServer({ ...shell(''), file: join(directory, 'no-such-program') });

    await expect(started).rejects.toThrow('ENOENT');
  });

  it.each([
    ['is killed', "process.kill(process.pid, 'SIGKILL')"],
    ['exits', 'process.exit(0)'],
  ])('does not outlive a parent that %s', async (_how, ending) => {
    const script = `
      import { startServer } from ${JSON.stringify(join(import.meta.dirname, 'server-process.ts'))};
      const logFile = ${JSON.stringify(join(directory, 'log'))};
      const server = await startServer({ file: '/bin/sleep', args: ['1000'], env: {}, logFile });
      process.stdout.write(String(server.pid), () => { ${ending}; });
    `;
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let pid = '';
    parent.stdout.on('data', (chunk) => {
      pid += chunk;
    });
    await once(parent, 'close');

    expect(Number(pid)).toBeGreaterThan(1);
    await until(async () => !isRunning(Number(pid)) || (await isZombie(pid)));
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let poll = 0; poll < maxPolls; poll += 1) {
    if (await condition()) {
      return;
    }
    await delay(50);
  }
  throw new Error(`the condition was not met in ${maxPolls} polls`);
}

/** In a container, the orphan may wait for ever for an init process that reaps it. */
async function isZombie(pid: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.includes(') Z ');
}
