import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the ranges from which systems take the ports of outgoing connections: a server that is stopped for
// a while finds its port free again.
const lowest = 20_000;
const highest = 32_000;
const maxTries = 100;

/**
 * Picks different TCP ports that were free on 127.0.0.1 a moment ago; another process can still be first.
 *
 * @throws when a hundred random ports are all taken
 */
export async function pickPorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  for (let tries = 0; tries < maxTries && ports.size < count; tries += 1) {
    const port = randomInt(lowest, highest);
    if (await isFree(port)) {
      ports.add(port);
    }
  }
  if (ports.size < count) {
    throw new Error(`no ${count} free ports between ${lowest} and ${highest} on 127.0.0.1`);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
