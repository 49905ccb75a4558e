/**
 * Every reason that a condition, a rejected record or a metric label may carry. CamelCase and stable: dashboards and
 * scripts depend on them. The table in docs/operations.md is generated from here.
 */
export const reasons = {
  // Of an object that is as asked for, or on its way.
  Converged: "Everything is as asked for.",
  Usable: "The credential has a token that can be read.",
  Absent: "Nothing of it is left at the provider, as asked for.",
  Pending: "A change waits for its turn.",
  Converging: "A change is being made.",
  Deleting: "Its deletion was asked for; it goes when the provider has confirmed it.",

  // Of a domain: a person has to act.
  NoProvider: "No provider is bound to the domain. Give it a credential.",
  DomainInvalid: "The domain is not written the way its zone is named; the message says what would be right.",
  DomainInactive: "The domain is inactive: nothing is written and nothing deleted.",
  BindingInactive: "The domain's provider binding is inactive: nothing is written and nothing deleted.",
  CredentialInactive: "The credential is inactive: nothing is written and nothing deleted.",
  ProviderUnsupported: "The provider is not one that Driftless can talk to.",
  ProviderChanged: "The zone was kept at another provider, account or zone. Rebind the domain if that is meant.",
  ZoneMismatch: "The zone id that was given is not that of the domain's zone.",
  NotAllowed: "The credential names a variable or file that may not be used.",
  TokenMissing: "The credential's token is not there.",
  TokenUnreadable: "The credential's token cannot be decrypted or is none.",
  CredentialRejected: "The provider refused the token. It is tried again every minute.",
  DeletionsHeld: "More deletions than maxDeletions wait for a confirmation.",
  RecordsRejected: "Some records of the zone were rejected; each says why.",

  // Of a domain: time helps.
  ZoneNotFound: "The token sees no zone of that name yet. It is looked for every 30 seconds.",
  RateLimited: "The provider's rate limit, or our share of it, is used up.",
  ProviderUnavailable:
    "The provider does not answer, or with errors of its own. On a record: its change alone meets them.",
  QuotaExceeded: "The zone's record quota is used up: creates wait, the rest goes on.",
  Paused: "The process stood still before a change was sent; the change is planned anew.",
  TimedOut: "A pass took longer than it may.",
  Failed: "A pass failed, often because the database did not answer.",
  InternalError: "A defect of Driftless. The log has it under the object's key.",

  // Of a pass, as a label of metrics alone.
  FenceLost: "A pass ended without a word on its object: another process has its key and goes on, or it was cut off.",

  // Of an object of a cluster.
  Invalid: "The object has no meaning as it stands; the message says what would be right.",
  ReferenceMissing:
    "The object names another one that is not there, or is being deleted. It proceeds once that one is there.",
  ClusterUnavailable: "The API server of the cluster does not answer, or refuses; the message has its words.",

  // Of a record.
  RejectedByProvider: "The provider refused the record; its code and text are in the message.",
  InvalidRecord: "The record has no meaning as it stands; the message says what would be right.",
  Conflict: "An older record asks for the same with other settings, or for what it cannot stand beside.",
  HeldBySomeoneElse: "A record that is not ours stands there. It proceeds at once when that one is gone.",
  ReservedByProvider: "The provider keeps that record itself."
} as const satisfies Record<string, string>

export type Reason = keyof typeof reasons
