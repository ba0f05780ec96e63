import { objectKey, type UntypedObject } from '../api/kubernetes-object.ts';
import type { Inputs } from '../policy/inputs.ts';
import type { Judge, Judged } from '../policy/judge-policy.ts';
import { namedConfigMaps, namedServices } from '../policy/named-objects.ts';

/**
 * Judges again only what has changed: in a cluster of ten thousand policies each status that is written changes one of
 * them. Objects, their texts and the rest of the inputs are told apart by identity, since nobody changes them in place.
 */
export function rememberJudgements(judge: Judge): Judge {
  const memory = new WeakMap<UntypedObject, { readonly grounds: Grounds; readonly judged: Judged }>();
  return (source, inputs) => {
    const grounds = [source.problem, ...groundsOf(source.object, inputs)];
    const known = memory.get(source.object);
    if (known !== undefined && isSame(known.grounds, grounds)) return known.judged;
    const judged = judge(source, inputs);
    memory.set(source.object, { grounds, judged });
    return judged;
  };
}

type Grounds = readonly unknown[];

/** All that a policy is judged by, beside itself; what inputs will hold in the future is among it. */
function groundsOf(object: UntypedObject, { policies: _, configMaps, services, ...rest }: Inputs): Grounds {
  return [
    ...Object.values(rest),
    ...namedConfigMaps(object).map((name) => configMaps.get(objectKey(name))),
    ...namedServices(object).map((name) => services.get(objectKey(name))),
  ];
}

function isSame(before: Grounds, now: Grounds): boolean {
  return before.length === now.length && before.every((ground, index) => Object.is(ground, now[index]));
}
