/**
 * From an object to rows: the same rows that the HTTP API writes, with the object's identity. Nothing here knows a
 * kind but by its row in the model. Refused, an object leaves the rows of its last good state as they are.
 *
 *   the object                                           | its problem
 *   -----------------------------------------------------|--------------------------------------
 *   has no meaning (what CEL could not see)              | Invalid
 *   names a variable or file, not switched on            | NotAllowed
 *   names an object that is not there                    | ReferenceMissing, until it is
 *   asks for a zone that another keeps                   | Conflict, naming that one
 *   asks for what was made otherwise, not handed over    | Conflict, naming the annotation
 *   changes what cannot be changed                       | Conflict
 *   else                                                 | none: its rows are as it asks
 */
import { Effect, Result } from "effect"
import type { Claim } from "../../database/work.ts"
import { API_VERSION } from "../../model/kinds/metadata.ts"
import { parseDocument } from "../../model/kinds/kinds.ts"
import type { Mistake } from "../../model/kinds/mistakes.ts"
import type { KubeObject } from "../../providers/kubernetes.ts"
import { finishDeletions } from "../dns/store/manifest-deletions.ts"
import { markDeleted, markRowsAbsent } from "../dns/store/manifest-table.ts"
import * as manifests from "../dns/store/manifests.ts"
import type { Refused } from "../dns/store/refusal.ts"
import { ADOPT, fingerprintOf, isAnnotated, type ObjectKey } from "./objects.ts"
import { secretRefOf } from "./secret.ts"
import { fenced, type Known, type Problem, quiet, remember } from "./store.ts"
import type { Outcome } from "./tell.ts"

export interface IntakeOptions {
  /** What `tokenFrom` of an object may name besides a Secret. */
  readonly credentialSources: ReadonlyArray<"env" | "file">
}

/** Writes the rows of an object that stands otherwise than it was looked at last. */
export const take = Effect.fn("kubernetes.take")(function* (
  options: IntakeOptions,
  claim: Claim,
  key: ObjectKey,
  object: KubeObject,
  before: Known | undefined
) {
  const document = documentOf(key, object)
  const wrong = flawOf(options, document)
  if (wrong !== undefined) return yield* refuse(claim, key, object, before, wrong)
  if (before !== undefined && isTaken(before, object)) return before
  const generation = object.metadata.generation ?? 1
  return yield* fenced(
    claim,
    "take",
    Effect.gen(function* () {
      const made = yield* manifests.applyObject(document, { generation, adopt: isAnnotated(object, ADOPT) })
      yield* remember(key, object, undefined, made)
      yield* quiet(made)
      return { manifestId: made ?? null, problem: undefined } satisfies Outcome as Outcome
    })
  ).pipe(Effect.catchTag("Refused", (refused) => refuse(claim, key, object, before, problemOf(refused))))
})

/** What was written is what is asked for; a problem of its Secret is looked at elsewhere. */
const isTaken = (before: Known, object: KubeObject): boolean =>
  before.fingerprint === fingerprintOf(object) &&
  before.manifestId !== null &&
  (before.problem === undefined || (secretRefOf(object) !== undefined && SECRET_PROBLEMS.has(before.problem.reason)))

const SECRET_PROBLEMS = new Set<Problem["reason"]>(["NotAllowed", "TokenMissing", "TokenUnreadable"])

const refuse = Effect.fnUntraced(function* (
  claim: Claim,
  key: ObjectKey,
  object: KubeObject,
  before: Known | undefined,
  problem: Problem
) {
  const isKnown = before !== undefined && before.fingerprint === fingerprintOf(object)
  if (isKnown && before.problem?.reason === problem.reason && before.problem.message === problem.message) return before
  // Made anew under its name as something that the old one cannot become: the old one goes first.
  const isReplaced = before !== undefined && before.madeBy !== object.metadata.uid && problem.reason === "Conflict"
  yield* fenced(
    claim,
    "refuse",
    Effect.gen(function* () {
      if (isReplaced && before.manifestId !== null) {
        yield* markDeleted(before.manifestId)
        yield* markRowsAbsent(before.manifestId)
        yield* finishDeletions()
      }
      yield* remember(key, object, problem)
    })
  )
  return { manifestId: before?.manifestId ?? null, problem } satisfies Outcome as Outcome
})

/** What of an object is ours to judge: labels and annotations of others are not. */
const documentOf = ({ kind, name, namespace }: ObjectKey, { spec }: KubeObject) => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name, namespace },
  spec
})

/** What is wrong with it by itself. */
function flawOf({ credentialSources }: IntakeOptions, input: ReturnType<typeof documentOf>): Problem | undefined {
  const parsed = parseDocument(input)
  if (Result.isFailure(parsed)) return { reason: "Invalid", message: sentencesOf(parsed.failure), stalled: true }
  if (parsed.success.kind !== "Credential") return undefined
  const { tokenFrom } = parsed.success.spec
  const source = (["env", "file"] as const).find((each) => tokenFrom[each] !== undefined)
  return source === undefined || credentialSources.includes(source)
    ? undefined
    : {
        reason: "NotAllowed",
        message: `spec.tokenFrom.${source} is not allowed for objects of a cluster: use secretRef, or switch it on with DRIFTLESS_KUBERNETES_CREDENTIAL_SOURCES`,
        stalled: true
      }
}

const sentencesOf = (mistakes: ReadonlyArray<Mistake>): string =>
  mistakes
    .map(({ message, path }) => (path === "" ? message : `${path}: ${message}`))
    .join("; ")
    .slice(0, MOST_MESSAGE)

const problemOf = ({ code, message, mistakes, reason }: Refused): Problem => {
  const found = reason ?? (code === 3003 ? "Conflict" : "Invalid")
  return {
    reason: found,
    message: (mistakes.length === 0 ? message : sentencesOf(mistakes)).replaceAll("documents[0].", ""),
    stalled: found !== "ReferenceMissing"
  }
}

const MOST_MESSAGE = 2048
