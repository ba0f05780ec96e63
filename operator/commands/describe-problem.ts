import { objectKey } from '../api/kubernetes-object.ts';
import type { Outcome } from '../policy/finding.ts';
import type { ManifestProblem } from '../standalone/manifest-file.ts';
import type { Manifests } from '../standalone/manifests.ts';

/** `policies/a.yaml:12: spec.issuer: …`, the form that editors and people know. */
export function describeProblem({ file, line, field, message }: ManifestProblem): string {
  return `${file}:${line}: ${field === undefined ? '' : `${field}: `}${message}`;
}

/** What compile found against policies, each with the place to mend. */
export function describeFindings(outcomes: readonly Outcome[], { locate }: Manifests): readonly string[] {
  return outcomes.flatMap((outcome) => {
    const key = objectKey(outcome);
    return [outcome.refusal, outcome.brokenRef]
      .filter((finding) => finding !== undefined)
      .map(({ reason, message, field = 'metadata.name' }) => {
        const place = locate(key, field);
        return `${place === undefined ? '' : `${place.file}:${place.line}: `}${key}: ${reason}: ${message}`;
      });
  });
}
