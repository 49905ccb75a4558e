/** The canonical stories that every single fault is tried on. */
import { CLUSTER_SCENARIOS } from "./kubernetes/scenarios.ts"
import type { Scenario } from "./steps.ts"

const create: Scenario = {
  name: "create",
  about: "records of several types are asked for, one after the other and together",
  replicas: 2,
  zones: 1,
  length: 60,
  steps: [
    { at: 2, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
    { at: 2.1, do: "create", zone: 0, type: "TXT", name: "note", value: "hello" },
    { at: 20, do: "create", zone: 0, type: "CNAME", name: "docs", value: "www.zone0.test" }
  ]
}

const change: Scenario = {
  name: "change",
  about: "a value and a ttl change, one of them while the change before is on its way",
  replicas: 2,
  zones: 1,
  length: 70,
  steps: [
    { at: 2, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
    { at: 10, do: "change", zone: 0, type: "A", name: "www", value: "192.0.2.2" },
    { at: 10.1, do: "change", zone: 0, type: "A", name: "www", value: "192.0.2.3" },
    { at: 25, do: "change", zone: 0, type: "A", name: "www", ttl: 300 }
  ]
}

const swap: Scenario = {
  name: "swap",
  about: "an A becomes a CNAME and an A again, so that the deletion and the creation must go together",
  replicas: 2,
  zones: 1,
  length: 80,
  steps: [
    { at: 2, do: "create", zone: 0, type: "A", name: "app", value: "192.0.2.1" },
    { at: 12, do: "remove", zone: 0, type: "A", name: "app" },
    { at: 12, do: "create", zone: 0, type: "CNAME", name: "app", value: "lb.example.net" },
    { at: 40, do: "remove", zone: 0, type: "CNAME", name: "app" },
    { at: 40, do: "create", zone: 0, type: "A", name: "app", value: "192.0.2.9" }
  ]
}

const remove: Scenario = {
  name: "delete",
  about: "records go, one of them before it was ever there, and one comes back under its old name",
  replicas: 2,
  zones: 1,
  length: 100,
  steps: [
    { at: 2, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
    { at: 2, do: "create", zone: 0, type: "TXT", name: "note", value: "hello" },
    { at: 12, do: "remove", zone: 0, type: "A", name: "www" },
    { at: 14, do: "create", zone: 0, type: "A", name: "brief", value: "192.0.2.5" },
    { at: 14.2, do: "remove", zone: 0, type: "A", name: "brief" },
    { at: 50, do: "remove", zone: 0, type: "TXT", name: "note" },
    { at: 55, do: "create", zone: 0, type: "TXT", name: "note", value: "hello" }
  ]
}

const adoption: Scenario = {
  name: "adoption",
  about:
    "strangers have some of the records: the identical is adopted, the different and another installation's are refused",
  replicas: 2,
  zones: 1,
  pageSize: 2,
  length: 90,
  strangers: [
    { zone: 0, type: "A", name: "same.zone0.test", content: "192.0.2.1" },
    { zone: 0, type: "A", name: "other.zone0.test", content: "203.0.113.7" },
    { zone: 0, type: "TXT", name: "marked.zone0.test", content: '"theirs"', comment: "[driftless:0123456789ab]" },
    { zone: 0, type: "TXT", name: "beside.zone0.test", content: '"theirs"' }
  ],
  steps: [
    { at: 2, do: "create", zone: 0, type: "A", name: "same", value: "192.0.2.1" },
    { at: 2, do: "create", zone: 0, type: "A", name: "other", value: "192.0.2.2" },
    { at: 2, do: "create", zone: 0, type: "TXT", name: "marked", value: "theirs" },
    { at: 2, do: "create", zone: 0, type: "TXT", name: "beside", value: "ours" },
    { at: 30, do: "change", zone: 0, type: "A", name: "same", ttl: 300 }
  ]
}

const outage: Scenario = {
  name: "outage",
  about: "the provider is away while its limit is nearly used up, by us and by others",
  replicas: 2,
  zones: 2,
  quota: 40,
  length: 160,
  steps: [
    { at: 2, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
    { at: 2, do: "create", zone: 1, type: "A", name: "www", value: "192.0.2.1" },
    { at: 15, do: "others use", calls: 18 },
    { at: 20, do: "outage", seconds: 30, of: "writes" },
    { at: 22, do: "change", zone: 0, type: "A", name: "www", value: "192.0.2.2" },
    { at: 24, do: "create", zone: 1, type: "TXT", name: "note", value: "hello" },
    { at: 70, do: "storm", seconds: 40 },
    { at: 72, do: "remove", zone: 1, type: "A", name: "www" }
  ]
}

const takeover: Scenario = {
  name: "take-over",
  about: "replicas die, stand still and are replaced while a zone changes all the time",
  replicas: 3,
  zones: 2,
  length: 120,
  steps: [
    { at: 2, do: "create", zone: 0, type: "A", name: "a", value: "192.0.2.1" },
    { at: 2, do: "create", zone: 1, type: "A", name: "b", value: "192.0.2.1" },
    { at: 6, do: "stall", replica: 0, seconds: 40 },
    { at: 6.1, do: "change", zone: 0, type: "A", name: "a", value: "192.0.2.2" },
    { at: 6.1, do: "change", zone: 1, type: "A", name: "b", value: "192.0.2.2" },
    { at: 9, do: "crash", replica: 1, seconds: 3 },
    { at: 30, do: "change", zone: 0, type: "A", name: "a", value: "192.0.2.3" },
    { at: 60, do: "stop", replica: 2, seconds: 2 },
    { at: 60.1, do: "remove", zone: 1, type: "A", name: "b" },
    { at: 62, do: "stop", replica: 0, seconds: 2 }
  ]
}

const upkeep: Scenario = {
  name: "upkeep",
  about:
    "strangers edit, delete and copy our records, the token is revoked and the zone goes for a while, a user asks for a retry",
  replicas: 2,
  zones: 1,
  length: 240,
  steps: [
    { at: 2, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
    { at: 2, do: "create", zone: 0, type: "TXT", name: "note", value: "hello" },
    { at: 15, do: "stranger edits", zone: 0, type: "A", name: "www", value: "203.0.113.9" },
    { at: 16, do: "stranger deletes", zone: 0, type: "TXT", name: "note" },
    { at: 70, do: "token revoked", seconds: 20 },
    { at: 72, do: "create", zone: 0, type: "A", name: "new", value: "192.0.2.3" },
    { at: 105, do: "poison", name: "bad", seconds: 25 },
    { at: 106, do: "create", zone: 0, type: "A", name: "bad", value: "192.0.2.4" },
    { at: 140, do: "retry", zone: 0, type: "A", name: "bad" },
    { at: 150, do: "stranger adds", zone: 0, type: "TXT", name: "theirs", value: "do not touch" },
    { at: 160, do: "zone gone", seconds: 50 }
  ]
}

const undone: Scenario = {
  name: "undone",
  about: "in a zone that holds no marks the provider goes back to before a removal while its answer is on the way",
  replicas: 1,
  zones: 1,
  zoneType: "secondary",
  length: 80,
  steps: [
    { at: 2, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
    { at: 20, do: "provider slow", seconds: 40 },
    { at: 21, do: "provider restored", lostSeconds: 9 },
    { at: 25, do: "remove", zone: 0, type: "A", name: "www" }
  ]
}

const slow: Scenario = {
  name: "slow",
  about:
    "passes outlast their leases but for heartbeats, one beside a replica that stands still inside its own, one across a fail-over",
  replicas: 2,
  zones: 1,
  length: 75,
  steps: [
    { at: 2, do: "provider slow", seconds: 68 },
    { at: 2.5, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
    { at: 8, do: "stall", replica: 0, seconds: 25 },
    { at: 9, do: "change", zone: 0, type: "A", name: "www", value: "192.0.2.2" },
    { at: 50, do: "change", zone: 0, type: "A", name: "www", value: "192.0.2.3" },
    // A heartbeat of the epoch before extends nothing: its keys are looked for among those that are lost.
    { at: 52.9, do: "fail-over", lostSeconds: 0 }
  ]
}

const rejections: Scenario = {
  name: "rejections",
  about: "the provider goes on rejecting what it has rejected for hours, until retries stop and a person asks again",
  replicas: 2,
  zones: 1,
  length: 25,
  rows: [
    { domainId: 1, type: "A", name: "often", value: "192.0.2.1", ttl: 120, rejections: 4 },
    { domainId: 1, type: "A", name: "long", value: "192.0.2.2", ttl: 120, rejections: 8 },
    { domainId: 1, type: "TXT", name: "last", value: "hello", ttl: 120, rejections: 9 }
  ],
  steps: [
    { at: 1, do: "poison", name: "often", seconds: 12 },
    { at: 1, do: "poison", name: "long", seconds: 12 },
    { at: 1, do: "poison", name: "last", seconds: 12 },
    { at: 16, do: "retry", zone: 0, type: "A", name: "often" },
    { at: 16, do: "retry", zone: 0, type: "A", name: "long" },
    { at: 16.1, do: "retry", zone: 0, type: "TXT", name: "last" }
  ]
}

const settings: Scenario = {
  name: "settings",
  about: "a domain rests for a while and another is made anew, and the token is rotated before the old one is revoked",
  replicas: 2,
  zones: 2,
  length: 40,
  steps: [
    { at: 2, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
    { at: 4, do: "drop domain", zone: 1 },
    { at: 8, do: "set domain", zone: 0, status: "inactive" },
    { at: 9, do: "change", zone: 0, type: "A", name: "www", value: "192.0.2.2" },
    { at: 14, do: "set domain", zone: 0, status: "active" },
    { at: 20, do: "make domain", zone: 1 },
    { at: 24, do: "rotate token", token: 0 },
    { at: 30, do: "token revoked", seconds: 600 },
    { at: 32, do: "change", zone: 0, type: "A", name: "www", value: "192.0.2.3" }
  ]
}

export const SCENARIOS: ReadonlyArray<Scenario> = [
  create,
  change,
  swap,
  remove,
  adoption,
  outage,
  takeover,
  upkeep,
  undone,
  slow,
  rejections,
  settings,
  ...CLUSTER_SCENARIOS
]
