import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
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
  /** Resolves when the last delivery says exactly this, see {@link tell}, and nothing is left to be read. */
  until(...expected: readonly string[]): Promise<void>;
  close(): void;
}

/**
 * Watches a directory until the test is over. The events of the file system are real, so the time is too, but nothing
 * is polled; and it waits until all is read, so that what is delivered later was told by an event.
 */
export async function observe(directory: string): Promise<Observed> {
  const { clock, idle } = createEventClock();
  const observed = await observeBy(clock, directory);
  await idle();
  return {
    ...observed,
    async until(...expected) {
      await observed.until(...expected);
      await idle();
    },
  };
}

/** The same by a given clock. `onChange` may refuse what it gets; then that does not count as delivered. */
export async function observeBy(
  clock: Clock,
  directory: string,
  onChange = (_: Manifests): void => {},
): Promise<Observed> {
  const deliveries: Manifests[] = [];
  const source = await watchDirectory({
    directory,
    clock,
    log: recordLog(),
    onChange(manifests) {
      onChange(manifests);
      deliveries.push(manifests);
    },
  });
  onTestFinished(source.close);
  return {
    deliveries,
    close: source.close,
    until: (...expected) => waitFor(() => expect(tell(deliveries.at(-1) ?? expect.fail())).toEqual(expected)),
  };
}

function waitFor(assertion: () => void): Promise<void> {
  return vi.waitFor(assertion, { timeout: 9_000, interval: 10 });
}

/** A clock that never polls. It is idle when a poll is all that it was asked for. */
function createEventClock(): { readonly clock: Clock; idle(): Promise<void> } {
  let isIdle = false;
  const clock: Clock = {
    ...systemClock,
    after(ms, task) {
      isIdle = ms >= 1_000;
      return isIdle ? () => {} : systemClock.after(ms, task);
    },
  };
  return { clock, idle: () => waitFor(() => expect(isIdle).toBe(true)) };
}

export interface Turns {
  readonly clock: Clock;
  /** Runs the task that was asked for last, which has the directory read once. */
  start(): void;
  /** Does that and waits until it has been read; tells how long to wait for the next turn. */
  turn(): Promise<number>;
  /** Waits until the next turn is to come soon, for an event. */
  untilDue(): Promise<void>;
  /** How many tasks wait. */
  waiting(): number;
}

/** A clock whose tasks wait for their turn. */
export function holdTurns(): Turns {
  const tasks: { readonly ms: number; readonly task: () => void; isCancelled: boolean }[] = [];
  let started = 0;
  const clock: Clock = {
    ...systemClock,
    after(ms, task) {
      const entry = { ms, task, isCancelled: false };
      tasks.push(entry);
      return () => {
        entry.isCancelled = true;
      };
    },
  };
  function start(): void {
    started = tasks.length;
    tasks.at(-1)?.task();
  }
  return {
    clock,
    start,
    async turn() {
      start();
      // The next task is there when the read has ended.
      await waitFor(() => expect(tasks.length).toBeGreaterThan(started));
      return tasks[started]?.ms ?? expect.fail();
    },
    untilDue: () => waitFor(() => expect(tasks.at(-1)?.ms).toBe(100)),
    waiting: () => tasks.slice(started).filter(({ isCancelled }) => !isCancelled).length,
  };
}
