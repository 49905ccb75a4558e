/**
 * Finds the zone that a domain is about: its credential, its id at the provider, and whether it is still the one
 * that the ledger was made on.
 *
 *   the domain                                   | then
 *   ---------------------------------------------|---------------------------------------------
 *   is inactive, or its binding or credential is | Blocked: nothing is written or deleted
 *   is not written as zones are, as SQL can      | Blocked: DomainInvalid, with what would be right
 *   has no binding                               | Blocked: NoProvider
 *   is bound to a provider other than cloudflare | Blocked: ProviderUnsupported
 *   has a token that cannot be had               | Blocked: what the credential says
 *   was bound to another provider or account     | Blocked: ProviderChanged, with the way out
 *   has a zone that the token does not see       | NotYet: ZoneNotFound, looked for again
 *   has a zone of another id than is written     | Blocked: ZoneMismatch; ProviderChanged once it was bound
 *   else                                         | its zone; looked up once and then remembered
 *
 * What is remembered holds for a name with a zone id: when either is changed, the database lets go of the token's
 * hash, and the zone is looked up again.
 */
import { Context, Duration, Effect, Layer, Result } from "effect"
import { sql } from "kysely"
import { Database } from "../../database/database.ts"
import { Secrets } from "../../database/secrets.ts"
import { type Claim, fence } from "../../database/work.ts"
import { type Account, DnsProvider, type Zone } from "../../providers/dns.ts"
import { normaliseDomain } from "../../model/dns/names.ts"
import type { Reason } from "../../model/reasons.ts"
import { Blocked, NotYet } from "../pass.ts"
import type { Binding } from "./facts.ts"
import { tokenOf } from "./store/credentials.ts"

/** Where a credential's provider is. A simulator serves only the credentials that are meant for it. */
export class Endpoints extends Context.Service<
  Endpoints,
  {
    /** `boundTo` names the provider in the binding of a zone, so that a ledger never meets another one. */
    of(tokenFrom: string | null): { readonly baseUrl: string | undefined; readonly boundTo: string }
  }
>()("driftless/reconcilers/dns/Endpoints") {
  static readonly layer = (baseUrl: string | undefined) =>
    Layer.succeed(Endpoints, { of: () => ({ baseUrl, boundTo: baseUrl ?? PUBLIC_API }) })
}

const PUBLIC_API = "https://api.cloudflare.com/client/v4"

export interface Located {
  readonly account: Account
  readonly zoneId: string
  readonly plan: string
  readonly zoneType: string
}

export const locate = Effect.fn("dns.locate")(function* (binding: Binding, claim: Claim) {
  yield* refuseOtherSpelling(binding)
  yield* refuseInactive(binding)
  const { baseUrl, boundTo } = (yield* Endpoints).of(binding.tokenFrom)
  if (binding.boundTo !== null && binding.boundTo !== boundTo) return yield* changed(binding, boundTo)
  const token = yield* tokenOf({ id: binding.keyId, api_token: binding.apiToken, token_from: binding.tokenFrom }).pipe(
    Effect.catchTag("CredentialUnavailable", ({ message, reason }) => Effect.fail(new Blocked({ reason, message })))
  )
  const tokenHash = (yield* Secrets).hash(token)
  const account: Account = { token, tokenHash, baseUrl }
  if (binding.boundTo !== null && binding.zoneId !== "" && binding.plan !== null && binding.tokenHash === tokenHash) {
    return { account, zoneId: binding.zoneId, plan: binding.plan, zoneType: binding.zoneType } satisfies Located
  }
  const zone = yield* (yield* DnsProvider).findZone(account, binding.domain, binding.zoneId)
  if (zone === null) return yield* notFound(binding)
  if (binding.boundAccount !== null && binding.boundAccount !== zone.account) {
    return yield* changed(binding, `${boundTo}, account ${zone.account}`)
  }
  if (binding.zoneId !== "" && binding.zoneId !== zone.id) {
    return yield* binding.boundTo === null ? mismatch(binding, zone) : changed(binding, `zone ${zone.id}`)
  }
  yield* remember(binding, zone, boundTo, tokenHash, claim)
  return { account, zoneId: zone.id, plan: zone.plan, zoneType: zone.type } satisfies Located
})

/** Not read as what it means: two rows could then be of one zone, and each would delete what the other asks for. */
const refuseOtherSpelling = ({ domain }: Binding) => {
  const name = normaliseDomain(domain)
  if (Result.isSuccess(name) && name.success === domain) return Effect.void
  const what = Result.isSuccess(name) ? `write it as ${name.success}` : name.failure.message
  return Effect.fail(new Blocked({ reason: "DomainInvalid", message: `the domain is written ${domain}: ${what}` }))
}

const refuseInactive = Effect.fnUntraced(function* (binding: Binding) {
  if (binding.domainStatus === "inactive") return yield* inactive("DomainInactive", `the domain ${binding.domain}`)
  if (binding.bindingId === null) {
    return yield* new Blocked({
      reason: "NoProvider",
      message: `no provider is bound to ${binding.domain}: give it a credential`
    })
  }
  if (binding.provider !== "cloudflare") {
    return yield* new Blocked({
      reason: "ProviderUnsupported",
      message: `the provider ${binding.provider} is not supported; only cloudflare is`
    })
  }
  if (binding.bindingStatus === "inactive") return yield* inactive("BindingInactive", "its provider binding")
  if (binding.keyStatus === "inactive") return yield* inactive("CredentialInactive", "its credential")
})

const inactive = (reason: Reason, what: string) =>
  new Blocked({
    reason,
    message: `${what} is inactive: nothing is written and nothing deleted until it is active again`
  })

const changed = ({ boundAccount, boundTo, domain, domainId, zoneId }: Binding, now: string) =>
  new Blocked({
    reason: "ProviderChanged",
    message:
      `${domain} was kept at ${boundTo ?? "another provider"}, account ${boundAccount ?? "unknown"}, zone ${zoneId}; ` +
      `now it would be ${now}. If that is meant, POST /api/v1/domains/update {"id": ${domainId}, "rebind": true} ` +
      "forgets what was ours there and begins anew"
  })

const mismatch = ({ domain, zoneId }: Binding, zone: Zone) =>
  new Blocked({
    reason: "ZoneMismatch",
    message: `the zone id given for ${domain} is ${zoneId}, but that zone's id is ${zone.id}; leave it empty to have it found`
  })

const notFound = ({ domain }: Binding) =>
  new NotYet({
    reason: "ZoneNotFound",
    message: `the token sees no zone ${domain}: create it at the provider, or give the token Zone:Read and DNS:Edit for it`,
    after: ZONE_RECHECK
  })

const ZONE_RECHECK = Duration.seconds(30)

/** Not where the name or the zone id has changed since they were read: the next pass looks up those. */
const remember = Effect.fnUntraced(function* (
  binding: Binding,
  zone: Zone,
  boundTo: string,
  tokenHash: string,
  claim: Claim
) {
  const { query, transaction } = yield* Database
  yield* transaction(
    "dns.remember",
    Effect.gen(function* () {
      const same = yield* query("dns.same", (db) =>
        sql`select from domains d join domain_dns_providers p on p.domain_id = d.id
          where d.id = ${binding.domainId} and d.domain = ${binding.domain}
            and p.id = ${binding.bindingId} and p.provider_zone_id = ${binding.zoneId}
          for share of d for no key update of p`.execute(db)
      )
      if (same.rows.length === 0) return
      yield* query("dns.bind", (db) =>
        sql`update domain_dns_providers set provider_zone_id = ${zone.id}, bound_to = ${boundTo},
          bound_account = ${zone.account}, updated_at = driftless_now()
          where id = ${binding.bindingId}
            and (provider_zone_id, bound_to, bound_account) is distinct from (${zone.id}, ${boundTo}, ${zone.account})`.execute(
          db
        )
      )
      yield* query("dns.zone", (db) =>
        sql`insert into dns_zones (domain_id, plan, zone_type, token_hash)
          values (${binding.domainId}, ${zone.plan}, ${zone.type}, ${tokenHash})
          on conflict (domain_id) do update set plan = excluded.plan, zone_type = excluded.zone_type,
            token_hash = excluded.token_hash`.execute(db)
      )
      yield* query("dns.nameServers", (db) =>
        sql`insert into domain_dns_zone_meta (domain_id, name_servers_json)
          values (${binding.domainId}, ${JSON.stringify(zone.nameServers)}::jsonb)
          on conflict (domain_id) do update set name_servers_json = excluded.name_servers_json`.execute(db)
      )
      yield* fence(claim, "remember")
    })
  )
})
