import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { redact } from '../../operator/telemetry/log.ts';

const log = join(import.meta.dirname, '../../operator/telemetry/log.ts');

/** Runs in a process of its own: what counts is what arrives on its standard error. */
function write(format: string, statement: string): string {
  const code = `import { createLogger } from ${JSON.stringify(log)}; const log = createLogger('info', '${format}'); ${statement}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
  return stderr;
}

test('JSON, one line an entry, on standard error', () => {
  const line = JSON.parse(
    write('json', `log.debug('no'); log.info('something', { policy: 'a/x', count: 2 })`),
  );
  expect(line).toMatchObject({ level: 'info', message: 'something', policy: 'a/x', count: 2 });
});

test('text, in which a value cannot look like another line', () => {
  const text = write('text', `log.warn('something', { reason: 'a\\nb=c', policy: 'a/x' })`);
  expect(text.trimEnd().split('\n')).toHaveLength(1);
  expect(text).toMatch(/warn {2}something reason="a\\nb=c" policy=a\/x$/m);
});

test('what looks like a token is cut out, wherever it stands', () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl';
  const text = write('json', `log.error('x ${token}', { error: 'y ${token}' })`);
  for (const part of token.split('.')) expect(text).not.toContain(part);
  expect(redact(`a ${token} b`)).toBe('a [redacted] b');
});
