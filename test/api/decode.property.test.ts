import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSpec } from '../../operator/api/decode.gen.ts';
import type { FieldError } from '../../operator/api/field-error.ts';
import { checkRules } from '../../operator/api/rules.ts';
import { policyCases } from './policies.cases.ts';

const goodSpecs = policyCases
  .filter(({ errors }) => Object.keys(errors).length === 0)
  .map(({ spec }) => spec);
const run = { seed: 1, numRuns: 3000 };

/** One change: the value at a place in the tree of the spec, chosen by a number, becomes another one. */
interface Mutation {
  readonly place: number;
  readonly value: unknown;
}

describe('decodeSpec', () => {
  it('never throws on JSON, and always gives a good spec or errors with paths', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => judge(value)),
      run,
    );
  });

  it('never throws on a good spec with members changed', () => {
    const mutation = fc.record({ place: fc.nat(), value: fc.jsonValue({ maxDepth: 2 }) });
    const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...goodSpecs), mutations, (spec, changes) =>
        judge(changes.reduce(mutate, spec)),
      ),
      run,
    );
  });

  it('never throws on what JSON does not have', () => {
    fc.assert(
      fc.property(
        fc.anything({ withNullPrototype: true, withSparseArray: true, withBigInt: true }),
        (value) => {
          judge(value);
          judge({
            issuer: value,
            algorithms: [value],
            jwks: { inline: value },
            requiredClaims: [value, value],
          });
        },
      ),
      run,
    );
  });
});

function judge(value: unknown): void {
  const decoded = decodeSpec(value);
  if (decoded.ok) {
    // What is good stays good and the same: defaults are filled in once.
    expect(decodeSpec(decoded.value)).toEqual(decoded);
    checkErrors(checkRules(decoded.value));
  } else {
    expect(decoded.errors.length).toBeGreaterThan(0);
    expect(decoded.errors.length).toBeLessThanOrEqual(20);
    checkErrors(decoded.errors);
  }
}

function checkErrors(errors: readonly FieldError[]): void {
  for (const { path, message } of errors) {
    expect(path).toMatch(/^spec($|[.[])/);
    expect(path.length + message.length).toBeLessThan(1000);
    expect(message).toMatch(/^\S.*[^.]$/);
  }
}

function mutate(spec: unknown, { place, value }: Mutation): unknown {
  const copy = { spec: structuredClone(spec) };
  const places = membersIn(copy);
  const [parent, name] = places[place % places.length] ?? [copy, 'spec'];
  Object.defineProperty(parent, name, { value, enumerable: true, configurable: true, writable: true });
  return copy.spec;
}

function membersIn(value: unknown): readonly (readonly [object, string])[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([name, member]) => [[value, name] as const, ...membersIn(member)]);
}
