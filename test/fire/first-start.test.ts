import { expect } from 'vitest';
import { row } from './matrix.ts';
import {
  first,
  forger,
  held,
  hostA,
  neighbours,
  other,
  recoveryMs,
  resourceOf,
  type Scene,
} from './scene.ts';

type Trouble = readonly [
  what: string,
  reason: string,
  begin: (scene: Scene) => unknown,
  end: (scene: Scene) => unknown,
];

const troubles: readonly Trouble[] = [
  ['refuses', 'HTTPError', ({ issuer }) => issuer.stop(), ({ issuer }) => issuer.start()],
  [
    'answers with 503',
    'HTTPError',
    ({ issuer }) => issuer.respond(issuer.discoveryPath, { status: 503 }),
    ({ issuer }) => issuer.restore(issuer.discoveryPath),
  ],
  [
    'has a name that is not answered for',
    'Timeout',
    ({ names, stalls }) => names.set(hostA, stalls.resolve),
    ({ names }) => names.set(hostA, async () => ['127.0.0.1']),
  ],
];

for (const [what, reason, begin, end] of troubles) {
  row(
    'I12',
    `a first start while an issuer ${what}: 503 and not 401, the pod is ready, it heals itself`,
    async (scene) => {
      await begin(scene);
      const replica = scene.startReplica(scene.names);
      const ask = (token: string, policy = held) => scene.hear(replica.ask(resourceOf(policy), token));
      expect((await ask(scene.token(held, first))).outcome).toBe('503 keys_unavailable');
      await scene.pass(10_000);
      expect(replica.isReady()).toBe(true);
      expect(replica.reasons(held)).toMatchObject({ IssuerReady: reason, Verified: 'Passed', Ready: reason });

      // As long as the outage lasts, and never for longer than the next attempt is away.
      for (let minute = 0; minute < 10; minute += 1) {
        const { outcome, retryAfterSeconds = 0 } = await ask(scene.token(held, first));
        expect(outcome).toBe('503 keys_unavailable');
        expect(retryAfterSeconds).toBeGreaterThanOrEqual(1);
        expect(retryAfterSeconds).toBeLessThanOrEqual(60);
        expect((await ask(scene.token(held, forger))).outcome).toBe('503 keys_unavailable');
        expect((await ask(scene.token(neighbours, other))).outcome).toBe('401 issuer_mismatch');
        expect((await ask(scene.token(neighbours, other), neighbours)).outcome).toBe('admitted');
        await scene.pass(60_000);
      }

      await end(scene);
      await scene.pass(recoveryMs);
      expect((await ask(scene.token(held, first))).outcome).toBe('admitted');
      expect((await ask(scene.token(held, forger))).outcome).toBe('401 signature_invalid');
      expect(replica.reasons(held)).toMatchObject({ IssuerReady: 'KeysLoaded', Ready: 'Ready' });
      expect(replica.history(held)).toEqual([reason, 'KeysLoaded']);
    },
  );
}
