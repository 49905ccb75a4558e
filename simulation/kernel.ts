/**
 * Virtual time and order. Everything that happens is an event at a time or a task that is ready now; which of several
 * comes first is drawn from the seed. Between two steps all promises are settled, so no microtask decides an order.
 * What happens is written into a trace, and its hash names the run.
 */
import { Clock, Duration, Effect, type Fiber, Random as EffectRandom, Scheduler } from "effect"
import { createHash } from "node:crypto"
import { type Random, randomOf } from "./random.ts"

/** Something with a life of its own: a replica's incarnation. Dead, it never runs again; paused, it runs later. */
export class Process {
  readonly name: string
  alive = true
  paused = false
  /** Milliseconds that its wall clock is ahead of the true time. */
  skew = 0
  readonly backlog: Array<Late> = []
  constructor(name: string) {
    this.name = name
  }
}

/**
 * What comes to a process. `write` is a write to the provider that it was about to hand over: when it wakes, that goes
 * last, since the provider cannot fence and the product looks at the deadline right before.
 */
export type Kind = "timer" | "answer" | "write"

/** What came while a process stood still. */
interface Late {
  readonly at: number
  readonly kind: Kind
  readonly run: () => void
}

export interface Failure {
  /** Name of the invariant, as in docs/simulation.md. */
  readonly invariant: string
  readonly message: string
  readonly at: number
}

/** In place of an invariant, of a run that came to no verdict since it threw. */
export const THROWN = "Thrown"

interface Event {
  readonly at: number
  readonly tie: number
  readonly process: Process | undefined
  readonly kind: Kind
  readonly run: () => void
}

interface Task {
  readonly process: Process
  readonly run: () => void
}

/** Where virtual time begins. */
export const BEGINNING = Date.UTC(2030, 0, 1)

/** Of one second of virtual time; three replicas that begin at once, with all their zones, take some two hundred. */
const MOST_STEPS = 1_500

/** Milliseconds between two things that a process does one after the other. */
const INSTANT = 0.001

const settlePromises = (
  (immediate) => () =>
    new Promise<void>((resolve) => immediate(() => resolve()))
)(setImmediate)

export class Kernel {
  now = BEGINNING
  failure: Failure | undefined
  /** True while a transaction is open: then time stands still, and only what it makes ready runs. */
  inTransaction = false
  readonly trace: Array<string> = []
  #second = 0
  #steps = 0
  readonly #hash = createHash("sha256")
  readonly #heap: Array<Event> = []
  #ready: Array<Task> = []
  readonly #order: Random
  readonly seed: number

  constructor(seed: number) {
    this.seed = seed
    this.#order = randomOf(seed, "order")
  }

  /** Runs after `delay` milliseconds; never, when `process` is dead by then, and later while it is paused. */
  after(delay: number, run: () => void, process?: Process, kind: Kind = "answer"): () => void {
    let cancelled = false
    const event: Event = {
      at: this.now + Math.max(0, delay),
      tie: this.#order.next(),
      process,
      kind,
      run: () => {
        if (!cancelled) run()
      }
    }
    push(this.#heap, event)
    return () => {
      cancelled = true
    }
  }

  /** One line of what happened; it decides the hash. */
  say(text: string): void {
    const line = `${((this.now - BEGINNING) / 1000).toFixed(3)} ${text}`
    this.#hash.update(line).update("\n")
    this.trace.push(line)
  }

  get hash(): string {
    return this.#hash.copy().digest("hex").slice(0, 16)
  }

  /** Only the first counts: what follows a broken invariant says nothing. */
  fail(invariant: string, message: string): void {
    if (this.failure !== undefined) return
    this.failure = { invariant, message, at: this.now - BEGINNING }
    this.say(`${invariant} does not hold: ${message}`)
  }

  /** Its timers that are over go first or what else came does, as it was polling or not; timers in their order. */
  resume(process: Process): void {
    process.paused = false
    const late = process.backlog.splice(0)
    const timers = late.filter(({ kind }) => kind === "timer").toSorted((a, b) => a.at - b.at)
    const answers = late.filter(({ kind }) => kind === "answer")
    const areTimersFirst = this.#order.chance(0.5)
    const [forTimers, forAnswers] = areTimersFirst ? [0, timers.length] : [1, 0]
    timers.forEach(({ run }, index) => this.after((forTimers + index) * INSTANT, run, process, "timer"))
    for (const { run } of answers) this.after(forAnswers * INSTANT, run, process)
    for (const { kind, run } of late)
      if (kind === "write") this.after((timers.length + 1) * INSTANT, run, process, "write")
  }

  /** Goes on until `isOver` or until a run fails. Time ends at `until` at the latest. */
  async run(until: number, isOver: () => boolean = () => false): Promise<void> {
    while (this.failure === undefined && !isOver()) {
      const task = this.#take()
      if (task !== undefined) {
        task.run()
        await settlePromises()
        continue
      }
      if (this.inTransaction) {
        this.fail("OneStep", "a transaction waits for something outside of it")
        return
      }
      const event = this.#heap[0]
      if (event === undefined || event.at > until) {
        this.now = Math.max(this.now, until)
        return
      }
      pop(this.#heap)
      this.now = Math.max(this.now, event.at)
      if (event.process?.alive === false) continue
      if (event.process?.paused === true) {
        event.process.backlog.push(event)
        continue
      }
      this.#countStep()
      event.run()
      await settlePromises()
    }
  }

  #countStep(): void {
    const second = Math.floor(this.now / 1000)
    this.#steps = second === this.#second ? this.#steps + 1 : 1
    this.#second = second
    if (this.#steps > MOST_STEPS)
      this.fail("Busy", `more than ${MOST_STEPS} steps in one second: something goes in circles`)
  }

  #take(): Task | undefined {
    while (this.#ready.length > 0) {
      // Inside a transaction only its own continuation is there, and keeps its order.
      const at = this.inTransaction ? this.#ready.length - 1 : this.#order.between(0, this.#ready.length - 1)
      const [task] = this.#ready.splice(at, 1)
      if (task === undefined || !task.process.alive) continue
      if (!task.process.paused) return task
      task.process.backlog.push({ at: this.now, kind: "answer", run: task.run })
    }
    return undefined
  }

  /** Clock, randomness and order for the fibers of a process. */
  services<A, E, R>(process: Process, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    const random = randomOf(this.seed, `random ${process.name}`)
    return effect.pipe(
      Effect.provideService(Clock.Clock, this.#clock(process)),
      Effect.provideService(EffectRandom.Random, {
        nextDoubleUnsafe: () => random.next(),
        nextIntUnsafe: () => random.between(Number.MIN_SAFE_INTEGER / 2, Number.MAX_SAFE_INTEGER / 2)
      }),
      Effect.provideService(Scheduler.Scheduler, this.scheduler(process)),
      // A span draws its ids by chance.
      Effect.withTracerEnabled(false)
    )
  }

  scheduler(process: Process): Scheduler.Scheduler {
    const dispatcher: Scheduler.SchedulerDispatcher = {
      scheduleTask: (run) => {
        if (process.alive) this.#ready.push({ process, run })
      },
      flush: () => undefined
    }
    return {
      executionMode: "async",
      shouldYield: (fiber: Fiber.Fiber<unknown, unknown>) => fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield,
      makeDispatcher: () => dispatcher
    }
  }

  #clock(process: Process): Clock.Clock {
    const millis = () => this.now + process.skew
    const nanos = () => BigInt(Math.round(millis() * 1000)) * 1000n
    const monotonic = () => BigInt(Math.round((this.now - BEGINNING) * 1000)) * 1000n
    return {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: monotonic,
      monotonicTimeNanos: Effect.sync(monotonic),
      sleep: (duration) => {
        const delay = Duration.toMillis(duration)
        if (!Number.isFinite(delay)) return Effect.never
        return Effect.callback<void>((resume) => {
          const cancel = this.after(delay, () => resume(Effect.void), process, "timer")
          return Effect.sync(cancel)
        })
      }
    }
  }
}

const before = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.tie < b.tie)

const push = (heap: Array<Event>, event: Event) => {
  let i = heap.length
  heap.push(event)
  while (i > 0) {
    const parent = (i - 1) >> 1
    const above = heap[parent]
    if (above === undefined || !before(event, above)) break
    heap[i] = above
    i = parent
  }
  heap[i] = event
}

const pop = (heap: Array<Event>) => {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let i = 0
  while (true) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    const [left, right] = [heap[child], heap[child + 1]]
    if (left !== undefined && right !== undefined && before(right, left)) child++
    const least = heap[child]
    if (least === undefined || !before(least, last)) break
    heap[i] = least
    i = child
  }
  heap[i] = last
}
