import fc from 'fast-check';

/** Makes https URLs and near misses out of the pieces about which parsers disagree. */
export const puzzlingUrls: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc.constantFrom(
        ...['a', '1', '0x', '127', '0', '255', '256', '.', '.', '-', '_', ':', '::', '[', ']', '@', '%2e'],
        ...['443', '65536', 'ffff', 'xn--', 'localhost', 'A', 'ä'],
      ),
      { minLength: 1, maxLength: 8 },
    ),
    fc.array(
      fc.constantFrom('/', '/', '.', '%2e', '%2E', '%', 'a', '1.2', '?', ':', '@', '#', '\\', ' ', 'ä', '~'),
      {
        maxLength: 6,
      },
    ),
  )
  .map(([host, rest]) => `https://${host.join('')}${rest.length === 0 ? '' : `/${rest.join('')}`}`);
