import { ask } from './load.ts';

/**
 * Sends requests one after the other.
 *
 * @returns the milliseconds that ninety-nine of a hundred do not exceed
 * @throws when one is not let in
 */
export async function measureP99(
  count: number,
  next: () => { readonly url: string; readonly token: string },
): Promise<number> {
  const times: number[] = [];
  for (let sent = 0; sent < count; sent += 1) {
    const { url, token } = next();
    const startMs = performance.now();
    const answer = await ask(url, token);
    times.push(performance.now() - startMs);
    if (answer !== '200') throw new Error(`${url} answers ${answer}`);
  }
  times.sort((a, b) => a - b);
  return times[Math.ceil(count * 0.99) - 1] ?? 0;
}
