import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { watchDirectory } from '../../operator/standalone/directory.ts';
import type { Manifests } from '../../operator/standalone/manifests.ts';
import { type Clock, systemClock } from '../../operator/time/clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

export interface TemporaryDirectory {
  /** The only entry of `root`. */
  readonly directory: string;
  readonly root: string;
  /** Writes a file of the directory in place, as `cat > file` does. */
  put(name: string, text: string): Promise<void>;
}

/** Makes an empty directory that is removed after the test. */
export async function makeDirectory(): Promise<TemporaryDirectory> {
  const root = await mkdtemp(join(tmpdir(), 'directory-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const directory = join(root, 'policies');
  await mkdir(directory);
  return { directory, root, put: (name, text) => writeFile(join(directory, name), text) };
}

/** A policy that further documents may follow. */
export function policy(name: string, issuer = 'https://idp.example.com'): string {
  return `apiVersion: mcpauth.dev/v1alpha1
kind: McpAuthPolicy
metadata: { name: ${name}, namespace: team-a }
spec: { issuer: '${issuer}', audience: https://mcp.example.com, mode: OIDC }
---
`;
}

/** Policies as `name#generation`, then problems. */
export function tell({ policies, problems }: Manifests): readonly string[] {
  return [
    ...policies.map(({ object: { metadata } }) => `${metadata.name}#${metadata.generation}`),
    ...problems.map(({ message }) => message),
  ];
}

export interface Observed {
  readonly deliveries: readonly Manifests[];
  /** Resolves when the last delivery says exactly this; see {@link tell}. */
  until(...expected: readonly string[]): Promise<void>;
  close(): void;
}

/** Watches a directory until the test is over. `onChange` may refuse what it gets; then it counts as not delivered. */
export async function observe(
  directory: string,
  clock: Clock = systemClock,
  onChange = (_: Manifests): void => {},
): Promise<Observed> {
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

/** The events of the file system are real, so the time is too; but nothing is polled, so that what is found was told by an event. */
export const withoutPoll: Clock = {
  ...systemClock,
  after: (ms, task) => (ms < 1_000 ? systemClock.after(ms, task) : () => {}),
};

/** A clock whose tasks wait until `turn` runs the last one, which has the directory read once. */
export function holdTurns(): { readonly clock: Clock; turn(): Promise<void> } {
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
