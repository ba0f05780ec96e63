import { afterAll, beforeAll, expect, it } from 'vitest';
import type { UntypedObject } from '../../operator/api/kubernetes-object.ts';
import type { EventDocument } from '../../operator/controller/event-document.ts';
import { createEventRecorder, type EventRecorder } from '../../operator/controller/event-recorder.ts';
import { connectToCluster } from '../../operator/controller/kube.ts';
import type { KubeApi } from '../../operator/controller/kube-api.ts';
import type { PolicyEvent } from '../../operator/policy/policy-event.ts';
import { systemClock } from '../../operator/time/clock.ts';
import { eventually } from '../e2e/eventually.ts';
import { createFakeClock, until } from '../fixtures/fake-clock.ts';
import { recordLog } from '../fixtures/recorded-log.ts';
import { createAdministrator } from './administrator.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { describeWithCluster } from './require-cluster.ts';

const namespace = 'team-a';
const longName = `${'a'.repeat(236)}.${'b'.repeat(16)}`;
const timeout: PolicyEvent = {
  type: 'Warning',
  reason: 'Timeout',
  action: 'Verify',
  note: 'No answer in time.',
};

describeWithCluster('events', () => {
  const { kubectl, installCRD, installRights, leave } = createAdministrator(() => cluster);
  let cluster: ControlPlane;
  let api: KubeApi;
  let recorder: EventRecorder;
  // The API server has a time of its own; the recorder's five minutes must not be waited for.
  const clock = createFakeClock(Date.now());
  const log = recordLog();

  async function policy(name: string): Promise<UntypedObject> {
    return JSON.parse(await kubectl('-n', namespace, 'get', 'mcpap', name, '-o', 'json')) as UntypedObject;
  }

  const eventsOf = (name: string, isGood: (events: readonly EventDocument[]) => boolean) =>
    eventually(
      `events of ${name}`,
      async () => {
        const list = await kubectl('-n', namespace, 'get', 'events.events.k8s.io', '-o', 'json');
        const { items } = JSON.parse(list) as { readonly items: readonly EventDocument[] };
        return items.filter(({ regarding }) => regarding.name === name);
      },
      isGood,
    );

  beforeAll(async () => {
    cluster = await startControlPlane();
    await installCRD();
    await kubectl('create', 'namespace', namespace);
    const kubeconfig = await installRights();
    for (const name of ['web', longName]) {
      const spec = { issuer: 'https://idp.example.com', audience: 'https://mcp.example.com', mode: 'OIDC' };
      const metadata = { name, namespace };
      await cluster.apply(
        JSON.stringify({ apiVersion: 'mcpauth.dev/v1alpha1', kind: 'McpAuthPolicy', metadata, spec }),
      );
    }
    api = connectToCluster({ kubeconfig, clock: systemClock });
    recorder = createEventRecorder({
      ...{ api, clock, random: Math.random, log },
      ...{ reportingController: 'mcpauth.dev/operator', reportingInstance: 'operator-0' },
    });
  });

  afterAll(async () => {
    await recorder?.close();
    api?.close();
    await cluster?.stop();
    leave();
  });

  it("are shown with the policy that they are about, under the operator's own rights", async () => {
    recorder.record(await policy('web'), timeout);

    const [event] = await eventsOf('web', (events) => events.length === 1);
    expect(event).toMatchObject({
      ...timeout,
      eventTime: `${new Date(clock.nowMs()).toISOString().slice(0, -1)}000Z`,
      regarding: { kind: 'McpAuthPolicy', namespace, name: 'web', uid: expect.any(String) },
      ...{ reportingController: 'mcpauth.dev/operator', reportingInstance: 'operator-0' },
    });
    expect(await kubectl('-n', namespace, 'describe', 'mcpap', 'web')).toMatch(
      /Warning +Timeout +.*mcpauth\.dev\/operator.* +No answer in time\./,
    );
  });

  it('are counted when they come again', async () => {
    recorder.record(await policy('web'), timeout);
    recorder.record(await policy('web'), timeout);
    await until(() => clock.pending().includes(300_000));
    clock.advance(300_000);

    const [event] = await eventsOf('web', ([first]) => first?.series !== undefined);
    expect(event).toMatchObject({
      series: { count: 3, lastObservedTime: expect.stringMatching(/\.\d{6}Z$/) },
    });
  });

  it('may have a long name and a long note', async () => {
    recorder.record(await policy(longName), { ...timeout, note: 'é'.repeat(600) });

    const [event] = await eventsOf(longName, (events) => events.length === 1);
    expect(event?.note).toBe('é'.repeat(512));
    expect(log.lines).toEqual([]);
  });

  it('are dropped without a word where the namespace is going away, or gone', async () => {
    const object = await policy('web');
    await kubectl('delete', 'namespace', namespace, '--wait=false');
    recorder.record(object, { ...timeout, note: 'Of a namespace that goes.' });
    recorder.record(
      { ...object, metadata: { ...object.metadata, namespace: 'nowhere' } },
      { ...timeout, note: 'Gone.' },
    );

    const lines = await eventually(
      'refusals',
      async () => log.lines,
      ({ length }) => length === 2,
    );
    expect(lines.map(({ level, fields }) => `${level} ${fields.code}`).sort()).toEqual([
      'debug 403',
      'debug 404',
    ]);
  });
});
