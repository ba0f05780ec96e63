import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv4 } from 'node:net';

const loopbackAddresses = new BlockList();
loopbackAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
loopbackAddresses.addAddress('::1', 'ipv6');

const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?$/i;

/**
 * Whether a request comes from this machine and was meant for it: a loopback peer, and a loopback Host so that a web page
 * cannot reach it under a name of its own (DNS rebinding).
 */
export function isLoopback({ socket, headers }: IncomingMessage): boolean {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const isLocalPeer = loopbackAddresses.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  return isLocalPeer && loopbackHost.test(headers.host ?? '');
}
