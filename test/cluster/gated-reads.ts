import { localError } from '../../operator/controller/api-error.ts';
import type { KubeApi, ReadOptions } from '../../operator/controller/kube-api.ts';

type Reads = Pick<KubeApi, 'list' | 'watch' | 'get'>;

/** The reads of an API server, over a line that can be cut. All requests are real; the line counts them. */
export interface GatedReads extends Reads {
  /** The requests so far, in order: `list PATH`, `watch PATH`, `get PATH`. */
  readonly requests: readonly string[];
  /** The watches that run now. */
  openWatches(): number;
  /** Breaks all watches; requests wait from now on. */
  cut(): void;
  /** Lets the requests go that have waited, and those to come. */
  mend(): void;
}

export function gateReads(api: Reads): GatedReads {
  const requests: string[] = [];
  const watches = new Set<AbortController>();
  let gate = Promise.withResolvers<void>();
  gate.resolve();

  async function pass(what: string): Promise<void> {
    await gate.promise;
    requests.push(what);
  }

  async function* watch(...[path, query, options = {}]: Parameters<KubeApi['watch']>) {
    await pass(`watch ${path}`);
    const line = new AbortController();
    watches.add(line);
    try {
      yield* api.watch(path, query, { ...options, signal: either(line.signal, options) });
    } catch (error) {
      throw line.signal.aborted ? localError('ConnectionFailed') : error;
    } finally {
      watches.delete(line);
    }
  }

  return {
    requests,
    openWatches: () => watches.size,
    async list(path, ...rest) {
      await pass(`list ${path}`);
      return api.list(path, ...rest);
    },
    watch,
    async get(path, ...rest) {
      await pass(`get ${path}`);
      return api.get(path, ...rest);
    },
    cut() {
      gate = Promise.withResolvers<void>();
      for (const line of watches) {
        line.abort();
      }
    },
    mend: () => gate.resolve(),
  };
}

function either(line: AbortSignal, { signal }: ReadOptions): AbortSignal {
  return signal === undefined ? line : AbortSignal.any([line, signal]);
}
