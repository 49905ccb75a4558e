/** The rights of a service account, as its roles give them and as the API server's audit log says they were used. */
import { Schema } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { json } from "../kubectl.ts"

const Role = Schema.Struct({
  rules: Schema.Array(
    Schema.Struct({
      apiGroups: Schema.Array(Schema.String),
      resources: Schema.Array(Schema.String),
      verbs: Schema.Array(Schema.String)
    })
  )
})
const Bindings = Schema.Struct({
  items: Schema.Array(
    Schema.Struct({
      metadata: Schema.Struct({ namespace: Schema.optionalKey(Schema.String) }),
      roleRef: Schema.Struct({ kind: Schema.String, name: Schema.String }),
      subjects: Schema.optionalKey(
        Schema.Array(Schema.Struct({ name: Schema.String, namespace: Schema.optionalKey(Schema.String) }))
      )
    })
  )
})

/** `verb group/resource`, each once, sorted. */
type Rights = ReadonlyArray<string>

const sorted = (rights: Iterable<string>): Rights => [...new Set(rights)].toSorted()

export const granted = async (namespace: string, account: string): Promise<Rights> => {
  const { items } = Schema.decodeUnknownSync(Bindings)(await json(["get", "rolebindings,clusterrolebindings", "-A"]))
  const ours = items.filter(({ subjects = [] }) =>
    subjects.some((subject) => subject.name === account && subject.namespace === namespace)
  )
  const roles = await Promise.all(
    ours.map(async ({ metadata, roleRef }) => {
      const where = roleRef.kind === "Role" ? ["-n", metadata.namespace ?? namespace] : []
      return Schema.decodeUnknownSync(Role)(await json(["get", roleRef.kind, roleRef.name, ...where]))
    })
  )
  return sorted(
    roles.flatMap(({ rules }) =>
      rules.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`))
        )
      )
    )
  )
}

const Line = Schema.fromJsonString(
  Schema.Struct({
    verb: Schema.String,
    user: Schema.Struct({ username: Schema.String }),
    objectRef: Schema.optionalKey(
      Schema.Struct({
        resource: Schema.optionalKey(Schema.String),
        subresource: Schema.optionalKey(Schema.String),
        apiGroup: Schema.optionalKey(Schema.String)
      })
    )
  })
)

type Asked = typeof Line.Type

/** The log from its beginning: at 100 MB the API server puts it aside under its name and a time. */
const parts = (auditLog: string): ReadonlyArray<string> => {
  const [folder, name] = [dirname(auditLog), basename(auditLog)]
  const aside = readdirSync(folder).filter((other) => other.startsWith(`${name}-`))
  return [...aside.toSorted().map((other) => join(folder, other)), auditLog]
}

/** What an account asked for so far, where a resource is named; discovery names none. */
const asked = (auditLog: string, namespace: string, account: string): ReadonlyArray<Asked> => {
  const user = `system:serviceaccount:${namespace}:${account}`
  return parts(auditLog)
    .flatMap((part) => readFileSync(part, "utf8").split("\n").slice(0, -1))
    .filter((line) => line.includes(user))
    .map((line) => Schema.decodeSync(Line)(line))
    .filter(({ objectRef, user: { username } }) => username === user && objectRef?.resource !== undefined)
}

const rightOf = ({ objectRef: { apiGroup = "", resource = "", subresource } = {}, verb }: Asked) =>
  subresource === undefined ? `${verb} ${apiGroup}/${resource}` : `${verb} ${apiGroup}/${resource}/${subresource}`

/** Refused requests count, too: they were wanted. */
export const used = (auditLog: string, namespace: string, account: string): Rights =>
  sorted(asked(auditLog, namespace, account).map(rightOf))

/** Each write so far, as a right, in order; but for the Lease, which is renewed for ever. */
export const writes = (auditLog: string, namespace: string, account: string): ReadonlyArray<string> =>
  asked(auditLog, namespace, account)
    .filter(({ objectRef, verb }) => /^(?:create|update|patch|delete)/u.test(verb) && objectRef?.resource !== "leases")
    .map(rightOf)
