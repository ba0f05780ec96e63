/** Enough of them that chance is out of the question. */
const primes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
  109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
].map((prime) => ({ prime: BigInt(prime), powers: powersOf65537(prime) }));

/**
 * Whether an RSA modulus can be factored at a glance, by a small factor, or by whoever reads CVE-2017-15361 (ROCA): modulo
 * every small prime it is then a power of 65537. Of all other moduli less than one in a hundred million is taken for one.
 */
export function isWeakModulus(modulus: bigint): boolean {
  const isRoca = primes.every(({ prime, powers }) => powers.has(Number(modulus % prime)));
  return isRoca || modulus % 2n === 0n || primes.some(({ prime }) => modulus % prime === 0n);
}

function powersOf65537(prime: number): ReadonlySet<number> {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * 65_537) % prime) powers.add(power);
  return powers;
}
