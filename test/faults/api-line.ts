import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, request as requestHttps } from 'node:https';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { breakWatch, failRequest, type RequestFault, type WatchFault } from '../controller/fake-faults.ts';
import { readPath, type Target, type Verb, verbOf } from '../controller/fake-request.ts';
import type { ServerCertificate } from '../fixtures/certificates.ts';
import { loopbackAddress, startLoopbackServer } from '../fixtures/loopback-server.ts';

/** A request of a replica, as it came to the line. */
export interface LineRequest extends Target {
  readonly verb: Verb;
  /** Without the query. */
  readonly path: string;
  /** Monotonic milliseconds. */
  readonly timeMs: number;
}

/** What becomes of one line of a watch: the lines that come in its place. */
export type PassEvent = (line: string) => readonly string[];

/**
 * The line from one replica to the real API server, with TLS at both ends: everything is passed on as it is, until it is told
 * to do something else.
 */
export interface ApiLine {
  readonly url: string;
  /** All requests so far, in the order in which they came; those too that were not passed on. */
  readonly requests: readonly LineRequest[];
  /** Does this to each request from now on, or nothing. */
  refuse(fault: (request: LineRequest) => RequestFault | undefined): void;
  /** Passes the events of all watches of this kind, open or new, by functions of their own from now on. */
  passEvents(plural: string, begin: () => PassEvent): void;
  /** Does this to the watches of this kind that are open. */
  breakWatches(plural: string, fault: WatchFault): void;
  /** Passes on everything again, as it is. Connections stay as they are. */
  mend(): void;
  /** Breaks all connections that are open. */
  cut(): Promise<void>;
  stop(): Promise<void>;
}

interface OpenWatch {
  readonly plural: string;
  readonly response: ServerResponse;
  pass: PassEvent;
}

const asItIs: PassEvent = (line) => [line];

export async function startApiLine(
  cluster: Pick<ControlPlane, 'url' | 'caFile'>,
  certificate: ServerCertificate,
): Promise<ApiLine> {
  const agent = new Agent({ ca: readFileSync(cluster.caFile), keepAlive: true });
  const requests: LineRequest[] = [];
  const watches = new Set<OpenWatch>();
  const passing = new Map<string, () => PassEvent>();
  let refuse: (request: LineRequest) => RequestFault | undefined = () => undefined;

  function handle(incoming: IncomingMessage, response: ServerResponse): void {
    const request = read(incoming);
    requests.push(request);
    const fault = refuse(request);
    if (fault === undefined) passOn(request, incoming, response);
    else failRequest(incoming, response, fault);
  }

  function passOn({ verb, plural }: LineRequest, incoming: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = incoming;
    const outgoing = requestHttps(new URL(url ?? '', cluster.url), { method, headers, agent });
    outgoing.on('response', (source) => {
      response.writeHead(source.statusCode ?? 0, source.headers).flushHeaders();
      source.on('error', () => response.destroy());
      if (verb === 'watch' && source.statusCode === 200) passWatch(plural, source, response);
      else source.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  function passWatch(plural: string, source: IncomingMessage, response: ServerResponse): void {
    const watch: OpenWatch = { plural, response, pass: passing.get(plural)?.() ?? asItIs };
    watches.add(watch);
    response.on('close', () => watches.delete(watch));
    let rest = '';
    source.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.flatMap(watch.pass)) response.write(`${line}\n`);
    });
    // A watch that was broken ends as it was told to.
    source.on('end', () => watches.has(watch) && response.end());
  }

  function usePassing(plural: string, begin: () => PassEvent): void {
    for (const watch of watches) if (watch.plural === plural) watch.pass = begin();
  }

  const server = await startLoopbackServer({ certificate, listener: handle });
  return {
    url: `https://${loopbackAddress}:${server.port}`,
    requests,
    refuse(fault) {
      refuse = fault;
    },
    passEvents(plural, begin) {
      passing.set(plural, begin);
      usePassing(plural, begin);
    },
    breakWatches(plural, fault) {
      for (const watch of watches) {
        if (watch.plural !== plural) continue;
        watches.delete(watch);
        watch.pass = () => [];
        breakWatch(watch.response, fault);
      }
    },
    mend() {
      refuse = () => undefined;
      for (const plural of passing.keys()) usePassing(plural, () => asItIs);
      passing.clear();
    },
    async cut() {
      await server.stop();
      await server.start();
    },
    async stop() {
      await server.stop();
      agent.destroy();
    },
  };
}

function read(incoming: IncomingMessage): LineRequest {
  const { pathname: path, searchParams } = new URL(incoming.url ?? '', 'http://any');
  const target = readPath(path);
  const verb = verbOf(incoming, target, Object.fromEntries(searchParams));
  return { ...target, verb, path, timeMs: performance.now() };
}
