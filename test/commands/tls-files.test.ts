import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followTlsFiles, readTlsFiles } from '../../operator/commands/tls-files.ts';
import type { TlsIdentity } from '../../operator/http/listener.ts';
import { createCertificateAuthority } from '../fixtures/certificates.ts';
import { createFakeClock, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

const ca = await createCertificateAuthority();

let folder: string;
let end: () => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-auth-tls-'));
});

afterEach(() => {
  end();
  rmSync(folder, { recursive: true, force: true });
});

async function writeCertificate(): Promise<TlsIdentity> {
  const { certificatePem: cert, keyPem: key } = await ca.issue({ hosts: ['127.0.0.1'] });
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);
  return { cert, key };
}

/** Reads the files, lets `meanwhile` happen, and follows them until they have been looked at twice. */
async function follow(meanwhile: () => Promise<unknown>): Promise<readonly TlsIdentity[]> {
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  const served = await readTlsFiles(files);
  await meanwhile();
  const clock = createFakeClock();
  const replaced: TlsIdentity[] = [];
  const listener = { replaceIdentity: (identity: TlsIdentity) => void replaced.push(identity) };
  end = followTlsFiles(files, served, listener, { clock, log: recordLog() });
  await until(() => clock.pending().length === 1);
  clock.advance(5_000);
  await until(() => clock.pending().length === 1);
  return replaced;
}

test('files that stay are not served anew', async () => {
  await writeCertificate();
  expect(await follow(async () => undefined)).toEqual([]);
});

test('what changed between the reading and the first look is served, once', async () => {
  await writeCertificate();
  let second: TlsIdentity | undefined;
  const replaced = await follow(async () => {
    second = await writeCertificate();
  });
  expect(replaced).toEqual([second]);
});
