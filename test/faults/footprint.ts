import { readdirSync, readFileSync } from 'node:fs';

/** The limit of manifests/deployment.yaml, and how much of it is left to JavaScript there. */
export const memoryLimitBytes = 512 * 1024 * 1024;
export const heapPercentage = 65;

/** What a process holds. */
export interface Footprint {
  readonly descriptors: number;
  readonly residentBytes: number;
  /** The most that it has ever had. */
  readonly peakBytes: number;
}

/** Linux tells it in /proc; elsewhere it is unknown. */
export function footprintOf(pid: number): Footprint | undefined {
  if (process.platform !== 'linux') return undefined;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string): number => {
    const [, kibibytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
    return Number(kibibytes) * 1024;
  };
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    ...{ residentBytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') },
  };
}

/** As it is printed. */
export function inMebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
