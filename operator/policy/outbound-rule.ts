/**
 * One entry of the administrator's `outbound.allow`. A connection is allowed by an entry only when it covers host, port
 * and address together.
 */
export interface OutboundRule {
  /** Host names, literals, `*.suffix` (any depth below, not the suffix itself) or `*`; lower case. */
  readonly hosts: readonly string[];
  /** Non-public addresses that the host may resolve to; public ones need no entry here. */
  readonly cidrs: readonly string[];
  readonly ports: readonly number[];
}
