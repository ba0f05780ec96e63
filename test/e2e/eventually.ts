/**
 * Asks again until the answer is good, for at most a generous while: a test never passes or fails by being quick or slow,
 * it only gives up.
 *
 * @throws with the last answer when it never was.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  isGood: (answer: T) => boolean,
  patienceMs = 30_000,
): Promise<T> {
  let last: unknown;
  const giveUpMs = performance.now() + patienceMs;
  do {
    try {
      const answer = await ask();
      if (isGood(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (performance.now() < giveUpMs);
  throw new Error(`${what}: not within ${patienceMs / 1000} seconds; the last answer was ${describe(last)}`);
}

function describe(answer: unknown): string {
  return answer instanceof Error ? answer.message : JSON.stringify(answer);
}
