/** A lower-case host name or address; any port when `port` is absent. */
export interface HostPattern {
  readonly hostname: string;
  readonly port?: number;
}

/** Reads `host`, `host:port`, `[v6]` or `[v6]:port`; the caller has checked the form (see {@link isHostPattern}). */
export function parseHostPattern(text: string): HostPattern {
  const match = hostForm.exec(text);
  if (match === null) return { hostname: text };
  const [, hostname = '', port] = match;
  return port === undefined ? { hostname } : { hostname, port: Number(port) };
}

export function isHostPattern(text: string): boolean {
  const port = hostForm.exec(text)?.[2];
  return hostForm.test(text) && Number(port ?? 1) <= 65_535;
}

export function hostPatternMatches(pattern: HostPattern, hostname: string, port: number): boolean {
  return pattern.hostname === hostname && (pattern.port === undefined || pattern.port === port);
}

const hostForm = /^([a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$/;
