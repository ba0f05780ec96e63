import type { RequestFault } from '../controller/fake-faults.ts';
import type { ApiLine, LineRequest, PassEvent } from './api-line.ts';

/** What is disturbed on a line to the API server. */
export const policies = 'mcpauthpolicies';

type IsMeant = (request: LineRequest) => boolean;

export const isList: IsMeant = ({ verb, plural }) => verb === 'list' && plural === policies;
export const isWatch: IsMeant = ({ verb, plural }) => verb === 'watch' && plural === policies;
export const isStatusWrite: IsMeant = ({ verb, path }) => verb === 'patch' && path.endsWith('/status');

/** Refuses the next request of each of these kinds, and no other. */
export function refuseOnce(line: ApiLine, kinds: readonly IsMeant[], fault: RequestFault): void {
  const left = new Set(kinds);
  line.refuse((request) => {
    const met = [...left].find((isMeant) => isMeant(request));
    return met !== undefined && left.delete(met) ? fault : undefined;
  });
}

export const untouched = (): PassEvent => (line) => [line];

/** Each event twice. */
export const doubled = (): PassEvent => (line) => [line, line];

/** None: they are lost, or come over the next connection. */
export const withheld = (): PassEvent => () => [];

/** The next two events in the wrong order, and then everything as it comes. */
export function createSwap(): () => PassEvent {
  const held: string[] = [];
  return () => (line) => {
    if (held.length === 2) return [line];
    held.unshift(line);
    return held.length === 2 ? held : [];
  };
}
