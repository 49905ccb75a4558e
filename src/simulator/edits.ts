/**
 * Changes made behind the client's back: a person in the dashboard, another tool, Cloudflare itself. They take what they
 * are given, word for word and without a limit or a check, so that any content the API has been seen to return can be
 * put there, and records that are read-only or another's.
 */
import { Result, Schema } from "effect"
import { Refusal } from "./envelope.ts"
import { fullName } from "./names.ts"
import { recordValue } from "./values.ts"
import type { StoredRecord, ZoneStore } from "./zone-store.ts"

const Fields = {
  content: Schema.optionalKey(Schema.String),
  data: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  priority: Schema.optionalKey(Schema.Int),
  /** Seconds; 1 is automatic and the default. */
  ttl: Schema.optionalKey(Schema.Int),
  proxied: Schema.optionalKey(Schema.Boolean),
  comment: Schema.optionalKey(Schema.NullOr(Schema.String)),
  tags: Schema.optionalKey(Schema.Array(Schema.String)),
  settings: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  readOnly: Schema.optionalKey(Schema.Boolean)
}

export const Edit = Schema.Union([
  Schema.Struct({
    op: Schema.Literal("create"),
    zone: Schema.String,
    record: Schema.Struct({ type: Schema.String, name: Schema.String, ...Fields })
  }),
  Schema.Struct({
    op: Schema.Literal("edit"),
    zone: Schema.String,
    id: Schema.String,
    fields: Schema.Struct({
      type: Schema.optionalKey(Schema.String),
      name: Schema.optionalKey(Schema.String),
      ...Fields
    })
  }),
  Schema.Struct({ op: Schema.Literal("delete"), zone: Schema.String, id: Schema.String })
])
export type Edit = typeof Edit.Type

export interface EditContext {
  /** ISO 8601. */
  readonly now: string
  readonly newId: () => string
}

/** Applies an edit and returns the record as it is afterwards, or as it was deleted. */
export const applyEdit = (zone: ZoneStore, edit: Edit, { newId, now }: EditContext): StoredRecord => {
  if (edit.op === "create") {
    const { content = "", name, type, ...rest } = edit.record
    const defaults = { ttl: 1, proxied: false, comment: null, tags: [], settings: {}, readOnly: false }
    const stamps = { createdOn: now, modifiedOn: now }
    const record = { ...defaults, ...rest, ...stamps, id: newId(), type, content, name: fullName(name, zone.name) }
    return put(zone, { ...record, identity: content })
  }
  const before = zone.get(edit.id)
  if (before === undefined) throw new Refusal(404, 81044, `No record ${edit.id} in ${zone.name}.`)
  if (edit.op === "delete") {
    zone.remove(before.id)
    return before
  }
  const name = fullName(edit.fields.name ?? before.name, zone.name)
  return put(zone, { ...before, ...edit.fields, name, modifiedOn: now })
}

const put = (zone: ZoneStore, record: StoredRecord): StoredRecord => {
  const identified = { ...record, identity: identityOf(record) }
  zone.put(identified)
  return identified
}

/** What the API would compare; content that it would never have taken is compared as it stands. */
const identityOf = ({ content, data, name, priority, type }: StoredRecord): string =>
  Result.getOrElse(
    Result.try(() => recordValue(type, name, { content, data, priority }).identity),
    () => content
  )
