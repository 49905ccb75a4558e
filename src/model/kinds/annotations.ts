/**
 * What the definition of a kind says beside its types: a default, and rules that a Kubernetes API server judges an
 * object by. A rule says in CEL what a `…Mistakes` function of the same file says here, as far as CEL can say it; it
 * never refuses what that function takes, so the same documents work with and without a cluster.
 */
import { Effect, Schema } from "effect"

/** https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules */
export interface Rule {
  /** CEL; `self` is what it is annotated to. It holds for what is right. */
  readonly rule: string
  readonly message: string
  /** CEL that gives a text which names what is wrong; `message` is shown where it cannot be had. */
  readonly messageExpression?: string
  /** The field that a mistake is shown at, such as `.values`. */
  readonly fieldPath?: string
}

export const rules = (...all: ReadonlyArray<Rule>) => ({ "x-kubernetes-validations": all })

/** A key that may be left out, and what stands there then; also the `default` of its definition. */
export const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]): Schema.withDecodingDefaultKey<S> =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(value))(schema.annotate({ default: value }) as S)
