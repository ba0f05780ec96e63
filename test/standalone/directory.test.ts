import { appendFile, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { watchDirectory } from '../../operator/standalone/directory.ts';
import type { Manifests } from '../../operator/standalone/manifests.ts';
import { type Clock, systemClock } from '../../operator/time/clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

// The events of the file system are real, so the time is too.

let root: string;
let directory: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'directory-'));
  directory = join(root, 'policies');
  await mkdir(directory);
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

function policy(name: string, issuer = 'https://idp.example.com'): string {
  return `apiVersion: mcpauth.dev/v1alpha1
kind: McpAuthPolicy
metadata: { name: ${name}, namespace: team-a }
spec: { issuer: '${issuer}', audience: https://mcp.example.com, mode: OIDC }
---
`;
}

function put(name: string, text: string): Promise<void> {
  return writeFile(join(directory, name), text);
}

/** Policies as `name#generation`, then problems. */
function tell({ policies, problems }: Manifests): readonly string[] {
  return [
    ...policies.map(({ object: { metadata } }) => `${metadata.name}#${metadata.generation}`),
    ...problems.map(({ message }) => message),
  ];
}

interface Observed {
  readonly deliveries: readonly Manifests[];
  /** Resolves when a delivery, an earlier one included, says exactly this last. */
  until(...expected: readonly string[]): Promise<void>;
  close(): void;
}

async function observe(clock: Clock = systemClock, onChange = (_: Manifests): void => {}): Promise<Observed> {
  const deliveries: Manifests[] = [];
  let check = (): void => {};
  const source = await watchDirectory({
    directory,
    clock,
    log: recordLog(),
    onChange(manifests) {
      onChange(manifests);
      deliveries.push(manifests);
      check();
    },
  });
  onTestFinished(source.close);
  return {
    deliveries,
    close: source.close,
    until: (...expected) =>
      new Promise((resolve, reject) => {
        const says = (): readonly string[] => tell(deliveries.at(-1) ?? expect.fail('nothing was delivered'));
        const tooLate = setTimeout(
          () => reject(new Error(`expected ${expected.join(', ')}; the last was ${says().join(', ')}`)),
          9_000,
        );
        check = () => {
          if (says().join('\n') !== expected.join('\n')) return;
          clearTimeout(tooLate);
          check = () => {};
          resolve();
        };
        check();
      }),
  };
}

/** A clock that polls never, so that what is found was told by an event. */
const withoutPoll: Clock = {
  ...systemClock,
  after: (ms, task) => (ms < 1_000 ? systemClock.after(ms, task) : () => {}),
};

/** A clock whose tasks wait until `turn` runs the last one, which has the directory read once. */
function holdTurns(): { readonly clock: Clock; turn(): Promise<void> } {
  const tasks: (() => void)[] = [];
  const clock: Clock = {
    ...systemClock,
    after(_, task) {
      tasks.push(task);
      return () => {};
    },
  };
  return {
    clock,
    async turn() {
      const before = tasks.length;
      tasks.at(-1)?.();
      // The next task is there when the read has ended.
      await expect.poll(() => tasks.length, { timeout: 9_000 }).toBeGreaterThan(before);
    },
  };
}

describe('at the start', () => {
  test('what is there is delivered before the source is returned', async () => {
    await put('a.yaml', policy('one'));
    await put('b.yaml', `${policy('two')}a: 1\na: 2\n`);
    const { deliveries } = await observe();
    expect(deliveries.map(tell)).toEqual([
      ['one#1', 'two#1', 'not valid YAML: the key "a" is given twice in one mapping (column 1)'],
    ]);
    expect(deliveries[0]?.locate('team-a/two', 'spec.issuer')).toEqual({
      file: join(directory, 'b.yaml'),
      line: 4,
    });
  });

  test('nothing is there', async () => {
    const { deliveries } = await observe();
    expect(deliveries.map(tell)).toEqual([[]]);
  });

  test('a directory that does not exist is an error', async () => {
    await rm(directory, { recursive: true });
    await expect(observe()).rejects.toMatchObject({
      name: 'ManifestPathError',
      code: 'NotFound',
      message: `${directory} does not exist`,
    });
  });

  test('an error of the receiver is an error of the start', async () => {
    const refuse = (): void => {
      throw new Error('not now');
    };
    await expect(observe(systemClock, refuse)).rejects.toThrow('not now');
  });
});

describe('a change is delivered', () => {
  test('when a file is made, edited, appended to and deleted', async () => {
    const { until } = await observe(withoutPoll);
    await put('a.yaml', policy('one'));
    await until('one#1');
    await put('a.yaml', policy('one', 'https://other.example.com'));
    await until('one#2');
    await appendFile(join(directory, 'a.yaml'), policy('two'));
    await until('one#2', 'two#1');
    await unlink(join(directory, 'a.yaml'));
    await until();
  });

  test('when an editor writes another file and renames it', async () => {
    await put('a.yaml', policy('one'));
    const { until } = await observe(withoutPoll);
    for (const generation of [2, 3]) {
      await put('.a.yaml.tmp', policy('one', `https://${generation}.example.com`));
      await rename(join(directory, '.a.yaml.tmp'), join(directory, 'a.yaml'));
      await until(`one#${generation}`);
    }
  });

  test('when a mounted ConfigMap is updated, as the kubelet does it', async () => {
    const version = async (name: string, text: string): Promise<void> => {
      await mkdir(join(directory, name));
      await put(`${name}/x.yaml`, text);
    };
    await version('..2026_01', policy('one'));
    await symlink('..2026_01', join(directory, '..data'));
    await symlink('..data/x.yaml', join(directory, 'x.yaml'));
    const { deliveries, until } = await observe(withoutPoll);
    expect(deliveries.map(tell)).toEqual([['one#1']]);
    for (const [older, newer, generation] of [
      ['..2026_01', '..2026_02', 2],
      ['..2026_02', '..2026_03', 3],
    ] as const) {
      await version(newer, policy('one', `https://${generation}.example.com`));
      await symlink(newer, join(directory, '..data_tmp'));
      await rename(join(directory, '..data_tmp'), join(directory, '..data'));
      await rm(join(directory, older), { recursive: true });
      await until(`one#${generation}`);
    }
    expect(deliveries.flatMap(({ problems }) => problems)).toEqual([]);
  });

  test('when the file behind a link is edited', async () => {
    await mkdir(join(root, 'far'));
    await writeFile(join(root, 'far/elsewhere'), policy('one'));
    await symlink('../far/elsewhere', join(directory, 'a.yaml'));
    const { until } = await observe(withoutPoll);
    await writeFile(join(root, 'far/elsewhere'), policy('two'));
    await until('two#1');
  });

  test('when the directory is removed, made anew and changed again', async () => {
    await put('a.yaml', policy('one'));
    const { until } = await observe(withoutPoll);
    for (const generation of [2, 3]) {
      await rm(directory, { recursive: true });
      await until('does not exist: no policy is in force');
      await mkdir(directory);
      await until();
      await put('a.yaml', policy('one', `https://${generation}.example.com`));
      await until(`one#${generation}`);
    }
  });

  test('when the directory is a link and leads somewhere else', async () => {
    await rename(directory, join(root, 'release-1'));
    await mkdir(join(root, 'release-2'));
    await writeFile(join(root, 'release-1/a.yaml'), policy('one'));
    await writeFile(join(root, 'release-2/a.yaml'), policy('two'));
    await symlink('release-1', directory);
    const { until } = await observe(withoutPoll);
    await symlink('release-2', `${directory}.new`);
    await rename(`${directory}.new`, directory);
    await until('two#1');
    await put('b.yaml', policy('three'));
    await until('two#1', 'three#1');
  });

  test('by polling, when no event tells of it', async () => {
    const { clock, turn } = holdTurns();
    // A link to a link: what lies between is not watched.
    await mkdir(join(root, 'between'));
    await mkdir(join(root, 'far'));
    await writeFile(join(root, 'far/1'), policy('one'));
    await writeFile(join(root, 'far/2'), policy('two'));
    await symlink('../far/1', join(root, 'between/a'));
    await symlink('../between/a', join(directory, 'a.yaml'));
    const { until } = await observe(clock);
    await symlink('../far/2', join(root, 'between/b'));
    await rename(join(root, 'between/b'), join(root, 'between/a'));
    await turn();
    await until('two#1');
  });
});

describe('what is delivered', () => {
  test('is nothing when the files say the same', async () => {
    await put('a.yaml', policy('one'));
    await symlink('nowhere', join(directory, 'b.yaml'));
    const { clock, turn } = holdTurns();
    const { deliveries } = await observe(clock);
    await turn();
    await put('a.yaml', policy('one'));
    await put('notes.txt', 'x');
    await put('.b.yaml', policy('two'));
    await mkdir(join(directory, 'folder'));
    await put('folder/c.yaml', policy('three'));
    await turn();
    expect(deliveries.map(tell)).toEqual([['one#1', 'is a link to a file that does not exist']]);
    await unlink(join(directory, 'b.yaml'));
    await turn();
    expect(deliveries.map(tell).slice(1)).toEqual([['one#1']]);
  });

  test('is unchanged for policies of other files', async () => {
    await put('a.yaml', policy('one'));
    const { deliveries, until } = await observe(withoutPoll);
    await put('b.yaml', policy('two'));
    await until('one#1', 'two#1');
    const [first, last] = [deliveries[0], deliveries.at(-1)].map((one) => one?.policies[0]?.object.spec);
    expect(last).toBe(first);
  });

  test('counts a generation for a new spec only, also when the policy was away', async () => {
    await put('a.yaml', policy('one'));
    const { until } = await observe(withoutPoll);
    await put('a.yaml', `${policy('one').replace('audience', 'x: 1, audience')}kind: Namespace\n`);
    await until('one#2');
    await put('a.yaml', policy('one').replace('metadata: {', 'metadata: { labels: { a: b },'));
    await until('one#3');
    await put('a.yaml', policy('two'));
    await until('two#1');
    await put('a.yaml', policy('one'));
    await until('one#3');
    const swapped = policy('one').replace('mode: OIDC', '').replace('{ issuer', '{ mode: OIDC, issuer');
    await put('a.yaml', swapped + policy('three'));
    await until('one#3', 'three#1');
    await unlink(join(directory, 'a.yaml'));
    await until();
    await put('a.yaml', policy('one', 'https://other.example.com'));
    await until('one#4');
  });

  test('comes again when it could not be taken over', async () => {
    let refusals = 0;
    const refuseTwice = ({ policies }: Manifests): void => {
      if (policies.length === 0 || refusals === 2) return;
      refusals += 1;
      throw new Error('not now');
    };
    const hurried: Clock = {
      ...systemClock,
      after: (ms, task) => systemClock.after(Math.min(ms, 200), task),
    };
    const { until } = await observe(hurried, refuseTwice);
    await put('a.yaml', policy('one'));
    await until('one#1');
    expect(refusals).toBe(2);
  });

  test('is nothing any more once the source is closed', async () => {
    const closed = await observe(withoutPoll);
    const open = await observe(withoutPoll);
    closed.close();
    await put('a.yaml', policy('one'));
    await open.until('one#1');
    expect(closed.deliveries.map(tell)).toEqual([[]]);
  });
});
