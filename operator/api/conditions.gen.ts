// Generated from crds/mcpauthpolicies.yaml by `npm run generate`; do not edit.

/** Every condition type, in the order in which they are shown. */
export const CONDITION_TYPES = [
  /** The spec is valid and this policy owns its resource. */
  'Accepted',
  /** Every object that the policy names exists and parses. */
  'ResolvedRefs',
  /**
   * Usable keys are held, or the API server answers our reviews. Stays true through an outage of the issuer
   * while the keys may be used.
   */
  'IssuerReady',
  /**
   * Every live replica enforces this generation with the objects it names and the administrator's
   * configuration.
   */
  'Programmed',
  /**
   * The last self-test of this configuration passed: a good token was let in and every bad one was refused
   * for its own reason.
   */
  'Verified',
  /** All of the above. The one to wait for. */
  'Ready',
  /** Present and true while the operator works towards Ready. */
  'Reconciling',
  /** Present and true when only a change of the spec, or of what an administrator decides, can help. */
  'Stalled',
] as const;

export type ConditionType = (typeof CONDITION_TYPES)[number];

/** The reasons that each condition type has of its own. */
export const REASONS = {
  Accepted: [
    /** The spec is valid and this policy owns its resource. */
    'Accepted',
    /** A field of the spec is wrong; the message names it and the fix. */
    'Invalid',
    /** An older policy owns the resource. */
    'Conflicted',
    /** The administrator does not allow this issuer in this namespace. */
    'IssuerNotAllowed',
    /** An audience is one that the administrator, or the cluster's API server, keeps for itself. */
    'AudienceForbidden',
    /** The resource is not under a URL that belongs to this namespace. */
    'ResourceNotAllowed',
    /**
     * The namespace has more policies, or names larger ConfigMap values, than the administrator allows; the
     * newest are refused.
     */
    'LimitExceeded',
    /** This version, or this way of running the operator, cannot do what the spec asks. */
    'Unsupported',
  ],
  ResolvedRefs: [
    /** Every named object was found and parses, or none is named. */
    'Resolved',
    /** A named object, or the key in it, does not exist. */
    'RefNotFound',
    /** A named object exists but is not what it must be, or does not hold what it must. */
    'InvalidRef',
  ],
  IssuerReady: [
    /** Usable keys are held. */
    'KeysLoaded',
    /** Mode TokenReview: the API server answers the operator's reviews. */
    'Answered',
    /** The host of the issuer, or of its keys, could not be resolved. */
    'DNSFailure',
    /** The TLS connection failed; often the certificate is not from a trusted authority. */
    'TLSFailure',
    /** The answer did not come in time. */
    'Timeout',
    /** The connection failed or the answer was not a success. */
    'HTTPError',
    /** The answer is not the document that it must be. */
    'InvalidDocument',
    /** The metadata names another issuer. */
    'IssuerMismatch',
    /** The administrator's outbound rules do not allow the connection. */
    'AddressNotAllowed',
    /** The document is larger than is read. */
    'TooLarge',
    /** The key set holds no key that fits the accepted algorithms. */
    'NoUsableKeys',
    /** The issuer has not answered for so long that its keys are no longer used. */
    'KeysStale',
    /** The API server does not let the operator review tokens, or read the cluster's own keys. */
    'Forbidden',
    /** Not tried yet. */
    'Pending',
  ],
  Programmed: [
    /** Every live replica enforces this generation. */
    'Enforced',
    /** Not every replica enforces this generation yet. */
    'Pending',
    /** Nothing but a refusal is enforced, because an earlier condition is false. */
    'NotReady',
  ],
  Verified: [
    /** A good token was let in and every bad one was refused for its own reason. */
    'Passed',
    /** A case of the self-test failed; `status.verification.failed` names it. */
    'SelfTestFailed',
    /** The self-test of this configuration has not run. */
    'Pending',
  ],
  Ready: [
    /** Everything holds. */
    'Ready',
  ],
  Reconciling: [],
  Stalled: [],
} as const;

export type Reason = (typeof REASONS)[ConditionType][number];

/** The reasons a condition of this type can have; one that sums up others can have theirs. */
export type ReasonOf<T extends ConditionType> =
  T extends 'Ready' | 'Reconciling' | 'Stalled' ? Reason : (typeof REASONS)[T][number];
