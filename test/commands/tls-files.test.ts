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

interface Scene {
  readonly replaced: readonly TlsIdentity[];
  readonly log: ReturnType<typeof recordLog>;
  look(times: number): Promise<void>;
}

/** Reads the files, lets `meanwhile` happen, and follows them until they have been looked at twice. */
async function follow(meanwhile: () => Promise<unknown> = async () => undefined): Promise<Scene> {
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  const served = await readTlsFiles(files);
  await meanwhile();
  const [clock, log] = [createFakeClock(), recordLog()];
  const replaced: TlsIdentity[] = [];
  const listener = { replaceIdentity: (identity: TlsIdentity) => void replaced.push(identity) };
  end = followTlsFiles(files, served, listener, { clock, log });
  await until(() => clock.pending().length === 1);
  async function look(times: number): Promise<void> {
    for (let count = 0; count < times; count += 1) {
      clock.advance(1_000);
      await until(() => clock.pending().length === 1);
    }
  }
  await look(1);
  return { replaced, log, look };
}

test('files that stay are not served anew', async () => {
  await writeCertificate();
  expect((await follow()).replaced).toEqual([]);
});

test('what changed between the reading and the first look is served, once', async () => {
  await writeCertificate();
  let second: TlsIdentity | undefined;
  const { replaced, look } = await follow(async () => {
    second = await writeCertificate();
  });
  await look(3);
  expect(replaced).toEqual([second]);
});

test('a certificate that comes before its key waits for it, and nothing is said', async () => {
  await writeCertificate();
  const { replaced, log, look } = await follow();
  const { cert, key } = await writeCertificate();
  writeFileSync(join(folder, 'tls.key'), 'not yet');
  await look(1);
  writeFileSync(join(folder, 'tls.key'), key);
  await look(2);
  expect(replaced).toEqual([{ cert, key }]);
  expect(log.lines.map(({ level }) => level)).toEqual(['info']);
});

test('files that do not fit are named once, and the old ones stay in use', async () => {
  await writeCertificate();
  const { replaced, log, look } = await follow();
  rmSync(join(folder, 'tls.key'));
  await look(5);
  expect(replaced).toEqual([]);
  expect(log.lines).toEqual([
    {
      level: 'error',
      message: 'certificate not replaced: the old one stays in use',
      fields: { error: `--tls-key ${join(folder, 'tls.key')}: cannot be read (ENOENT)` },
    },
  ]);
});
