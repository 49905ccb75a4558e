/** Writing one record: create, overwrite, update, delete. Each refuses before it changes anything of the zone. */
import type { DuplicateCode } from "./conflicts.ts"
import { refuseConflicts, refuseLonelyDs } from "./conflicts.ts"
import type { JsonObject } from "./envelope.ts"
import { invalid, Refusal, UNKNOWN_REASON } from "./envelope.ts"
import { fullName } from "./names.ts"
import * as validate from "./validate.ts"
import { RECORD_TYPES, recordValue } from "./values.ts"
import type { StoredRecord, ZoneStore } from "./zone-store.ts"

/** All that a write takes from outside the zone. */
export interface WriteContext {
  /** ISO 8601. */
  readonly now: string
  readonly newId: () => string
  readonly duplicateCode: DuplicateCode
}

export const create = (zone: ZoneStore, body: JsonObject, context: WriteContext): StoredRecord => {
  const record = built(zone, body, { id: context.newId(), createdOn: context.now }, context)
  refuseConflicts(zone, record, context.duplicateCode)
  if (zone.quota !== null && zone.size >= zone.quota) throw new Refusal(400, 81045, "Record quota exceeded.")
  zone.put(record)
  return record
}

/** Replaces the whole record; what is not given falls back to its default. */
export const overwrite = (zone: ZoneStore, id: string, body: JsonObject, context: WriteContext): StoredRecord =>
  replace(zone, writable(zone, id), body, context)

/** Changes only what is given. The new value has to be valid for the type that results. */
export const update = (zone: ZoneStore, id: string, body: JsonObject, context: WriteContext): StoredRecord => {
  const before = writable(zone, id)
  const { content, data, priority } = before
  const current: JsonObject = {
    type: before.type,
    name: before.name,
    ttl: before.ttl,
    proxied: before.proxied,
    comment: before.comment,
    tags: before.tags,
    settings: before.settings,
    private_routing: before.privateRouting,
    // A value belongs to its type: with another type it has to be given anew.
    ...((body["type"] ?? before.type) === before.type && { content, data, priority })
  }
  if (body["content"] !== undefined && data !== undefined && body["data"] === undefined) {
    throw invalid(9101, "data is a required field.")
  }
  return replace(zone, before, { ...current, ...body }, context)
}

export const remove = (zone: ZoneStore, id: string): StoredRecord => {
  const record = writable(zone, id)
  zone.transaction(() => {
    zone.remove(id)
    refuseLonelyDs(zone, record)
  })
  return record
}

export const existing = (zone: ZoneStore, id: string): StoredRecord => {
  const record = zone.get(id)
  if (record === undefined) throw new Refusal(404, 81044, "Record does not exist.")
  return record
}

const writable = (zone: ZoneStore, id: string): StoredRecord => {
  const record = existing(zone, id)
  if (record.readOnly) throw invalid(UNKNOWN_REASON, "This record is managed by Cloudflare and is read-only.")
  return record
}

const replace = (zone: ZoneStore, before: StoredRecord, body: JsonObject, context: WriteContext): StoredRecord => {
  const record = built(zone, body, before, context)
  refuseConflicts(zone, record, context.duplicateCode)
  zone.transaction(() => {
    zone.put(record)
    refuseLonelyDs(zone, before)
  })
  return record
}

const built = (
  zone: ZoneStore,
  body: JsonObject,
  before: Partial<StoredRecord> & Pick<StoredRecord, "id" | "createdOn">,
  { now }: WriteContext
): StoredRecord => {
  const { plan } = zone.settings
  const { name: givenName, type } = body
  if (typeof type !== "string" || !RECORD_TYPES.includes(type)) {
    throw invalid(UNKNOWN_REASON, `DNS record type ${JSON.stringify(type)} is invalid.`)
  }
  if (typeof givenName !== "string") throw invalid(9000, "DNS name is invalid: it is required.")
  const name = fullName(givenName, zone.name)
  const value = recordValue(type, name, body)
  const proxied = validate.proxied(body["proxied"], type, value.content)
  const comment = validate.comment(body["comment"], plan)
  const tags = validate.tags(body["tags"], plan)
  const privateRouting = body["private_routing"]
  const commentModifiedOn = comment === (before.comment ?? null) ? before.commentModifiedOn : now
  const tagsModifiedOn = tags.join() === (before.tags ?? []).join() ? before.tagsModifiedOn : now
  return {
    id: before.id,
    type,
    name,
    ...value,
    ttl: validate.ttl(body["ttl"], proxied, plan),
    proxied,
    comment,
    tags,
    settings: validate.settings(body["settings"], type),
    ...(typeof privateRouting === "boolean" && { privateRouting }),
    readOnly: false,
    createdOn: before.createdOn,
    modifiedOn: now,
    ...(commentModifiedOn !== undefined && { commentModifiedOn }),
    ...(tagsModifiedOn !== undefined && { tagsModifiedOn })
  }
}
