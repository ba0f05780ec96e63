import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { until } from '../fixtures/fake-clock.ts';
import type { ScriptedHandler } from '../fixtures/scripted-response.ts';
import { collectGarbage } from './garbage.ts';
import { documents, fault, row } from './matrix.ts';
import { allIsWell, first, held, recoveryMs, type Scene, setOf } from './scene.ts';

/** Both documents in one, which would be good but for what is done to it. */
function goodText({ issuer }: Scene): string {
  return JSON.stringify({ ...issuer.metadata, ...setOf(first) });
}

const html = '<!doctype html><title>Sign in</title>';
documents('I3', 'a page', 'InvalidDocument', () => ({
  headers: { 'content-type': 'text/html' },
  body: html,
}));
documents('I3', 'an array', 'InvalidDocument', (scene) => ({ body: `[${goodText(scene)}]` }));
documents('I3', 'null', 'InvalidDocument', () => ({ body: 'null' }));
documents('I3', 'nothing', 'InvalidDocument', () => ({ body: '' }));
documents('I3', 'half of it', 'InvalidDocument', (scene) => ({ body: goodText(scene).slice(0, -1) }));
documents('I3', 'a byte order mark', 'InvalidDocument', (scene) => ({ body: `\ufeff${goodText(scene)}` }));
documents('I3', 'members of the wrong type', 'InvalidDocument', () => ({
  body: { issuer: 7, jwks_uri: true, keys: { 0: first.publicJwk } },
}));
documents('I3', 'two members of one name', 'InvalidDocument', (scene) => ({
  body: goodText(scene).replace('{', `{"issuer":"https://evil.example.net","keys":[],`),
}));
documents('I3', 'a text that is cut off before its end', 'HTTPError', (scene) => ({
  body: goodText(scene),
  ending: 'reset',
}));

const mebibyte = 1024 * 1024;

documents('I4', '10 MB', 'TooLarge', () => ({ body: Buffer.alloc(10 * mebibyte, ' ') }));
documents('I4', 'chunks without end', 'TooLarge', () => endless());
documents('I4', 'a million entries', 'TooLarge', () => ({
  body: `{"keys":[${Array.from({ length: 1_000_000 }, () => '{}')}]}`,
}));
documents('I4', '60 KiB of brackets', 'InvalidDocument', () => ({ body: '['.repeat(60 * 1024) }));
documents('I4', 'gzip that nobody asked for', 'InvalidDocument', (scene) => ({
  headers: { 'content-encoding': 'gzip' },
  body: gzipSync(Buffer.concat([Buffer.from(goodText(scene)), Buffer.alloc(10 * mebibyte, ' ')])),
}));
documents('I4', 'a good text that says it is gzip', 'InvalidDocument', (scene) => ({
  headers: { 'content-encoding': 'gzip' },
  body: goodText(scene),
}));
documents('I4', 'br that nobody asked for', 'InvalidDocument', (scene) => ({
  headers: { 'content-encoding': 'br' },
  body: brotliCompressSync(goodText(scene)),
}));
fault('I4', 'key set: 101 keys', {
  inject: ({ issuer }) => issuer.setKeys({ keys: Array.from({ length: 101 }, () => first.publicJwk) }),
  end: ({ issuer }) => issuer.setKeys(setOf(first)),
  reason: 'TooLarge',
});

row('I4', 'a hundred bodies without end: each is left early, and nothing of them is kept', async (scene) => {
  const { issuer } = scene;
  const sent: number[] = [];
  issuer.respond(
    issuer.jwksPath,
    endless((bytes) => sent.push(bytes)),
  );
  collectGarbage();
  const before = process.memoryUsage();
  while (scene.fetchTimes().length <= 100) await scene.pass(recoveryMs);
  await until(() => sent.length >= 100);
  collectGarbage();
  const after = process.memoryUsage();
  const grown = (kind: 'rss' | 'heapUsed' | 'external') => (after[kind] - before[kind]) / mebibyte;
  const shown = (['rss', 'heapUsed', 'external'] as const).map((kind) => `${kind} ${grown(kind).toFixed(1)}`);
  console.log(`I4: ${sent.length} bodies, at most ${Math.max(...sent) / 1024} KiB sent; MiB grown: ${shown}`);
  // What the kernel takes off the server's hands before anybody reads it counts as sent.
  expect(Math.max(...sent)).toBeLessThan(4 * mebibyte);
  expect(grown('rss')).toBeLessThan(64);
  expect(grown('heapUsed') + grown('external')).toBeLessThan(16);
  expect(await scene.callers(held)).toEqual(allIsWell);
});

/** White space, with which JSON may begin, for as long as it is read; `onEnd` is told how much of it was sent. */
function endless(onEnd: (bytes: number) => void = () => undefined): ScriptedHandler {
  return (_, response) => {
    const chunk = Buffer.alloc(64 * 1024, ' ');
    let sent = 0;
    const write = (): void => {
      while (!response.destroyed) {
        sent += chunk.length;
        if (!response.write(chunk)) break;
      }
    };
    response
      .on('drain', write)
      .on('error', () => undefined)
      .once('close', () => onEnd(sent));
    write();
  };
}
