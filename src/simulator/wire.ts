/** How zones and records look on the wire. */
import type { JsonObject } from "./envelope.ts"
import { LIMITS } from "./plans.ts"
import { isProxiable } from "./validate.ts"
import type { StoredRecord, ZoneStore } from "./zone-store.ts"

/** How a null SRV target is written: both have been seen. */
export type NullTarget = "dot" | "false"

export const wireRecord = (record: StoredRecord, nullTarget: NullTarget): JsonObject => {
  const { data } = record
  const isNull = nullTarget === "false" && record.type === "SRV" && data?.["target"] === "."
  return {
    id: record.id,
    name: record.name,
    type: record.type,
    content: record.content,
    proxiable: isProxiable(record.type, record.content),
    proxied: record.proxied,
    ttl: record.ttl,
    settings: record.settings,
    meta: record.readOnly ? { read_only: true, email_routing: true } : {},
    comment: record.comment,
    tags: record.tags,
    created_on: record.createdOn,
    modified_on: record.modifiedOn,
    ...(record.commentModifiedOn !== undefined && { comment_modified_on: record.commentModifiedOn }),
    ...(record.tagsModifiedOn !== undefined && { tags_modified_on: record.tagsModifiedOn }),
    ...(record.privateRouting !== undefined && { private_routing: record.privateRouting }),
    ...(record.priority !== undefined && { priority: record.priority }),
    ...(data !== undefined && { data: isNull ? { ...data, target: false } : data })
  }
}

/** Whether Cloudflare is the zone's primary, or copies another's; only the first kind holds comments. */
export type ZoneType = "full" | "secondary"

export const wireZone = (
  { createdOn, id, name, settings }: ZoneStore,
  account: Account,
  type: ZoneType = "full"
): JsonObject => ({
  id,
  name,
  status: settings.status,
  paused: false,
  type,
  development_mode: 0,
  name_servers: ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
  original_name_servers: null,
  original_registrar: null,
  original_dnshost: null,
  created_on: createdOn,
  modified_on: createdOn,
  activated_on: settings.status === "active" ? createdOn : null,
  meta: { step: 2, custom_certificate_quota: 0, page_rule_quota: 3, phishing_detected: false },
  owner: { id: null, type: "user", email: null },
  account,
  permissions: ["#dns_records:edit", "#dns_records:read", "#zone:read"],
  plan: {
    id: settings.plan,
    name: LIMITS[settings.plan].name,
    price: 0,
    currency: "USD",
    frequency: "",
    is_subscribed: settings.plan !== "free",
    can_subscribe: true,
    legacy_id: settings.plan,
    legacy_discount: false,
    externally_managed: false
  }
})

export interface Account {
  readonly id: string
  readonly name: string
}
