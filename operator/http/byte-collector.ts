/** Bytes that arrive bit by bit. */
export interface ByteCollector {
  append(chunk: Uint8Array): void;
  size(): number;
  /** All of them, in one piece; the collector is empty then. */
  take(): Buffer;
}

const leastCapacity = 1024;

/** One block that doubles: a list of chunks of one byte each would need a hundred times their size. */
export function createByteCollector(): ByteCollector {
  let block = Buffer.alloc(0);
  let size = 0;
  return {
    append(chunk) {
      if (size + chunk.length > block.length) {
        const larger = Buffer.alloc(Math.max(leastCapacity, block.length * 2, size + chunk.length));
        block.copy(larger, 0, 0, size);
        block = larger;
      }
      block.set(chunk, size);
      size += chunk.length;
    },
    size: () => size,
    take() {
      const taken = block.subarray(0, size);
      block = Buffer.alloc(0);
      size = 0;
      return taken;
    },
  };
}
