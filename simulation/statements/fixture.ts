/**
 * What stands in the database before two transactions meet, and what the passes among them have found out. The lease on
 * every key is A's and has run out; nobody has taken any over yet. Each side has a clock of its own, so that a time in a
 * row tells who wrote it.
 */
import type { Claim } from "../../src/database/work.ts"
import { parseDesired } from "../../src/model/dns/value.ts"
import type { KubeObject, ObjectMeta } from "../../src/providers/kubernetes.ts"
import { Operation, type Plan } from "../../src/reconcilers/dns/operation.ts"
import type { Observed, Row } from "../../src/reconcilers/dns/view.ts"
import type { Wanted } from "../../src/reconcilers/dns/wanted.ts"
import type { ObjectKey } from "../../src/reconcilers/kubernetes/objects.ts"
import type { Known } from "../../src/reconcilers/kubernetes/store.ts"
import { Result } from "effect"

/** By the clock of the fixture, of the first side and of the second; milliseconds. */
export const CLOCKS = [0, 1000, 2000].map((millis) => Date.parse("2030-01-01T00:00:00Z") + millis)
export const clockOf = (index: number) => `set driftless.now = '${new Date(CLOCKS[index] ?? 0).toISOString()}'`

const TABLES = [
  "reconcile_work",
  "reconcile_conditions",
  "kubernetes_objects",
  "dns_records",
  "dns_ledger",
  "dns_tombstones",
  "dns_zones",
  "domain_dns_zone_meta",
  "domain_dns_providers",
  "domains",
  "api_keys",
  "manifests",
  "api_budgets"
]

/** What the rows of many orders have left behind. Takes too long for each of them. */
export const EMPTY = `truncate ${TABLES.join(", ")} cascade`

/**
 * The work rows come with the deferred triggers, which are let go first. Row 1 was rejected; rows 4 and 6 are absent and
 * their records stand; of row 2 an intent is open; one permit is left. Of the cluster there are the Domain `kept`, which
 * is zone 1, with its DnsRecord `rec`, which is row 5, and with `old`, which is row 6 and on its way out; and the Domain
 * `empty`, which is zone 2.
 */
export const FIXTURE = `
  ${clockOf(0)};
  set session_replication_role = replica;
  ${TABLES.map((table) => `delete from ${table}`).join("; ")};
  set session_replication_role = origin;
  select setval(seqrelid::regclass, seqstart, false) from pg_sequence;
  insert into api_keys (name) values ('k');
  insert into manifests (kind, namespace, name, spec, deleted_at) values
    ('Domain', 'ns', 'kept', '{"domain": "zone1.test"}', null), ('DnsRecord', 'ns', 'rec', '{"domainRef": {"name": "kept"}}', null),
    ('DnsRecord', 'ns', 'old', '{"domainRef": {"name": "kept"}}', driftless_now()), ('Domain', 'ns', 'empty', '{"domain": "zone2.test"}', null);
  insert into kubernetes_objects (kind, namespace, name, uid, generation, resource_version, fingerprint, manifest_id, made_by)
    select kind, namespace, name, 'u' || id, 1, '1', 'before', id, 'u' || id from manifests;
  insert into domains (domain, manifest_id) values ('zone1.test', 1), ('zone2.test', 4);
  insert into domain_dns_providers (domain_id, api_key_id) values (1, 1), (2, 1);
  insert into dns_zones (domain_id, plan) values (1, 'enterprise'), (2, 'enterprise');
  insert into dns_records (domain_id, type, name, value, desired_state, provider_record_id, manifest_id) values
    (1, 'A', 'a', '192.0.2.1', 'present', '', null), (1, 'A', 'b', '192.0.2.2', 'present', '', null),
    (1, 'A', 'c', '192.0.2.3', 'present', '', null), (1, 'A', 'd', '192.0.2.4', 'absent', 'r4', null),
    (1, 'A', 'e', '192.0.2.5', 'present', '', 2), (1, 'A', 'f', '192.0.2.6', 'absent', 'r6', 3);
  insert into dns_ledger (domain_id, provider_record_id, type, name, value) values
    (1, null, 'A', 'b.zone1.test', '192.0.2.2'), (1, 'r4', 'A', 'd.zone1.test', '192.0.2.4'),
    (1, 'r6', 'A', 'f.zone1.test', '192.0.2.6'), (1, 'r9', 'A', 'g.zone1.test', '192.0.2.9');
  insert into dns_tombstones (domain_id, provider_record_id, type, name, value, clean_since) values
    (1, 'r8', 'A', 'h.zone1.test', '192.0.2.8', driftless_now() - interval '1 hour');
  set constraints all immediate;
  update dns_records set rejected_generation = 1, retry_count = 1, next_retry_at = driftless_now() + interval '1 hour' where id = 1;
  insert into reconcile_work (reconciler, key, due_at) select 'kubernetes', key, driftless_now()
    from unnest(array['Domain/ns/empty', 'Domain/ns/kept', 'DnsRecord/ns/new', 'DnsRecord/ns/old', 'DnsRecord/ns/rec']) as key
    on conflict do nothing;
  update reconcile_work set owner = 'A', fence = 5, epoch = driftless_epoch(), generation = 1, priority = 0, due_at = driftless_now() - interval '1 second';
  insert into api_budgets (token_hash, capacity, used, window_ends_at) values ('t', 10, 7, driftless_now() + interval '1 hour')`

export const claimOf = (epoch: string, reconciler: string, key: string): Claim => ({
  reconciler,
  key,
  generation: 1,
  owner: "A",
  fence: 5,
  epoch,
  attempts: 1,
  takeover: false,
  waited: 0
})

const row = (id: number, name: string, recordId = "", present = true): Row => ({
  id,
  type: "A",
  name,
  value: `192.0.2.${id}`,
  ttl: 120,
  proxied: false,
  comment: null,
  present,
  generation: 1,
  observedGeneration: 0,
  changedAt: 0,
  drifted: false,
  recordId,
  rejection: null
})

const record = (id: string, name: string, last: number): Observed => ({
  id,
  type: "A",
  name: `${name}.zone1.test`,
  text: `192.0.2.${last}`,
  ttl: 120,
  proxied: false,
  instance: null,
  comment: "",
  readOnly: false
})

const entry = (id: number, recordId: string | null, name: string, last: number) => ({
  id,
  recordId,
  type: "A",
  name: `${name}.zone1.test`,
  text: `192.0.2.${last}`
})

/** What a list told: rows 2, 3 and 5 stand, row 1 is refused, row 4 is done; one record vanished, one stays away. */
export const PLAN: Plan = {
  operations: [],
  settled: [
    { row: row(5, "e"), recordId: "r5" },
    { row: row(3, "c"), recordId: "r3" },
    { row: row(2, "b"), recordId: "r2" }
  ],
  refusals: [{ row: row(1, "a"), reason: "HeldBySomeoneElse", message: "somebody else keeps it" }],
  gone: [row(4, "d", "r4", false)],
  adopted: [{ record: record("r2", "b", 2), entry: entry(1, null, "b", 2) }],
  released: [],
  drift: [],
  deletionsHeld: 0,
  foreign: 0,
  vanished: [entry(4, "r9", "g", 9)],
  clean: [],
  reappeared: [],
  over: [{ ...entry(1, "r8", "h", 8), cleanSince: 0 }]
}

const wanted = (of: Row): Wanted => ({
  key: `A ${of.name}.zone1.test ${of.value}`,
  type: "A",
  name: `${of.name}.zone1.test`,
  value: Result.getOrThrow(parseDesired("A", of.value)),
  text: of.value,
  ttl: 120,
  proxied: false,
  comment: null,
  rows: [of]
})

/** What a batch asked for: row 2 is made, and what rows 4 and 6 had goes. */
export const OPERATIONS: ReadonlyArray<Operation> = [
  Operation.Delete({ record: record("r6", "f", 6), leaving: [row(6, "f", "r6", false)] }),
  Operation.Delete({ record: record("r4", "d", 4), leaving: [row(4, "d", "r4", false)] }),
  Operation.Post({ wanted: wanted(row(2, "b")), comment: undefined })
]
export const MADE = record("r2", "b", 2)

export interface Seen {
  readonly key: ObjectKey
  readonly object: KubeObject
  readonly before: Known | undefined
}

const seen = (kind: ObjectKey["kind"], name: string, manifestId: number | undefined, spec: unknown): Seen => {
  const key = { kind, namespace: "ns", name }
  const metadata: ObjectMeta = { ...key, uid: `u${manifestId ?? 9}`, generation: 2, resourceVersion: "2" }
  const before: Known | undefined =
    manifestId === undefined
      ? undefined
      : {
          ...key,
          uid: metadata.uid,
          generation: 1,
          resourceVersion: "1",
          fingerprint: "before",
          manifestId,
          madeBy: metadata.uid,
          problem: undefined,
          age: 10_000
        }
  return { key, object: { metadata, spec }, before }
}

const records = (domain: string, name: string, value: string) => ({
  domainRef: { name: domain },
  type: "A",
  name,
  values: [value],
  ttl: 120
})

/** Its value was edited. */
export const EDITED = seen("DnsRecord", "rec", 2, records("kept", "e", "192.0.2.55"))
/** It has just been made, in the zone that is on its way out. */
export const NEW = seen("DnsRecord", "new", undefined, records("empty", "n", "192.0.2.7"))
/** Nothing asks for anything in its zone. */
export const LEAVING = seen("Domain", "empty", 4, {})
