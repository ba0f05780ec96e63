import { objectKey } from '../api/kubernetes-object.ts';
import { isJsonObject, type JsonObject } from '../json/json-object.ts';
import type { ObjectName } from '../policy/named-objects.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from '../time/clock.ts';
import { ApiError, toApiError } from './api-error.ts';
import type { KubeApi } from './kube-api.ts';
import { objectPath, type ResourceKind, resourceVersionOf } from './resource.ts';
import { createWorkQueue } from './work-queue.ts';

/**
 * What is known of an object without reading it: its resourceVersion, `absent` from a complete list, or `unknown`
 * before there is one.
 */
export type SeenVersion = string;

export interface ObjectReaderOptions<T> {
  readonly api: Pick<KubeApi, 'get'>;
  readonly resource: ResourceKind;
  /** Takes what counts out of an object, as the API server answered it. */
  readonly read: (object: JsonObject) => T;
  /** What is known now, by `namespace/name`. */
  readonly seen: (key: string) => SeenVersion;
  /** Whether one that has changed, but cannot be read, is missing rather than what it was. */
  readonly forgetsUnread?: boolean;
  /** Called when what {@link ObjectReader.data} returns has changed. */
  readonly onChange: () => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** Reads the objects of one kind that policies name, each again when its version changes. */
export interface ObjectReader<T> {
  /** Says which objects are needed from now on. Others are forgotten. */
  want(names: readonly ObjectName[]): void;
  /** Must be told of every single event: of two in a row the first would be missed by looking later. */
  noticeEvent(key: string): void;
  /** Must be told of every complete list. */
  noticeList(): void;
  /**
   * What was read, by `namespace/name`. While reading one again fails, what was read of it before stays, unless
   * `forgetsUnread`; one that does not exist, or was never read, is missing.
   */
  data(): ReadonlyMap<string, T>;
  /** Waits until everything that is wanted now has been tried once, with whatever outcome. */
  triedAll(): Promise<void>;
  close(): Promise<void>;
}

interface Entry<T> {
  readonly name: ObjectName;
  readonly tried: PromiseWithResolvers<void>;
  seen: SeenVersion;
  /** What the last good read brought. */
  readVersion?: SeenVersion;
  data?: T;
}

const backOff = { firstMs: 800, maxMs: 30_000 };
const concurrency = 4;

export function createObjectReader<T>(options: ObjectReaderOptions<T>): ObjectReader<T> {
  const { resource, read, seen, onChange, clock, random, log } = options;
  const entries = new Map<string, Entry<T>>();
  const queue = createWorkQueue({ work: readOne, onFailure: report, concurrency, backOff, clock, random });

  async function readOne(key: string, signal: AbortSignal): Promise<void> {
    const entry = entries.get(key);
    if (entry === undefined || isUpToDate(entry)) {
      return;
    }
    const { seen: seenBefore } = entry;
    try {
      const object = await getOrAbsent(options, entry.name, signal);
      if (entry.seen !== 'absent' || seenBefore === 'absent') {
        keep(entry, object);
      }
    } catch (error) {
      if (options.forgetsUnread) setData(entry, undefined);
      throw error;
    } finally {
      entry.tried.resolve();
    }
  }

  function keep(entry: Entry<T>, object: unknown): void {
    entry.readVersion = resourceVersionOf(object) ?? 'absent';
    setData(entry, isJsonObject(object) && !isBeingDeleted(object) ? read(object) : undefined);
  }

  function setData(entry: Entry<T>, data: T | undefined): void {
    const isChange = data !== undefined || entry.data !== undefined;
    if (data === undefined) {
      delete entry.data;
    } else {
      entry.data = data;
    }
    if (isChange && entries.get(objectKey(entry.name)) === entry) {
      onChange();
    }
  }

  function report(key: string, error: unknown, failures: number): void {
    const { code, reason } = toApiError(error);
    log[failures === 1 ? 'warn' : 'debug']('reading an object that a policy names failed', {
      ...{ kind: resource.kind, object: key },
      ...{ code, reason },
    });
  }

  /** Deletion is known without reading; any other news is read. */
  function notice(key: string, entry: Entry<T>): void {
    const wasThere = entry.seen !== 'absent' && entry.seen !== 'unknown';
    entry.seen = seen(key);
    if (wasThere && entry.seen === 'absent') {
      keep(entry, undefined);
    } else if (!isUpToDate(entry)) {
      queue.add(key);
    }
  }

  return {
    want(names) {
      const wanted = new Map(names.map((name) => [objectKey(name), name]));
      for (const [key, entry] of entries) {
        if (!wanted.has(key)) {
          entries.delete(key);
          entry.tried.resolve();
        }
      }
      for (const [key, name] of wanted) {
        if (!entries.has(key)) {
          entries.set(key, { name, tried: Promise.withResolvers<void>(), seen: seen(key) });
          queue.add(key);
        }
      }
    },
    noticeEvent(key) {
      const entry = entries.get(key);
      if (entry !== undefined) {
        notice(key, entry);
      }
    },
    noticeList() {
      for (const [key, entry] of entries) {
        notice(key, entry);
      }
    },
    data() {
      return new Map([...entries].flatMap(([key, { data }]) => (data === undefined ? [] : [[key, data]])));
    },
    async triedAll() {
      await Promise.all([...entries.values()].map(({ tried }) => tried.promise));
    },
    close: () => queue.close(),
  };
}

/**
 * Whether what was read is what was seen. A read may be ahead of the watch, which then comes to it; or of an object
 * that came and went between two lists, and then the second list leads to another read.
 */
function isUpToDate({ seen, readVersion }: Entry<unknown>): boolean {
  return readVersion === seen;
}

async function getOrAbsent(
  { api, resource }: Pick<ObjectReaderOptions<unknown>, 'api' | 'resource'>,
  name: ObjectName,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    return await api.get(objectPath(resource, name), signal);
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) {
      return undefined;
    }
    throw error;
  }
}

function isBeingDeleted({ metadata }: JsonObject): boolean {
  return isJsonObject(metadata) && metadata.deletionTimestamp !== undefined;
}
