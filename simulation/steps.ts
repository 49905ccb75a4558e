/**
 * What happens to a world besides faults at calls: people ask for records, strangers edit the zone, and the environment
 * misbehaves. A step is data, so that a story can be told and shortened.
 */
import type { KindName } from "../src/model/kinds/kinds.ts"

interface Place {
  /** Number of the zone, from 0. */
  readonly zone: number
  readonly type: "A" | "AAAA" | "CNAME" | "TXT"
  /** Relative. */
  readonly name: string
}

/** Of all rows of one place those of one owner. */
interface Owned extends Place {
  /** A label, 0 unless it is named: two owners may ask for the same record. */
  readonly owner?: number
}

/** An object of a cluster. */
interface Named {
  readonly kind: KindName
  readonly name: string
  /** `team` unless it is named. */
  readonly namespace?: string
}

export type Step = { readonly at: number } & (
  | ({ readonly do: "create"; readonly value: string; readonly ttl?: number } & Owned)
  | ({
      readonly do: "change"
      readonly value?: string
      readonly ttl?: number
      readonly proxied?: boolean
      readonly comment?: string
    } & Owned)
  | ({ readonly do: "remove" } & Owned)
  | ({ readonly do: "retry" } & Owned)
  | { readonly do: "set domain"; readonly zone: number; readonly status: "active" | "inactive" }
  /** By SQL, of the rows there that are of no other owner. */
  | ({
      readonly do: "sql update"
      readonly set: { readonly name?: string; readonly value?: string; readonly ttl?: number }
    } & Place)
  | ({ readonly do: "sql delete" } & Place)
  /** Lets the deletions go out that are held by then. */
  | { readonly do: "confirm domain"; readonly zone: number }
  /** One that has no records; made again it is another one of that name. */
  | { readonly do: "drop domain" | "make domain"; readonly zone: number }
  /** The credential of all zones gets another token, by number. */
  | { readonly do: "rotate token"; readonly token: number }
  /** A stranger's record; with `mark` it looks like that of another installation. */
  | ({ readonly do: "stranger adds"; readonly value: string; readonly mark?: string } & Place)
  /** Whatever stands there now. */
  | ({ readonly do: "stranger edits"; readonly value: string } & Place)
  | ({ readonly do: "stranger deletes" } & Place)
  /** The comment goes, and our mark with it. */
  | ({ readonly do: "stranger wipes" } & Place)
  | { readonly do: "outage"; readonly seconds: number; readonly of: "all" | "writes" }
  /** The provider refuses whatever holds this name. */
  | { readonly do: "poison"; readonly name: string; readonly seconds: number }
  /** No record finds room in it beyond so many, until it has room. */
  | { readonly do: "zone full"; readonly zone: number; readonly room: number }
  | { readonly do: "zone has room"; readonly zone: number }
  /** `uneven`: how long each answer says to wait is by chance. */
  | { readonly do: "storm"; readonly seconds: number; readonly uneven?: true }
  | { readonly do: "others use"; readonly calls: number }
  /** The provider does not know the only zone for a while. */
  | { readonly do: "zone gone"; readonly seconds: number }
  /** The provider itself goes back to what it was so long ago. */
  | { readonly do: "provider restored"; readonly lostSeconds: number }
  /** Each of its answers takes seconds, none too long. */
  | { readonly do: "provider slow"; readonly seconds: number }
  /** All reads are of a copy that is so far behind. */
  | { readonly do: "provider lags"; readonly seconds: number; readonly behind: number }
  | {
      readonly do: "token revoked"
      readonly seconds: number
      /** Of the cluster's, by number. */ readonly token?: number
    }
  /** For good: its zones can only say so. Not the cluster's. */
  | { readonly do: "token gone" }
  | { readonly do: "crash" | "stop" | "stall"; readonly replica: number; readonly seconds: number }
  | { readonly do: "clock jump"; readonly replica: number; readonly seconds: number }
  | { readonly do: "server clock jump"; readonly seconds: number }
  | { readonly do: "fail-over"; readonly lostSeconds: number }
  | { readonly do: "connections cut" }
  | { readonly do: "wake-ups"; readonly seconds: number; readonly how: "dropped" | "repeated" }
  | { readonly do: "pages"; readonly seconds: number; readonly how: "partial" | "reordered" }
  | { readonly do: "migration" }
  | ({
      readonly do: "kubectl apply"
      readonly spec: object
      /** Waits until another object of its kind is Ready. */ readonly onceReady?: string
    } & Named)
  /** Asked for, and waited for. */
  | ({ readonly do: "kubectl delete" } & Named)
  | ({ readonly do: "kubectl annotate"; readonly annotation: string } & Named)
  /** The finalizer is taken off by hand. */
  | ({ readonly do: "kubectl strip" } & Named)
  /** A Secret with a token of the cluster's, by number; null deletes it. */
  | { readonly do: "kubectl secret"; readonly name: string; readonly token: number | null; readonly namespace?: string }
  | { readonly do: "kubectl delete namespace"; readonly namespace?: string }
  | { readonly do: "cluster away"; readonly seconds: number }
  /** Watches are reset, or end in an error, and what was is not known any more. */
  | { readonly do: "cluster forgets" | "cluster expires" }
  | { readonly do: "cluster closes" }
  /** Another controller writes each object. */
  | { readonly do: "cluster meddles" }
)

export const wordsOf = (step: Step): string => {
  const { at, do: what, ...rest } = step
  return `${what} ${Object.entries(rest)
    .map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(", ")} (asked at ${at} s)`
}

export interface Scenario {
  readonly name: string
  /** One sentence for docs and stories. */
  readonly about: string
  readonly replicas: number
  /** Zones that a replica works on at a time; 4 unless it says so. */
  readonly concurrency?: number
  readonly zones: number
  /** A cluster with as many zones more, whose Domains are objects; without it nothing of the intake runs. */
  readonly cluster?: { readonly zones: number; readonly initialEvents: boolean }
  /** Calls of the provider's limit in five minutes. */
  readonly quota?: number
  /** Records of one page of the provider's lists; without it each list is one page. */
  readonly pageSize?: number
  readonly adoption?: "Matching" | "Never"
  /** Of the domains that are no cluster's. */
  readonly maxDeletions?: string
  /** A proxy in between quotes the token in all that is said of an error. */
  readonly echoes?: true
  /** Of the provider's zones; a secondary one cannot hold comments, so no record bears our mark. */
  readonly zoneType?: "secondary"
  /** Records that strangers have from the start. */
  readonly strangers?: ReadonlyArray<{
    readonly zone: number
    readonly type: string
    readonly name: string
    readonly content: string
    readonly comment?: string | null
    readonly ttl?: number
  }>
  /** Rows that are asked for from the start, oldest first. */
  readonly rows?: ReadonlyArray<{
    readonly domainId: number
    readonly type: string
    readonly name: string
    readonly value: string
    readonly ttl: number
    readonly proxied?: boolean
    readonly comment?: string | null
    readonly ownerId?: number
    /** So often the provider has rejected it, and it is about to be tried again. */
    readonly rejections?: number
  }>
  readonly steps: ReadonlyArray<Step>
  /** Seconds after which no fault and no step comes any more. */
  readonly length: number
}
