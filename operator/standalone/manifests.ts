import { KIND } from '../api/mcp-auth-policy.gen.ts';
import type { ConfigMapData, ServiceData, SourcePolicy } from '../policy/inputs.ts';
import {
  type Entry,
  type Location,
  type ManifestFile,
  type ManifestProblem,
  type Placed,
  readManifestFile,
} from './manifest-file.ts';

export type { Location, ManifestFile, ManifestProblem };

/** What a set of manifests says. */
export interface Manifests {
  /** Each `namespace/name` once. */
  readonly policies: readonly SourcePolicy[];
  /** By `namespace/name`. */
  readonly configMaps: ReadonlyMap<string, ConfigMapData>;
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, ServiceData>;
  readonly problems: readonly ManifestProblem[];
  /**
   * Finds where a field of a policy is written: `locate('team-a/kubernetes', 'spec.issuer')`. Gives the line of the
   * nearest field above when this one is missing, and nothing for a policy that is not in the files.
   */
  readonly locate: (policyKey: string, fieldPath: string) => Location | undefined;
}

/**
 * Reads policies, ConfigMaps and Services out of manifests, as `kubectl apply` would take them; other kinds are ignored. The
 * specs of policies are not judged: that is for compile. Whatever cannot be used is a problem and never a guess.
 */
export function readManifests(files: readonly ManifestFile[]): Manifests {
  return mergeManifests(files.flatMap(readManifestFile));
}

/**
 * Brings together what the files say. Of an object that is defined twice none is chosen: a policy then comes with a
 * problem, so that it keeps its resource and denies; a ConfigMap or a Service is left out, as if it were not there.
 */
export function mergeManifests(entries: readonly Entry[]): Manifests {
  const policies = groupByKey(entries.flatMap((entry) => (entry.type === 'policy' ? [entry.placed] : [])));
  const configMaps = groupByKey(
    entries.flatMap((entry) => (entry.type === 'configMap' ? [entry.placed] : [])),
  );
  const services = groupByKey(entries.flatMap((entry) => (entry.type === 'service' ? [entry.placed] : [])));
  return {
    policies: policies.map((group) => ({
      object: group[0].value,
      ...(isRepeated(group) ? { problem: tellPlaces(group) } : {}),
    })),
    configMaps: onlyOnes(configMaps),
    services: onlyOnes(services),
    problems: [
      ...entries.flatMap((entry) => (entry.type === 'problem' ? [entry.problem] : [])),
      ...policies.filter(isRepeated).map((group) => reportRepeated(KIND, group)),
      ...configMaps.filter(isRepeated).map((group) => reportRepeated('ConfigMap', group)),
      ...services.filter(isRepeated).map((group) => reportRepeated('Service', group)),
    ],
    locate: locateIn(policies),
  };
}

/** The definitions of one object, in the order of the files. */
type Group<T> = readonly [Placed<T>, ...Placed<T>[]];

function groupByKey<T>(placed: readonly Placed<T>[]): readonly Group<T>[] {
  return [...Map.groupBy(placed, ({ key }) => key).values()] as unknown as readonly Group<T>[];
}

function isRepeated(group: Group<unknown>): boolean {
  return group.length > 1;
}

function onlyOnes<T>(groups: readonly Group<T>[]): ReadonlyMap<string, T> {
  return new Map(groups.filter((group) => !isRepeated(group)).map(([{ key, value }]) => [key, value]));
}

function reportRepeated(kind: string, group: Group<unknown>): ManifestProblem {
  const [first, second = first] = group;
  return { ...second.locate(''), message: `${kind} ${first.key} is ${tellPlaces(group)}; keep one` };
}

function tellPlaces(group: Group<unknown>): string {
  const places = group.map(({ locate }) => locate('')).map(({ file, line }) => `${file}:${line}`);
  const times = places.length === 2 ? 'twice' : `${places.length} times`;
  return `defined ${times}: ${places.slice(0, -1).join(', ')} and ${places.at(-1)}`;
}

function locateIn(policies: readonly Group<unknown>[]): Manifests['locate'] {
  const byKey = new Map(policies.map(([first]) => [first.key, first]));
  return (policyKey, fieldPath) => byKey.get(policyKey)?.locate(fieldPath);
}
