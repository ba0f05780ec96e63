import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followConfiguration } from '../../operator/commands/follow-configuration.ts';
import { readConfiguration } from '../../operator/commands/read-configuration.ts';
import type { OperatorConfiguration } from '../../operator/policy/operator-configuration.ts';
import { createFakeClock, type FakeClock, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';

const head = 'apiVersion: mcpauth.dev/v1alpha1\nkind: OperatorConfiguration\n';
const withAudience = (audience: string): string => `${head}forbiddenAudiences: [${audience}]\n`;

let folder: string;
let file: string;
let end: () => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-auth-follow-'));
  file = join(folder, 'operator.yaml');
  end = () => undefined;
});

afterEach(() => {
  end();
  rmSync(folder, { recursive: true, force: true });
});

interface Scene {
  readonly clock: FakeClock;
  readonly log: ReturnType<typeof recordLog>;
  readonly taken: OperatorConfiguration[];
  readonly reloads: boolean[];
  /** Lets it look so many times. */
  look(times?: number): Promise<void>;
  /** Enough looks for whatever is there now to be judged. */
  settle(): Promise<void>;
  errors(): readonly unknown[];
}

/** Follows `file`, which is there, without having looked yet. */
async function follow(
  publicURL?: string,
  onChange: (configuration: OperatorConfiguration) => void = () => undefined,
): Promise<Scene> {
  const clock = createFakeClock();
  const log = recordLog();
  const taken: OperatorConfiguration[] = [];
  const reloads: boolean[] = [];
  const options = { configFile: file, ...(publicURL === undefined ? {} : { publicURL }) };
  const configuration = await readConfiguration(options);
  end = followConfiguration({
    options,
    configuration,
    onChange: (next) => {
      taken.push(next);
      onChange(next);
    },
    clock,
    log,
    metrics: { noteReload: (isGood) => reloads.push(isGood) },
  });
  await until(() => clock.pending().length === 1);
  async function look(times = 1): Promise<void> {
    for (let count = 0; count < times; count += 1) {
      clock.advance(1_000);
      await until(() => clock.pending().length === 1);
    }
  }
  return {
    clock,
    log,
    taken,
    reloads,
    look,
    settle: () => look(3),
    errors: () => log.lines.filter(({ level }) => level === 'error').map(({ fields }) => fields.problems),
  };
}

const audiencesOf = (scene: Scene): readonly unknown[] =>
  scene.taken.map(({ forbiddenAudiences }) => forbiddenAudiences[0]);

test('a file that stays is looked at every second, and nothing comes of it', async () => {
  writeFileSync(file, withAudience('first'));
  const scene = await follow();
  expect(scene.clock.pending()).toEqual([1_000]);
  await scene.look(5);
  expect(scene.taken).toEqual([]);
  expect(scene.log.lines).toEqual([]);
  expect(new Set(scene.reloads)).toEqual(new Set([true]));
});

test('an edit in place takes effect, and so does going back', async () => {
  writeFileSync(file, withAudience('first'));
  const scene = await follow();
  writeFileSync(file, withAudience('second'));
  await scene.settle();
  expect(audiencesOf(scene)).toEqual(['second']);
  expect(scene.log.lines).toMatchObject([{ level: 'info', message: 'configuration replaced' }]);
  writeFileSync(file, withAudience('first'));
  await scene.settle();
  expect(audiencesOf(scene)).toEqual(['second', 'first']);
});

test('an edit between the first reading and the first look takes effect', async () => {
  writeFileSync(file, withAudience('first'));
  const configuration = await readConfiguration({ configFile: file });
  writeFileSync(file, withAudience('second'));
  const clock = createFakeClock();
  const taken: OperatorConfiguration[] = [];
  end = followConfiguration({
    options: { configFile: file },
    configuration,
    onChange: (next) => taken.push(next),
    clock,
    log: recordLog(),
    metrics: { noteReload: () => undefined },
  });
  await until(() => clock.pending().length === 1);
  clock.advance(1_000);
  await until(() => taken.length === 1);
  expect(taken[0]?.forbiddenAudiences).toEqual(['second']);
});

test('a file that an editor replaces by a rename takes effect', async () => {
  writeFileSync(file, withAudience('first'));
  const scene = await follow();
  writeFileSync(`${file}~`, withAudience('second'));
  renameSync(`${file}~`, file);
  await scene.settle();
  expect(audiencesOf(scene)).toEqual(['second']);
});

test('a mounted ConfigMap takes effect, each time it is swapped', async () => {
  const publish = (revision: string, text: string): void => {
    const target = mkdtempSync(join(folder, `..${revision}-`));
    writeFileSync(join(target, 'operator.yaml'), text);
    symlinkSync(target, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  publish('2026_1', withAudience('first'));
  symlinkSync(join('..data', 'operator.yaml'), file);
  const scene = await follow();
  publish('2026_2', withAudience('second'));
  await scene.settle();
  publish('2026_3', withAudience('third'));
  await scene.settle();
  expect(audiencesOf(scene)).toEqual(['second', 'third']);
});

test('what is still being written is left alone until two looks have found the same', async () => {
  writeFileSync(file, `${withAudience('first')}issuers: []\n`);
  const scene = await follow();
  writeFileSync(file, head);
  await scene.look();
  writeFileSync(file, withAudience('second'));
  await scene.look();
  expect(scene.taken).toEqual([]);
  await scene.look();
  expect(audiencesOf(scene)).toEqual(['second']);
});

test('comments, order and layout change nothing', async () => {
  writeFileSync(file, withAudience('first'));
  const scene = await follow();
  writeFileSync(
    file,
    '# why\nforbiddenAudiences:\n  - first\nkind: OperatorConfiguration\napiVersion: mcpauth.dev/v1alpha1\n',
  );
  await scene.settle();
  expect(scene.taken).toEqual([]);
  expect(scene.errors()).toEqual([]);
  expect(scene.reloads.at(-1)).toBe(true);
});

test('--public-url keeps winning over the file', async () => {
  writeFileSync(file, `${head}publicURL: https://file.example.com\n`);
  const scene = await follow('https://flag.example.com');
  writeFileSync(file, `${withAudience('second')}publicURL: https://other.example.com\n`);
  await scene.settle();
  expect(scene.taken.map(({ publicURL }) => publicURL)).toEqual(['https://flag.example.com']);
});

test.each([
  ['no YAML', `${head}issuers: [\n`, /operator\.yaml: \(file\): .*line 4/],
  ['empty', '', /operator\.yaml: \(file\): must be a YAML document of kind OperatorConfiguration/],
  [
    'wrong in two fields',
    `${head}publicUrl: https://x\nlimits: { maxTokenBytes: 1 }\n`,
    /operator\.yaml: limits\.maxTokenBytes: .*; .*operator\.yaml: publicUrl: /,
  ],
])('a bad edit (%s) is told once and changes nothing; a good one heals', async (_, text, problems) => {
  writeFileSync(file, withAudience('first'));
  const scene = await follow();
  writeFileSync(file, text);
  await scene.look(6);
  expect(scene.taken).toEqual([]);
  expect(scene.errors()).toEqual([expect.stringMatching(problems)]);
  expect(scene.reloads.at(-1)).toBe(false);
  writeFileSync(file, withAudience('second'));
  await scene.settle();
  expect(audiencesOf(scene)).toEqual(['second']);
  expect(scene.reloads.at(-1)).toBe(true);
  writeFileSync(file, text);
  await scene.settle();
  expect(scene.errors()).toHaveLength(2);
});

test('a file that goes is told once; when it comes back as it was nothing changes and all is well', async () => {
  writeFileSync(file, withAudience('first'));
  const scene = await follow();
  unlinkSync(file);
  await scene.look(6);
  expect(scene.errors()).toEqual([`${file}: (file): cannot be read (ENOENT)`]);
  expect(scene.reloads.at(-1)).toBe(false);
  writeFileSync(file, withAudience('first'));
  await scene.settle();
  expect(scene.taken).toEqual([]);
  expect(scene.reloads.at(-1)).toBe(true);
});

test('a bug in what takes the configuration is told, and the following goes on', async () => {
  writeFileSync(file, withAudience('first'));
  const scene = await follow(undefined, ({ forbiddenAudiences }) => {
    if (forbiddenAudiences[0] === 'second') throw new Error('a bug');
  });
  writeFileSync(file, withAudience('second'));
  await scene.settle();
  expect(scene.log.lines).toMatchObject([
    { level: 'error', fields: { error: expect.stringContaining('a bug') } },
  ]);
  expect(scene.reloads.at(-1)).toBe(false);
  writeFileSync(file, withAudience('third'));
  await scene.settle();
  expect(audiencesOf(scene)).toEqual(['second', 'third']);
  expect(scene.reloads.at(-1)).toBe(true);
});

test('nothing is taken once it has ended, also from a look that is under way', async () => {
  writeFileSync(file, withAudience('first'));
  const scene = await follow();
  writeFileSync(file, withAudience('second'));
  await scene.look();
  scene.clock.advance(1_000);
  end();
  for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
  expect(scene.taken).toEqual([]);
  expect(scene.clock.pending()).toEqual([]);
});
