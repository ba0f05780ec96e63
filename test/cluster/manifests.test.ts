import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type RunOptions, readOptions, usage } from '../../operator/options.ts';
import { decodeConfiguration, secondsOf } from '../../operator/policy/operator-configuration.ts';
import { VERSION } from '../../operator/version.ts';
import { startOperatorProcess } from '../e2e/operator-process.ts';
import { heapPercentage, memoryLimitBytes } from '../faults/footprint.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { kubeconfigFor } from './kubeconfig-for.ts';
import { describeWithCluster } from './require-cluster.ts';

const manifests = join(import.meta.dirname, '../../manifests');
const self = 'mcp-auth-operator';
/** Requests under way may take this long after the lame duck, then Leases are given up; see `commands/operator.ts`. */
const [drainSeconds, goodbyeSeconds] = [20, 5];

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: object };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: unknown;
}

interface Port {
  readonly name: string;
  readonly containerPort: number;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: FieldRef }[];
  readonly ports: readonly Port[];
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly resources: { readonly limits: { readonly memory: string } };
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface FieldRef {
  readonly fieldRef: { readonly fieldPath: string };
}

interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly [Container];
    readonly volumes: readonly {
      readonly name: string;
      readonly configMap?: { readonly name: string };
      readonly secret?: object;
    }[];
  };
}

interface Service {
  readonly selector: object;
  readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
}

describeWithCluster('the manifests', () => {
  let cluster: ControlPlane;
  let folder: string;
  let rendered: string;
  let objects: readonly Manifest[];
  let template: PodTemplate;
  let container: Container;

  async function kubectl(args: readonly string[], stdin = ''): Promise<string> {
    const { code, stdout, stderr } = await cluster.kubectl(args, { stdin });
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  function find(kind: string, name = self): Manifest {
    const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
    expect(found.length, `${kind} ${name}`).toBe(1);
    return found[0] as Manifest;
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcp-auth-manifests-'));
    cluster = await startControlPlane();
    rendered = await kubectl(['kustomize', manifests]);
    objects = parseAllDocuments(rendered).map((document) => document.toJS() as Manifest);
    template = (find('Deployment').spec as { readonly template: PodTemplate }).template;
    [container] = template.spec.containers;
    await cluster.apply(rendered);
  });

  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const fields: Readonly<Record<string, string>> = { 'metadata.name': 'pod-1', 'metadata.namespace': self };

  /** What the container is started with, as the program reads it. */
  function readContainer(): RunOptions {
    const environment = container.env.map(({ name, value, valueFrom }) => [
      name,
      value ?? fields[valueFrom?.fieldRef.fieldPath ?? ''],
    ]);
    const options = readOptions(container.args, Object.fromEntries(environment));
    if (options.command !== 'run') throw new Error(`the container starts ${options.command}`);
    return options;
  }

  it('render to what an operator needs, and none of the samples', () => {
    expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()).toEqual([
      `ClusterRole ${self}`,
      `ClusterRoleBinding ${self}`,
      `ConfigMap ${self}`,
      'CustomResourceDefinition mcpauthpolicies.mcpauth.dev',
      `Deployment ${self}`,
      `Namespace ${self}`,
      `PodDisruptionBudget ${self}`,
      `Role ${self}`,
      `RoleBinding ${self}`,
      `Service ${self}`,
      `Service ${self}-metrics`,
      `ServiceAccount ${self}`,
    ]);
  });

  it('are taken by the API server again, without a warning', async () => {
    const again = ['apply', '--server-side', '--force-conflicts', '-f', '-'];
    const { code, stderr } = await cluster.kubectl(again, { stdin: rendered });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('the CRD can also be applied from its folder', async () => {
    const names = await kubectl([
      'apply',
      '--dry-run=server',
      '-o',
      'name',
      '-f',
      join(manifests, '../crds'),
    ]);
    expect(names).toBe('customresourcedefinition.apiextensions.k8s.io/mcpauthpolicies.mcpauth.dev');
  });

  it('pods pass the standard that their namespace enforces', async () => {
    expect(find('Namespace').metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    const pod = (spec: object): string =>
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Pod', spec },
        metadata: { name: 'one', namespace: self, labels: template.metadata.labels },
      });
    const create = ['create', '--dry-run=server', '-o', 'name', '-f', '-'];
    expect(await kubectl(create, pod(template.spec))).toBe('pod/one');
    const { securityContext: _, ...lax } = container;
    const refused = kubectl(create, pod({ ...template.spec, containers: [lax] }));
    await expect(refused).rejects.toThrow('violates PodSecurity "restricted');
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
  });

  it('every flag and variable is one of the program', () => {
    const options = readContainer();
    expect(options).toMatchObject({ podName: 'pod-1', podNamespace: self });
    const variables = container.env.map(({ name }) => name).filter((name) => name !== 'NODE_OPTIONS');
    for (const name of variables) {
      const [, flag = ''] = /^MCP_AUTH_([A-Z_]+)$/.exec(name) ?? [];
      expect(usage).toContain(`--${flag.toLowerCase().replaceAll('_', '-')} `);
    }
  });

  it('every port is one that the program listens on, and every Service leads there', () => {
    const { listen, adminListen } = readContainer();
    expect(container.ports).toEqual([
      { name: 'public', containerPort: listen.port },
      { name: 'admin', containerPort: adminListen.port },
    ]);
    const [service, metrics] = [self, `${self}-metrics`].map((name) => find('Service', name).spec as Service);
    expect(service?.ports).toEqual([expect.objectContaining({ port: 80, targetPort: 'public' })]);
    expect(metrics?.ports).toEqual([expect.objectContaining({ port: 9090, targetPort: 'admin' })]);
    for (const { selector } of [service, metrics] as readonly Service[]) {
      expect(template.metadata.labels).toMatchObject(selector);
    }
  });

  it('the configuration is where the program looks for it, as a folder, and good', () => {
    const [volume] = template.spec.volumes;
    const [mount] = container.volumeMounts;
    expect(mount).toEqual({ name: volume?.name, mountPath: '/etc/mcp-auth-operator', readOnly: true });
    expect(volume?.configMap?.name).toBe(self);
    const [[file, text] = ['', '']] = Object.entries(find('ConfigMap').data ?? {});
    expect(readContainer().configFile).toBe(`${mount?.mountPath}/${file}`);
    expect(decodeConfiguration(parse(text)).ok).toBe(true);
  });

  it('keys of assertions are a Secret that may be missing, as a folder where the program looks for them', () => {
    const volume = template.spec.volumes.find(({ secret }) => secret !== undefined);
    expect(volume?.secret).toEqual({ secretName: `${self}-assertion-keys`, optional: true });
    const mount = container.volumeMounts.find(({ name }) => name === volume?.name);
    expect(mount).toEqual({
      name: volume?.name,
      mountPath: readContainer().assertionKeys,
      readOnly: true,
    });
  });

  it('a pod has time to end by itself', () => {
    const [text = ''] = Object.values(find('ConfigMap').data ?? {});
    const decoded = decodeConfiguration(parse(text));
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.errors));
    const needed = secondsOf(decoded.value.intervals.lameDuck) + drainSeconds + goodbyeSeconds;
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(needed);
  });

  it('a pod may have as much memory as the faults are measured with', () => {
    expect(container.resources.limits.memory).toBe(`${memoryLimitBytes / 1024 / 1024}Mi`);
    expect(container.env).toContainEqual({
      ...{ name: 'NODE_OPTIONS', value: `--max-old-space-size-percentage=${heapPercentage}` },
    });
  });

  it('the image is of this version', () => {
    expect(container.image).toBe(`registry.example.com/${self}:${VERSION}`);
  });

  it('the program starts as the pod would, under its account, and answers the probes', async () => {
    const token = await kubectl(['-n', self, 'create', 'token', template.spec.serviceAccountName]);
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, kubeconfigFor(cluster, { token }), { mode: 0o600 });
    const [mount] = container.volumeMounts;
    const mounted = join(folder, 'mounted');
    mkdirSync(mounted);
    for (const [file, text] of Object.entries(find('ConfigMap').data ?? {})) {
      writeFileSync(join(mounted, file), text);
    }
    const keys = join(folder, 'keys');
    mkdirSync(keys);
    const [command, ...args] = container.args.map((arg) =>
      arg.replace(mount?.mountPath ?? '', mounted).replace(readContainer().assertionKeys ?? '', keys),
    );
    expect(command).toBe('run');
    const place = ['--pod-name', 'one', '--pod-namespace', self];
    const operator = await startOperatorProcess('run', [...args, ...place, '--kubeconfig', kubeconfig], {
      publicURL: null,
    });
    try {
      for (const { httpGet } of [container.readinessProbe, container.livenessProbe]) {
        expect(httpGet.port).toBe('admin');
        expect((await fetch(`${operator.adminURL}${httpGet.path}`)).status).toBe(200);
      }
      expect(operator.log()).not.toMatch(/"level":"(warn|error)"/);
    } finally {
      expect(await operator.stop()).toBe(0);
    }
  });
});
