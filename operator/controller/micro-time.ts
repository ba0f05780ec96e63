/** Formats a time as Kubernetes' MicroTime: RFC 3339 with exactly six digits of a second. The API server takes no other. */
export function formatMicroTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, -1)}000Z`;
}
