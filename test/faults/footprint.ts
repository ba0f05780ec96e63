import { readdirSync, readFileSync } from 'node:fs';

/** What a process holds. */
export interface Footprint {
  readonly descriptors: number;
  readonly residentBytes: number;
}

/** Linux tells it in /proc; elsewhere it is unknown. */
export function footprintOf(pid: number): Footprint | undefined {
  if (process.platform !== 'linux') return undefined;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, residentBytes: Number(kibibytes) * 1024 };
}
