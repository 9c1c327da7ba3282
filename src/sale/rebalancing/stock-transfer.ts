import { chunksOf } from '../../common/chunks.js'
import type { Timer, Timing } from '../../engine/clock.js'
import type { Units } from '../../engine/engine.js'
import { StockholdError } from '../../errors.js'
import { askEvery } from '../fan-out.js'
import type { Parts } from '../partitions.js'
import { ahead, beyond } from './clock-skew.js'
import type { KnownStock } from './known-stock.js'

const tuning = {
  /** Donors asked at the same time for one home. */
  donors: 16,
  /** So long, in ms, all donors are waited for. */
  momentMs: 30,
  /** SKUs that one call moves at most: some ms of the server's time. */
  skusACall: 250,
  /** After so many rounds in which those thought to have units had none, what is thought is too old. */
  rounds: 2,
}

/** What those who wait at a home want together. */
interface Pull {
  /** Quantities by SKU. */
  readonly wants: Map<number, number>
  /** The SKUs of which any units came. */
  readonly done: Promise<ReadonlySet<number>>
}

/**
 * Moves units between partitions: `send` at the one that has some, then `receive` at the one that lacks them. Whoever dies between the two
 * leaves units in transit; the next transfer of these SKUs between the pair brings them along, and `driveOn` those of all pairs.
 *
 * Nobody who pulled owns what came: whoever asks at home first has it. So there is nothing to give back, and nobody waits for anybody.
 */
export class Mover {
  readonly #parts: Parts
  readonly #known: KnownStock
  readonly #timing: Timing
  readonly #limitMs: number
  /** By home: what will be pulled when the pull under way is over. */
  readonly #next = new Map<number, Pull>()
  readonly #running = new Map<number, Promise<unknown>>()
  /** By donor and home: all units by SKU that the home is known to have received from there, and on which line of its history. */
  readonly #received = new Map<
    string,
    { readonly units: Map<number, number>; readonly line: number | undefined }
  >()
  #driving: Promise<boolean> | undefined

  /** @param limitMs When a step that was not answered is given up. */
  constructor(parts: Parts, known: KnownStock, timing: Timing, limitMs: number) {
    this.#parts = parts
    this.#known = known
    this.#timing = timing
    this.#limitMs = limitMs
  }

  /**
   * Brings units home, so many as all want together who come while the pull before is under way. Answers of which SKUs any came.
   *
   * @param wants What a buyer asks of SKUs of which the home has less.
   */
  pull(home: number, wants: Units): Promise<ReadonlySet<number>> {
    const pull = this.#next.get(home) ?? this.#prepare(home)
    for (const [sku, quantity] of wants) pull.wants.set(sku, (pull.wants.get(sku) ?? 0) + quantity)
    return pull.done
  }

  #prepare(home: number): Pull {
    const wants = new Map<number, number>()
    const before = this.#running.get(home) ?? Promise.resolve()
    const done = before.then(() => {
      this.#next.delete(home)
      this.#running.set(home, done)
      return this.#bring(home, wants)
    })
    const pull = { wants, done }
    this.#next.set(home, pull)
    return pull
  }

  async #bring(home: number, wants: ReadonlyMap<number, number>): Promise<ReadonlySet<number>> {
    const came = new Set<number>()
    for (let round = 0; round < tuning.rounds && came.size < wants.size; round++) {
      const missing = new Map<number, number>()
      for (const [sku, quantity] of wants)
        if (!came.has(sku)) missing.set(sku, Math.max(1, quantity - this.#known.at(home, sku)))
      const asks = this.#share(home, missing)
      if (asks.size === 0) break
      const arrived = await this.#transfer(home, asks)
      for (const sku of arrived) came.add(sku)
    }
    return came
  }

  /** Who is asked for how much: the richest, and more of them only if one alone has too little. */
  #share(home: number, missing: ReadonlyMap<number, number>): Map<number, [sku: number, units: number][]> {
    const asks = new Map<number, [sku: number, units: number][]>()
    for (const [sku, quantity] of missing) {
      let rest = quantity
      for (const donor of this.#known.donors(sku, home).slice(0, tuning.donors)) {
        if (rest <= 0) break
        const has = this.#known.at(donor, sku)
        const wanted = Math.min(rest, has)
        const ask = asks.get(donor)
        if (ask) ask.push([sku, wanted])
        else asks.set(donor, [[sku, wanted]])
        const goes = Math.max(wanted, Math.floor(has / 2))
        rest -= goes
        // Others who look for a donor meanwhile see what will be left.
        this.#known.note(donor, sku, has - goes)
      }
    }
    for (const units of asks.values()) units.sort(([a], [b]) => a - b)
    return asks
  }

  /**
   * Sends from each donor, and receives at home in one call what all of them sent. Nobody waits for a donor that takes its time when another has
   * answered: what it sends is received when it comes.
   */
  async #transfer(home: number, asks: ReadonlyMap<number, Units>): Promise<number[]> {
    const rows: { donor: number; sent: Units; wants: Units }[] = []
    let isOver = false
    const patience = new Patience(this.#timing, tuning.momentMs)
    const send = async (donor: number, wants: Units) => {
      const sent = await this.#send(donor, home, wants)
      if (!sent) return
      if (isOver) await this.#receive(donor, home, sent, wants)
      else rows.push({ donor, sent, wants })
      patience.enough()
    }
    const sends = [...asks].flatMap(([donor, wants]) => inCalls(wants).map((some) => send(donor, some)))
    await Promise.race([Promise.all(sends), patience.over])
    patience.end()
    isOver = true
    const arrived = rows.map(({ donor, sent, wants }) => this.#receive(donor, home, sent, wants))
    return (await Promise.all(arrived)).flat()
  }

  /** All units ever sent; nothing where nobody knows what became of it. */
  async #send(donor: number, home: number, wants: Units): Promise<Units | undefined> {
    try {
      return await this.#askToSend(donor, home, wants)
    } catch (error) {
      for (const [sku] of wants) this.#known.note(donor, sku, 0)
      if (error instanceof StockholdError && error.code === 'UNKNOWN_OUTCOME')
        void this.#lookAfter(donor, home, wants)
      return undefined
    }
  }

  /** @param skus Of these it is told what was ever sent; what is wanted is among them. */
  #askToSend(donor: number, home: number, wants: Units, skus = wants): Promise<Units> {
    const received = this.#receivedFrom(donor, home, skus)
    return this.#parts.ask(donor, 'send', { to: home, wants, received }, this.#call(), (answer) => {
      this.#known.noteAll(donor, answer.left)
      return answer.sent
    })
  }

  /** Units that may have been sent shall not wait for somebody who lacks them. To want nothing is to ask what was sent. */
  async #lookAfter(donor: number, home: number, wants: Units): Promise<void> {
    const sent = await this.#askToSend(donor, home, [], wants).catch(() => undefined)
    if (sent) await this.#receive(donor, home, sent, [])
  }

  /** The SKUs of which more has arrived than this handle knew of. */
  async #receive(donor: number, home: number, sent: Units, asked: Units): Promise<number[]> {
    const before = this.#receivedFrom(donor, home, sent)
    // Nothing was left there, and nothing that was sent before is missing here: the home need not be asked.
    if (beyond(sent, before).length === 0) return []
    const wanted = new Map(asked)
    try {
      const arrived = beyond(await this.#catchUp(donor, home, sent), before)
      for (const [sku, units] of arrived) {
        // What a handle has heard of a pair for the first time may have come long ago.
        const atMost = Math.max(wanted.get(sku) ?? 0, this.#known.at(donor, sku) + 1)
        this.#add(home, sku, Math.min(units, atMost))
      }
      return arrived.map(([sku]) => sku)
    } catch {
      // Whoever wants something of the home hears of it there.
      return []
    }
  }

  #catchUp(donor: number, home: number, sent: Units): Promise<Units> {
    return this.#parts.ask(home, 'receive', { from: donor, sent }, this.#call(), ({ received }) => {
      const known = this.#knownReceived(donor, home) ?? new Map<number, number>()
      for (const [sku, units] of received) known.set(sku, units)
      this.#received.set(pair(donor, home), { units: known, line: this.#lineOf(home) })
      return received
    })
  }

  /** So many have come home, of what this handle looks for. */
  #add(home: number, sku: number, units: number): void {
    if (this.#known.isKnown(sku)) this.#known.note(home, sku, this.#known.at(home, sku) + units)
  }

  /** Of each of these SKUs what the home is known to have received. */
  #receivedFrom(donor: number, home: number, skus: Units): Units {
    const known = this.#knownReceived(donor, home)
    return skus.map(([sku]) => [sku, known?.get(sku) ?? 0])
  }

  /** What a home said before it was recovered, it may have forgotten; and where the donor has forgotten it too, nobody has those units. */
  #knownReceived(donor: number, home: number): Map<number, number> | undefined {
    const known = this.#received.get(pair(donor, home))
    return known && known.line === this.#lineOf(home) ? known.units : undefined
  }

  #lineOf(partition: number): number | undefined {
    return this.#parts.session(partition).tip?.line
  }

  /**
   * Brings home whatever is in transit between any two partitions that can be reached: nobody else may be left who does. One walk at a time,
   * shared. Answers whether there was anything.
   */
  driveOn(): Promise<boolean> {
    this.#driving ??= this.#driveOn().finally(() => {
      this.#driving = undefined
    })
    return this.#driving
  }

  async #driveOn(): Promise<boolean> {
    const call = this.#call()
    const { done } = await askEvery(this.#parts.count, (index) =>
      this.#parts.ask(index, 'transfers', {}, call, (answer) => answer),
    )
    const late: { donor: number; home: number; sent: Units; before: Units }[] = []
    for (const [donor, answer] of done.entries()) {
      for (const [home, sent] of answer?.sent ?? []) {
        if (!done[home]) continue
        const before = done[home].received.find(([from]) => from === donor)?.[1] ?? []
        for (const some of inCalls(ahead(sent, before))) late.push({ donor, home, sent: some, before })
      }
    }
    await Promise.allSettled(
      late.map(async ({ donor, home, sent, before }) => {
        const arrived = beyond(await this.#catchUp(donor, home, sent), before)
        for (const [sku, units] of arrived) this.#add(home, sku, units)
      }),
    )
    return late.length > 0
  }

  #call(): { deadline: number } {
    return { deadline: this.#timing.now() + this.#limitMs }
  }
}

/** Is over with the first who has enough, but not before a moment has passed. */
class Patience {
  readonly over: Promise<void>
  readonly #timer: Timer
  #resolve!: () => void
  #isLate = false
  #hasEnough = false

  constructor(timing: Timing, ms: number) {
    this.over = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#timer = timing.after(ms, () => {
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

function pair(donor: number, home: number): string {
  return `${donor} ${home}`
}
