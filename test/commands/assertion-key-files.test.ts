import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { followAssertionKeys, readAssertionKeys } from '../../operator/commands/assertion-key-files.ts';
import type { AssertionKeys } from '../../operator/identity/assertion-keys.ts';
import { UsageError } from '../../operator/options.ts';
import { processKey, writeKey } from '../fixtures/assertion-keys.ts';
import { createFakeClock, settle, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

let directory: string;
let end = (): void => undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mcp-auth-assertion-'));
});

afterEach(() => {
  end();
  rmSync(directory, { recursive: true, force: true });
});

function write(files: Readonly<Record<string, string>>, into = directory): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(into, name), text);
}

/** As kubelet mounts a Secret: links to links, of which one is swapped. */
function mount(version: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(directory, `..${version}`));
  write(files, join(directory, `..${version}`));
  symlinkSync(`..${version}`, join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  for (const name of Object.keys(files)) {
    rmSync(join(directory, name), { force: true });
    symlinkSync(join('..data', name), join(directory, name));
  }
}

const read = () => readAssertionKeys({ directory, processKey });

describe('at the start', () => {
  test('no directory, an empty one, and one with other files only: no keys', async () => {
    expect(await readAssertionKeys({ directory: undefined, processKey })).toEqual({
      sessionKeys: [processKey],
    });
    expect((await read()).signing).toBeUndefined();
    write({ 'README.txt': 'x', 'current.pem~': 'x' });
    expect((await read()).signing).toBeUndefined();
  });

  test('the mounted files of a Secret', async () => {
    mount('1', { 'current.pem': writeKey(), 'next.pem': writeKey('Ed25519') });
    expect((await read()).published?.keys.map(({ alg }) => alg)).toEqual(['ES256', 'EdDSA']);
  });

  const secret = 'not-to-be-shown';

  test.each<[string, () => void, RegExp]>([
    [
      'no such directory',
      () => rmSync(directory, { recursive: true }),
      /mcp-auth-assertion-\S+: cannot be read \(ENOENT\)/,
    ],
    [
      'no file that can be read',
      () => mkdirSync(join(directory, 'a.pem')),
      /a\.pem: cannot be read \(EISDIR\)/,
    ],
    [
      'no key that signs',
      () => write({ 'next.pem': writeKey() }),
      /current\.pem: is missing, .*openssl genpkey/,
    ],
    [
      'a bad file',
      () => write({ 'current.pem': secret }),
      /current\.pem: is no private key .*openssl genpkey/,
    ],
  ])('%s is wrong usage, and the message says what to do', async (_, prepare, message) => {
    prepare();
    const error = await read().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toMatch(message);
    expect(String(error)).toContain('--assertion-keys');
    expect(String(error)).not.toContain(secret);
  });
});

describe('while running', () => {
  /** Follows the directory from what is in it now; `look` lets one poll happen. */
  async function follow() {
    const clock = createFakeClock();
    const log = recordLog();
    const changes: AssertionKeys[] = [];
    const inUse = await read();
    end = followAssertionKeys(inUse, {
      ...{ directory, processKey, clock, log },
      onChange: (keys) => void changes.push(keys),
    });
    await until(() => clock.pending().length === 1);
    const look = async (times = 2): Promise<void> => {
      for (let count = 0; count < times; count += 1) {
        clock.advance(1_000);
        await until(() => clock.pending().length === 1);
      }
    };
    return { inUse, changes, clock, log, look };
  }

  test('files that stay change nothing', async () => {
    write({ 'current.pem': writeKey() });
    const { changes, log, look } = await follow();
    await look(4);
    expect(changes).toEqual([]);
    expect(log.lines.map(({ message }) => message)).toEqual(['assertion keys read']);
  });

  test('a rotation by kubelet: the next key signs, and the one before stays published', async () => {
    const [first, second, third] = [writeKey(), writeKey('Ed25519'), writeKey()];
    mount('1', { 'current.pem': first, 'next.pem': second });
    const { inUse, changes, look } = await follow();
    mount('2', { 'current.pem': second, 'next.pem': third, 'previous.pem': first });
    await look();
    expect(changes).toHaveLength(1);
    const kids = (keys?: AssertionKeys) => keys?.published?.keys.map(({ kid }) => kid) ?? [];
    expect(changes[0]?.signing?.kid).toBe(kids(inUse)[1]);
    expect(kids(changes[0])).toHaveLength(3);
    expect(kids(changes[0])).toEqual(expect.arrayContaining([...kids(inUse)]));
  });

  test('what differs at every look is still being written', async () => {
    write({ 'current.pem': writeKey() });
    const { changes, look } = await follow();
    write({ 'current.pem': writeKey() });
    await look(1);
    write({ 'current.pem': writeKey() });
    await look(1);
    expect(changes).toEqual([]);
    await look(1);
    expect(changes).toHaveLength(1);
  });

  test('a bad edit keeps all keys, is told of once, and what mends it counts', async () => {
    write({ 'current.pem': writeKey() });
    const { changes, log, look } = await follow();
    const mended = writeKey();
    write({ 'current.pem': mended, 'next.pem': 'not-to-be-shown' });
    await look(4);
    expect(changes).toEqual([]);
    const errors = log.lines.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(1);
    expect(String(errors[0]?.fields.error)).toContain('next.pem');
    expect(JSON.stringify(log.lines)).not.toContain('not-to-be-shown');
    rmSync(join(directory, 'next.pem'));
    await look();
    expect(changes).toHaveLength(1);
  });

  test('a directory that is gone keeps the keys', async () => {
    write({ 'current.pem': writeKey() });
    const { changes, log, look } = await follow();
    rmSync(directory, { recursive: true });
    await look();
    expect(changes).toEqual([]);
    expect(log.lines.at(-1)).toMatchObject({
      level: 'error',
      fields: { error: expect.stringContaining('ENOENT') },
    });
  });

  test('keys that come later, and go again', async () => {
    const { changes, log, look } = await follow();
    expect(log.lines).toEqual([expect.objectContaining({ level: 'info' })]);
    mount('1', { 'current.pem': writeKey() });
    await look();
    expect(changes.at(-1)?.signing?.alg).toBe('ES256');
    rmSync(join(directory, 'current.pem'));
    await look();
    expect(changes).toHaveLength(2);
    expect(changes.at(-1)).toEqual({ sessionKeys: [processKey] });
    expect(log.lines.at(-1)?.level).toBe('warn');
  });

  test('nothing is taken over after the end', async () => {
    write({ 'current.pem': writeKey() });
    const { changes, clock, look } = await follow();
    write({ 'current.pem': writeKey() });
    await look(1);
    clock.advance(1_000);
    end();
    await settle();
    expect(changes).toEqual([]);
    expect(clock.pending()).toEqual([]);
  });
});
