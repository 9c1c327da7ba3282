import { chunksOf } from '../../common/chunks.js'
import type { Clock, Timer } from '../../engine/clock.js'
import type { Units } from '../../engine/engine.js'
import { StockholdError } from '../../errors.js'
import { askAll } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import { ahead, exceeds } from './clock-skew.js'
import type { KnownStock } from './known-stock.js'

const tuning = {
  /** Sources asked at the same time for one target. */
  sources: 16,
  /** So long, in ms, all sources are waited for. */
  momentMs: 30,
  /** SKUs that one call moves at most: some ms of the server's time. */
  skusACall: 250,
  /**
   * After so many rounds in which those thought to have units had none, what is thought is too old.
   */
  rounds: 2,
}

/** What those who wait at a target want together. */
interface Pull {
  /** Quantities by SKU. */
  readonly wants: Map<number, number>
  /** The SKUs of which any units came. */
  readonly done: Promise<ReadonlySet<number>>
}

/**
 * Moves units between partitions: `send` at the one that has some, then `receive` at the one that
 * lacks them. Whoever dies between the two leaves units in transit; the next transfer of these SKUs
 * between the pair brings them along, and `driveOn` those of all pairs.
 *
 * Nobody who pulled owns what came: whoever asks at the target first has it. So there is nothing to
 * give back, and nobody waits for anybody.
 */
export class StockTransfer {
  readonly #parts: Parts
  readonly #known: KnownStock
  readonly #clock: Clock
  readonly #limitMs: number
  /** By target: what will be pulled when the pull under way is over. */
  readonly #next = new Map<number, Pull>()
  readonly #running = new Map<number, Promise<unknown>>()
  /**
   * By source and target: all units by SKU that the target is known to have received from there,
   * and on which line of its history.
   */
  readonly #received = new Map<
    string,
    { readonly units: Map<number, number>; readonly generation: number | undefined }
  >()
  #driving: Promise<boolean> | undefined

  /** @param limitMs When a step that was not answered is given up. */
  constructor(parts: Parts, known: KnownStock, clock: Clock, limitMs: number) {
    this.#parts = parts
    this.#known = known
    this.#clock = clock
    this.#limitMs = limitMs
  }

  /**
   * Brings units to the target, so many as all want together who come while the pull before is
   * under way. Answers of which SKUs any came.
   *
   * @param wants What a buyer asks of SKUs of which the target has less.
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

  /** Who is asked for how much: the richest, and more of them only if one alone has too little. */
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
        // Others who look for a source meanwhile see what will be left.
        this.#known.note(source, sku, has - goes)
      }
    }
    for (const units of asks.values()) units.sort(([a], [b]) => a - b)
    return asks
  }

  /**
   * Sends from each source, and receives at the target in one call what all of them sent. Nobody
   * waits for a source that takes its time when another has answered: what it sends is received
   * when it comes.
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

  /** All units ever sent; nothing where nobody knows what became of it. */
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

  /** @param skus Of these it is told what was ever sent; what is wanted is among them. */
  #askToSend(source: number, target: number, wants: Units, skus = wants): Promise<Units> {
    const received = this.#receivedFrom(source, target, skus)
    return this.#parts.ask(source, 'send', { to: target, wants, received }, this.#call(), (answer) => {
      this.#known.noteAll(source, answer.left)
      return answer.sent
    })
  }

  /**
   * Units that may have been sent shall not wait for somebody who lacks them. To want nothing is to
   * ask what was sent.
   */
  async #lookAfter(source: number, target: number, wants: Units): Promise<void> {
    const sent = await this.#askToSend(source, target, [], wants).catch(() => undefined)
    if (sent) await this.#receive(source, target, sent, [])
  }

  /** The SKUs of which more has arrived than this handle knew of. */
  async #receive(source: number, target: number, sent: Units, asked: Units): Promise<number[]> {
    const before = this.#receivedFrom(source, target, sent)
    // Nothing was left there, and nothing that was sent before is missing here: the target need not
    // be asked.
    if (exceeds(sent, before).length === 0) return []
    const wanted = new Map(asked)
    try {
      const arrived = exceeds(await this.#catchUp(source, target, sent), before)
      for (const [sku, units] of arrived) {
        // What a handle has heard of a pair for the first time may have come long ago.
        const atMost = Math.max(wanted.get(sku) ?? 0, this.#known.at(source, sku) + 1)
        this.#add(target, sku, Math.min(units, atMost))
      }
      return arrived.map(([sku]) => sku)
    } catch {
      // Whoever wants something of the target hears of it there.
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

  /** So many have come to the target, of what this handle looks for. */
  #add(target: number, sku: number, units: number): void {
    if (this.#known.isKnown(sku)) this.#known.note(target, sku, this.#known.at(target, sku) + units)
  }

  /** Of each of these SKUs what the target is known to have received. */
  #receivedFrom(source: number, target: number, skus: Units): Units {
    const known = this.#knownReceived(source, target)
    return skus.map(([sku]) => [sku, known?.get(sku) ?? 0])
  }

  /**
   * What a target said before it was recovered, it may have forgotten; and where the source has
   * forgotten it too, nobody has those units.
   */
  #knownReceived(source: number, target: number): Map<number, number> | undefined {
    const known = this.#received.get(pair(source, target))
    return known && known.generation === this.#generationOf(target) ? known.units : undefined
  }

  #generationOf(partition: number): number | undefined {
    return this.#parts.session(partition).lastSeen?.generation
  }

  /**
   * Brings to the target whatever is in transit between any two partitions that can be reached:
   * nobody else may be left who does. One walk at a time, shared. Answers whether there was
   * anything.
   */
  completeTransfers(): Promise<boolean> {
    this.#driving ??= this.#completeTransfers().finally(() => {
      this.#driving = undefined
    })
    return this.#driving
  }

  async #completeTransfers(): Promise<boolean> {
    const call = this.#call()
    const { done } = await askAll(this.#parts.count, (index) =>
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
    await Promise.allSettled(
      late.map(async ({ source, target, sent, before }) => {
        const arrived = exceeds(await this.#catchUp(source, target, sent), before)
        for (const [sku, units] of arrived) this.#add(target, sku, units)
      }),
    )
    return late.length > 0
  }

  #call(): { deadline: number } {
    return { deadline: this.#clock.now() + this.#limitMs }
  }
}

/** Is over with the first who has enough, but not before a moment has passed. */
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

/** Units in parts, each for a call that moves them. */
export function inCalls(units: Units): Units[] {
  return [...chunksOf(units, tuning.skusACall)]
}

function pair(source: number, target: number): string {
  return `${source} ${target}`
}
