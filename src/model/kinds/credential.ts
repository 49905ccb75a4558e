/** `Credential`: the token that a provider is called with. A document never holds the token, only where it is. */
import { Schema } from "effect"
import { onOneLine } from "../plain.ts"
import { rules, withDefault } from "./annotations.ts"
import { type Mistake, notAllowed } from "./mistakes.ts"
import { ObjectName, Status } from "./metadata.ts"

export const Provider = Schema.Literals(["cloudflare"]).annotate({
  description: "Whose API the token opens."
})

export const Account = Schema.String.check(
  onOneLine,
  Schema.isMaxLength(128, { expected: "128 characters at most" })
).annotate({
  description: "The provider's account, a note for people: it is not used to sign in."
})

const SecretKey = Schema.Struct({
  name: ObjectName.annotate({ description: "The name of the Secret." }),
  key: Schema.String.check(
    Schema.isPattern(/^[-._a-zA-Z0-9]+$/u, { expected: "the key of a Secret" }),
    Schema.isMaxLength(253, { expected: "253 characters at most" })
  ).annotate({ description: "The key in its data that holds the token." })
}).annotate({
  description:
    "A key of a Secret in the same namespace. It is followed: a new token works within seconds. Only in a cluster."
})

export const TokenSource = Schema.Struct({
  env: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/u, { expected: "the name of a variable" }),
      Schema.isMaxLength(128, { expected: "128 characters at most" })
    ).annotate({
      description:
        "An environment variable of the Driftless process, one that DRIFTLESS_CREDENTIAL_ENV lists. In a cluster: NotAllowed unless switched on there."
    })
  ),
  file: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[^/\p{Cc}\p{Cs}][^\p{Cc}\p{Cs}]*$/u, { expected: "a path relative to the directory" }),
      Schema.isMaxLength(1024, { expected: "1024 characters at most" })
    ).annotate({
      description:
        "A file below DRIFTLESS_CREDENTIAL_DIR, relative to it. In a cluster: NotAllowed unless switched on there."
    })
  ),
  secretRef: Schema.optionalKey(SecretKey)
}).annotate({
  description:
    "Where the token is: exactly one of env, file and secretRef. The token itself is never part of a document.",
  ...rules({
    rule: "[has(self.env), has(self.file), has(self.secretRef)].exists_one(given, given)",
    message: "name exactly one of env, file and secretRef"
  })
})

export const CredentialSpec = Schema.Struct({
  provider: Provider,
  account: withDefault(Account, ""),
  tokenFrom: TokenSource,
  status: withDefault(
    Status.annotate({ description: "inactive: nothing is read or written with this token." }),
    "active"
  )
}).annotate({ description: "What is asked for." })
export type CredentialSpec = typeof CredentialSpec.Type

/** Mistakes that no single field shows. */
export function credentialMistakes(spec: Readonly<Record<string, unknown>>): ReadonlyArray<Mistake> {
  const from = spec["tokenFrom"]
  if (typeof from !== "object" || from === null) return []
  const given = ["env", "file", "secretRef"].filter((key) => Object.hasOwn(from, key))
  if (given.length === 1) return []
  return [notAllowed("tokenFrom", `names ${given.length} sources; name one of env, file and secretRef`)]
}

/** What only a cluster can give. */
export const clusterMistakes = ({ tokenFrom }: CredentialSpec): ReadonlyArray<Mistake> =>
  tokenFrom.secretRef === undefined
    ? []
    : [notAllowed("tokenFrom.secretRef", "NotAllowed: a Secret can be read in a cluster only; use env or file here")]
