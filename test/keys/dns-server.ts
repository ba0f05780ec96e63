import { createSocket } from 'node:dgram';

/** What a name has: addresses, no answer at all (`silent`), or nothing. */
export interface DnsRecord {
  readonly a?: readonly string[] | 'silent';
  readonly aaaa?: readonly (readonly number[])[] | 'silent';
}

export interface DnsServer extends AsyncDisposable {
  /** For `Resolver.setServers`. */
  readonly address: string;
  /** Questions so far, as `name type`. */
  readonly asked: readonly string[];
}

const A = 1;
const AAAA = 28;

/** Starts a DNS server on 127.0.0.1 that knows a few names. */
export async function startDnsServer(names: Readonly<Record<string, DnsRecord>>): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = readQuestion(query);
    asked.push(`${name} ${type === A ? 'A' : 'AAAA'}`);
    const record = names[name];
    const data = type === A ? record?.a : record?.aaaa;
    if (data === 'silent') return;
    const addresses = (data ?? []).map((one) =>
      Buffer.from(typeof one === 'string' ? one.split('.').map(Number) : one),
    );
    const reply = writeReply(query.subarray(0, end), type, addresses, record !== undefined);
    socket.send(reply, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(resolve)),
  };
}

function readQuestion(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** RFC 1035 section 4.1: the question again, with an answer for each address. */
function writeReply(question: Buffer, type: number, addresses: readonly Buffer[], isKnown: boolean): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  const answers = addresses.map((address) => {
    const fixed = Buffer.from([0xc0, 0x0c, 0, type === AAAA ? AAAA : A, 0, 1, 0, 0, 0, 0, 0, address.length]);
    return Buffer.concat([fixed, address]);
  });
  return Buffer.concat([head, ...answers]);
}
