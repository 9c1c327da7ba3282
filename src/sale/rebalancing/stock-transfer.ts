import { chunksOf } from '../../common/chunks.js'
import type { Clock, Timer } from '../../engine/clock.js'
import type { Units } from '../../engine/engine.js'
import { partitionIn } from '../../engine/reservation-id.js'
import { StockholdError } from '../../errors.js'
import { completeTransfer } from '../complete-transfer.js'
import { askAll, failureOf } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import { ahead, exceeds } from './clock-skew.js'
import type { KnownStock } from './known-stock.js'

const tuning = {
  /** How many sources are asked at the same time for one target. */
  sources: 16,
  /** How long all sources are waited for, in ms. */
  momentMs: 30,
  /** How many SKUs one call moves at most: some ms of the server's time. */
  skusACall: 250,
  /** How many rounds a pull asks at most: afterwards the known stock is too old. */
  rounds: 2,
}

/** The units that all waiting calls of a target want together. */
interface Pull {
  /** Quantities by SKU. */
  readonly wants: Map<number, number>
  /** Resolves with the SKUs of which any units arrived. */
  readonly done: Promise<ReadonlySet<number>>
}

/** A run over all pairs of partitions. */
interface Completion {
  /** Whether anything was in transit. */
  readonly found: boolean
  /** By partition: why it did not answer, or take what was on its way there. */
  readonly failures: ReadonlyMap<number, unknown>
}

/**
 * Moves units between partitions: `send` at the source, then `receive` at the target. A process
 * that crashes between the two leaves units in transit. The next transfer of these SKUs between the
 * two partitions delivers them, and `completeTransfers` delivers those of all pairs.
 *
 * A pull does not own the units it brings: the first request at the target gets them. So no call
 * has to return units or wait for another.
 */
export class StockTransfer {
  readonly #parts: Parts
  readonly #known: KnownStock
  readonly #clock: Clock
  readonly #limitMs: number
  /** By target: the pull that starts when the running one ends. */
  readonly #next = new Map<number, Pull>()
  readonly #running = new Map<number, Promise<unknown>>()
  /**
   * By source and target: all units by SKU that the target is known to have received from the
   * source, and the target's generation.
   */
  readonly #received = new Map<
    string,
    { readonly units: Map<number, number>; readonly generation: number | undefined }
  >()
  #completing: Promise<Completion> | undefined

  /** @param limitMs After how many ms a step without an answer fails. */
  constructor(parts: Parts, known: KnownStock, clock: Clock, limitMs: number) {
    this.#parts = parts
    this.#known = known
    this.#clock = clock
    this.#limitMs = limitMs
  }

  /**
   * Brings units to the target, enough for all calls that join while the previous pull runs.
   * Returns the SKUs of which any units arrived.
   *
   * @param wants What a call asks of SKUs of which the target has too few.
   */
  pull(target: number, wants: Units): Promise<ReadonlySet<number>> {
    const pull = this.#next.get(target) ?? this.#prepare(target)
    for (const [sku, quantity] of wants) pull.wants.set(sku, (pull.wants.get(sku) ?? 0) + quantity)
    return pull.done
  }

  #prepare(target: number): Pull {
    const wants = new Map<number, number>()
    const before = this.#running.get(target) ?? Promise.resolve()
    const done = before.then(() => {
      this.#next.delete(target)
      this.#running.set(target, done)
      return this.#bring(target, wants)
    })
    const pull = { wants, done }
    this.#next.set(target, pull)
    return pull
  }

  async #bring(target: number, wants: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    const came = new Set<number>()
    for (let round = 0; round < tuning.rounds && came.size < wants.size; round++) {
      const missing = new Map<number, number>()
      for (const [sku, quantity] of wants)
        if (!came.has(sku)) missing.set(sku, Math.max(1, quantity - this.#known.at(target, sku)))
      const asks = this.#share(target, missing)
      if (asks.size === 0) break
      const arrived = await this.#transfer(target, asks)
      for (const sku of arrived) came.add(sku)
    }
    return came
  }

  /**
   * How many units to ask of each source: first the source with the most, further ones only if it
   * has too few.
   */
  #share(target: number, missing: ReadonlyMap<number, number>): Map<number, [sku: number, units: number][]> {
    const asks = new Map<number, [sku: number, units: number][]>()
    for (const [sku, quantity] of missing) {
      let rest = quantity
      for (const source of this.#known.sources(sku, target).slice(0, tuning.sources)) {
        if (rest <= 0) break
        const has = this.#known.at(source, sku)
        const wanted = Math.min(rest, has)
        const ask = asks.get(source)
        if (ask) ask.push([sku, wanted])
        else asks.set(source, [[sku, wanted]])
        const goes = Math.max(wanted, Math.floor(has / 2))
        rest -= goes
        // Other pulls that look for a source meanwhile see the remaining units.
        this.#known.note(source, sku, has - goes)
      }
    }
    for (const units of asks.values()) units.sort(([a], [b]) => a - b)
    return asks
  }

  /**
   * Sends from each source, and receives at the target in one batch what all of them sent. Once a
   * source has answered, the pull does not wait for slow ones: their units are received when they
   * arrive.
   */
  async #transfer(target: number, asks: ReadonlyMap<number, Units>): Promise<number[]> {
    const rows: { source: number; sent: Units; wants: Units }[] = []
    let isOver = false
    const patience = new Patience(this.#clock, tuning.momentMs)
    const send = async (source: number, wants: Units) => {
      const sent = await this.#send(source, target, wants)
      if (!sent) return
      if (isOver) await this.#receive(source, target, sent, wants)
      else rows.push({ source, sent, wants })
      patience.enough()
    }
    const sends = [...asks].flatMap(([source, wants]) => inCalls(wants).map((some) => send(source, some)))
    await Promise.race([Promise.all(sends), patience.over])
    patience.end()
    isOver = true
    const arrived = rows.map(({ source, sent, wants }) => this.#receive(source, target, sent, wants))
    return (await Promise.all(arrived)).flat()
  }

  /** All units ever sent from the source to the target; `undefined` if the call failed. */
  async #send(source: number, target: number, wants: Units): Promise<Units | undefined> {
    try {
      return await this.#askToSend(source, target, wants)
    } catch (error) {
      for (const [sku] of wants) this.#known.note(source, sku, 0)
      if (error instanceof StockholdError && error.code === 'UNKNOWN_OUTCOME')
        void this.#lookAfter(source, target, wants)
      return undefined
    }
  }

  /**
   * @param skus The SKUs for which the source returns all units ever sent. They include those of
   *   `wants`.
   */
  #askToSend(source: number, target: number, wants: Units, skus = wants): Promise<Units> {
    const received = this.#receivedFrom(source, target, skus)
    return this.#parts.ask(source, 'send', { to: target, wants, received }, this.#call(), (answer) => {
      this.#known.noteAll(source, answer.left)
      return answer.sent
    })
  }

  /**
   * Delivers units that may have been sent, so they do not stay in transit until a call lacks them.
   * A `send` that wants nothing returns what was sent.
   */
  async #lookAfter(source: number, target: number, wants: Units): Promise<void> {
    const sent = await this.#askToSend(source, target, [], wants).catch(() => undefined)
    if (sent) await this.#receive(source, target, sent, [])
  }

  /**
   * Receives at the target. Returns the SKUs of which more has arrived than this handle knew of.
   */
  async #receive(source: number, target: number, sent: Units, asked: Units): Promise<number[]> {
    const before = this.#receivedFrom(source, target, sent)
    // The source had no units left, and the target has received all that was sent: no call is
    // needed.
    if (exceeds(sent, before).length === 0) return []
    const wanted = new Map(asked)
    try {
      const arrived = exceeds(await this.#catchUp(source, target, sent), before)
      for (const [sku, units] of arrived) {
        // If this handle hears of the pair for the first time, the units may have arrived long ago.
        const atMost = Math.max(wanted.get(sku) ?? 0, this.#known.at(source, sku) + 1)
        this.#add(target, sku, Math.min(units, atMost))
      }
      return arrived.map(([sku]) => sku)
    } catch {
      // Calls that ask the target next see its error themselves.
      return []
    }
  }

  #catchUp(source: number, target: number, sent: Units): Promise<Units> {
    return this.#parts.ask(target, 'receive', { from: source, sent }, this.#call(), ({ received }) => {
      const known = this.#knownReceived(source, target) ?? new Map<number, number>()
      for (const [sku, units] of received) known.set(sku, units)
      this.#received.set(pair(source, target), { units: known, generation: this.#generationOf(target) })
      return received
    })
  }

  /** Adds arrived units to the known stock of the target, if this handle tracks the SKU. */
  #add(target: number, sku: number, units: number): void {
    if (this.#known.isKnown(sku)) this.#known.note(target, sku, this.#known.at(target, sku) + units)
  }

  /** The units that the target is known to have received, for each of these SKUs. */
  #receivedFrom(source: number, target: number, skus: Units): Units {
    const known = this.#knownReceived(source, target)
    return skus.map(([sku]) => [sku, known?.get(sku) ?? 0])
  }

  /**
   * A recovered target may have lost units that it reported before, and if the source has lost its
   * record too, no partition has them. So only numbers of the target's current generation count.
   */
  #knownReceived(source: number, target: number): Map<number, number> | undefined {
    const known = this.#received.get(pair(source, target))
    return known && known.generation === this.#generationOf(target) ? known.units : undefined
  }

  #generationOf(partition: number): number | undefined {
    return this.#parts.session(partition).history.lastSeen?.generation
  }

  /**
   * Delivers all units in transit between any two reachable partitions, and completes the transfers
   * of reservations: the process that sent them may have crashed. One run at a time, shared by all
   * calls. Returns whether any units were in transit.
   */
  async completeTransfers(): Promise<boolean> {
    return (await this.#complete()).found
  }

  /**
   * Delivers all units that are in transit now.
   *
   * @throws A failure: a partition was not reached.
   */
  async deliver(): Promise<void> {
    // A run that is under way may have looked before they left.
    await this.#complete()
    const { failures } = await this.#complete()
    if (failures.size > 0) throw failureOf(failures, this.#parts.count)
  }

  #complete(): Promise<Completion> {
    this.#completing ??= this.#completeTransfers().finally(() => {
      this.#completing = undefined
    })
    return this.#completing
  }

  async #completeTransfers(): Promise<Completion> {
    const call = this.#call()
    const { done, failures: unread } = await askAll(this.#parts.count, (index) =>
      this.#parts.ask(index, 'transfers', {}, call, (answer) => answer),
    )
    const late: { source: number; target: number; sent: Units; before: Units }[] = []
    for (const [source, answer] of done.entries()) {
      for (const [target, sent] of answer?.sent ?? []) {
        if (!done[target]) continue
        const before = done[target].received.find(([from]) => from === source)?.[1] ?? []
        for (const some of inCalls(ahead(sent, before))) late.push({ source, target, sent: some, before })
      }
    }
    const failures = new Map(unread)
    const noteFailure = (partition: number) => (error: unknown) => void failures.set(partition, error)
    await Promise.all(
      late.map(async ({ source, target, sent, before }) => {
        const received = await this.#catchUp(source, target, sent).catch(noteFailure(target))
        for (const [sku, units] of exceeds(received ?? [], before)) this.#add(target, sku, units)
      }),
    )
    const departing = done.flatMap((answer) => answer?.departing ?? [])
    await Promise.all(
      departing.map((id) => completeTransfer(this.#parts, id, call).catch(noteFailure(partitionIn(id)))),
    )
    return { found: late.length + departing.length > 0, failures }
  }

  #call(): { deadline: number } {
    return { deadline: this.#clock.now() + this.#limitMs }
  }
}

/** Ends after the first `enough()`, but not before the given time has passed. */
class Patience {
  readonly over: Promise<void>
  readonly #timer: Timer
  #resolve!: () => void
  #isLate = false
  #hasEnough = false

  constructor(clock: Clock, ms: number) {
    this.over = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#timer = clock.after(ms, () => {
      this.#isLate = true
      if (this.#hasEnough) this.#resolve()
    })
  }

  enough(): void {
    this.#hasEnough = true
    if (this.#isLate) this.#resolve()
  }

  end(): void {
    this.#timer.cancel()
  }
}

/** Splits units into parts, one for each call that moves them. */
export function inCalls(units: Units): Units[] {
  return [...chunksOf(units, tuning.skusACall)]
}

function pair(source: number, target: number): string {
  return `${source} ${target}`
}
