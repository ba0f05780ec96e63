/** Those who wait for something, in the order in which they came; a call serves one. */
export type WaitingLine = Set<() => void>;

/** Waits at the end of a line until served. An abort leaves the line at once, and rejects. */
export function waitIn(line: WaitingLine, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      line.delete(serve);
      reject(signal?.reason);
    };
    const serve = (): void => {
      signal?.removeEventListener('abort', leave);
      resolve();
    };
    line.add(serve);
    if (signal?.aborted) leave();
    else signal?.addEventListener('abort', leave, { once: true });
  });
}

/** Serves the first of a line; whether there was one. */
export function serveFirst(line: WaitingLine): boolean {
  const { value: serve } = line.values().next();
  if (serve === undefined) return false;
  line.delete(serve);
  serve();
  return true;
}
