/**
 * Reads a duration such as `60s`, `5m` or `1m30s`.
 *
 * @param text a decoded `spec.clockSkew`
 * @returns the seconds; NaN when the text is not such a duration
 */
export function secondsOfClockSkew(text: string): number {
  const parts = /^(?:(?<minutes>[0-9]{1,3})m)?(?:(?<seconds>[0-9]{1,3})s)?$/.exec(text)?.groups;
  if (text === '' || parts === undefined) {
    return Number.NaN;
  }
  return Number(parts.minutes ?? 0) * 60 + Number(parts.seconds ?? 0);
}
