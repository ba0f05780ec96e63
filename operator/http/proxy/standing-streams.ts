import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

/** Answers to GET: streams that end only when somebody ends them. */
export interface StandingStreams {
  /** Holds a stream until it is over. The head of `response` has been sent, and `source` is piped into it. */
  add(source: Readable, response: ServerResponse): void;
  /** Ends them properly, those as well that are still to come. */
  endAll(): void;
}

export function createStandingStreams(): StandingStreams {
  const ends = new Set<() => void>();
  let isEnding = false;
  return {
    add(source, response) {
      const end = (): void => {
        // A chunk after the end would be an error, which cuts the connection.
        source.unpipe(response);
        response.end();
      };
      if (isEnding) {
        end();
        return;
      }
      ends.add(end);
      response.once('close', () => ends.delete(end));
    },
    endAll() {
      isEnding = true;
      for (const end of ends) end();
    },
  };
}
