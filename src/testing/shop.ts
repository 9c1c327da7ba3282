import { setTimeout as sleep } from 'node:timers/promises'
import { StockholdError } from '../errors.js'
import type { FlashSale } from '../sale/flash-sale.js'
import type { Reservation } from '../sale/results.js'
import type { Answer, StoryCall } from './call.js'
import type { Households, Step, Story } from './story.js'
import type { Transcript } from './transcript.js'

/** Holds shorter than this may expire at any moment of a run; longer ones never do. */
const SHORT_MS = 1_000

/** A key that was used for another cart. */
const conflict = { status: 'conflict' } as const

/** Plays steps on a sale and keeps its own record of the answers. */
export class Shop {
  readonly #handles: readonly FlashSale[]
  readonly #stock: Readonly<Record<string, number>>
  readonly #limit: number | undefined
  readonly #households: Households | undefined
  readonly #returnsTo: Readonly<Record<string, string>>
  readonly #transcript: Transcript
  /** The latest answer for each reservation, by the first of its ids. */
  readonly #answered = new Map<string, Reservation>()
  /** The first id of each reservation that was transferred, by its later ones. */
  readonly #firstIds = new Map<string, string>()
  readonly #byKey = new Map<string, string>()
  readonly #confirmed = new Set<string>()
  readonly #due = new Set<string>()
  /** The household of each buyer with a reservation. */
  readonly #homes = new Map<string, string>()
  /**
   * The most units that each SKU may have, by what was added, removed and came back. A SKU that
   * others return to may have more: holds expire at any time.
   */
  readonly #most: Map<string, number>
  /** The units of all SKUs. */
  #total: number
  #next = 0

  constructor(handles: readonly FlashSale[], story: Story, transcript: Transcript) {
    const { stock, limit, households, returnsTo = {} } = story
    this.#handles = handles
    this.#stock = stock
    this.#limit = limit
    this.#households = households
    this.#returnsTo = returnsTo
    this.#most = new Map(Object.entries(stock))
    this.#total = Object.values(stock).reduce((sum, units) => sum + units, 0)
    this.#transcript = transcript
  }

  async open(): Promise<void> {
    const skus = Object.entries(this.#returnsTo).map(([sku, returnsTo]) => [sku, { returnsTo }] as const)
    const rules = {
      ...{ stock: this.#stock, holdMs: 60_000, skus: Object.fromEntries(skus) },
      ...{ limitPerBuyer: this.#limit, limitPerHousehold: this.#households?.limit },
    }
    await Promise.all(this.#handles.map((handle) => handle.create(rules)))
  }

  /** Sends all steps at the same time, then checks every rule. */
  async play(group: readonly Step[]): Promise<void> {
    const known = [...this.#answered.keys()]
    this.#transcript.nextGroup()
    // Wait for all requests before reporting: one still under way would run into the next story.
    const results = await Promise.allSettled(group.map((step) => this.#step(step, known)))
    for (const result of results) if (result.status === 'rejected') throw result.reason
    for (const id of new Set(this.#firstIds.values())) await this.#lookUp(id)
    await this.#check()
  }

  async close(): Promise<void> {
    for (const id of this.#confirmed) {
      const now = await this.#handle().get(id)
      demand(now?.state === 'confirmed', `${id} was confirmed, and is ${now?.state ?? 'gone'} now`)
    }
    const { ok, violations } = await this.#handle().audit()
    demand(ok, `the audit found: ${violations.map(({ message }) => message).join('; ')}`)
    await this.#nothingIsStranded()
  }

  #handle(): FlashSale {
    return this.#handles[this.#next++ % this.#handles.length]!
  }

  async #step(step: Step, known: readonly string[]): Promise<void> {
    if (step.do === 'wait') {
      this.#transcript.line('wait(10 ms)')
      await sleep(10)
    } else if (step.do === 'reserve') await this.#reserve(step)
    else if (step.do === 'restock') await this.#restock(step)
    else if (known.length > 0) {
      const id = known[step.which % known.length]!
      await (step.do === 'transfer' ? this.#transfer(step, id) : this.#settle(step, id))
    }
  }

  async #reserve(step: Extract<Step, { do: 'reserve' }>): Promise<void> {
    const { buyer, items, key, holdMs } = step
    const household = this.#householdOf(buyer, step.household)
    const call: StoryCall = { do: 'reserve', buyer, household, items, key: key ?? null, holdMs }
    const result = await this.#ask(call, (handle) => handle.reserve({ buyer, household, items, key, holdMs }))
    if (result.status === 'household_conflict') this.#isOf(buyer, result.household)
    if (result.status !== 'reserved') return
    const { reservation } = result
    // A reservation that was transferred may be another buyer's.
    if (reservation.buyer === buyer && household !== undefined) this.#isOf(buyer, household)
    if (key !== undefined) {
      const first = this.#byKey.get(`${buyer} ${key}`) ?? reservation.id
      // One that was transferred has no key.
      demand(
        first === reservation.id || reservation.key === null,
        `the key ${key} of ${buyer} made two reservations, ${first} and ${reservation.id}`,
      )
      this.#byKey.set(`${buyer} ${key}`, first)
      this.#hear(reservation, first)
    } else this.#hear(reservation)
  }

  #householdOf(buyer: string, given?: string): string | undefined {
    return this.#households && (given ?? this.#households.of[buyer] ?? `home of ${buyer}`)
  }

  #isOf(buyer: string, household: string): void {
    const known = this.#homes.get(buyer) ?? household
    demand(known === household, `${buyer} is of two households, ${known} and ${household}`)
    this.#homes.set(buyer, household)
  }

  async #restock({ sku, quantity, key }: Extract<Step, { do: 'restock' }>): Promise<void> {
    const result = await this.#ask({ do: 'restock', sku, quantity, key }, (handle) =>
      handle.restock({ sku, quantity, key }),
    )
    if ('applied' in result && !result.replayed) this.#add(sku, result.applied)
  }

  /** Units were added to the sale, or removed. */
  #add(sku: string, quantity: number): void {
    this.#total += quantity
    this.#may(sku, quantity)
  }

  #may(sku: string, more: number): void {
    this.#most.set(sku, this.#most.get(sku)! + more)
  }

  /** Units became those of another SKU, or may have become its own again: for a late payment. */
  #redirect({ items }: Reservation, sign: 1 | -1): void {
    for (const { sku, quantity } of items)
      if (this.#returnsTo[sku] !== undefined) this.#may(sku, sign * quantity)
  }

  async #transfer({ to }: Extract<Step, { do: 'transfer' }>, id: string): Promise<void> {
    const result = await this.#ask({ do: 'transfer', id, to, from: null }, (handle) =>
      handle.transfer(id, { to }),
    )
    demand(result.status !== 'not_found', `${id} was answered before, and is not found now`)
    if ('reservation' in result) this.#hear(result.reservation, id)
  }

  /** Of several transfers at once, which was the last is not known. */
  async #lookUp(id: string): Promise<void> {
    const present = await this.#handle().get(id)
    demand(present !== undefined, `${id} was transferred, and is not found now`)
    this.#answered.set(id, present!)
  }

  async #settle(step: Extract<Step, { restock: boolean; which: number }>, id: string): Promise<void> {
    const { restock } = step
    const result =
      step.do === 'confirm'
        ? await this.#ask({ do: 'confirm', id, buyer: null, paymentId: 'p' }, (handle) =>
            handle.confirm(id, { paymentId: 'p' }),
          )
        : step.do === 'release'
          ? await this.#ask({ do: 'release', id, buyer: null }, (handle) => handle.release(id))
          : await this.#ask({ do: 'refund', id, restock }, (handle) => handle.refund(id, { restock }))
    demand(result.status !== 'not_found', `${id} was answered before, and is not found now`)
    if (!('reservation' in result)) return
    if (result.status === 'confirmed') {
      demand(!this.#due.has(id), `${id} was told refund_due, and confirmed later`)
      this.#confirmed.add(id)
    }
    if (result.status === 'refund_due') this.#due.add(id)
    if (result.status === 'confirmed' && result.late && !result.replayed)
      this.#redirect(result.reservation, 1)
    if ((result.status === 'released' || result.status === 'refunded') && !result.replayed) {
      if (result.status === 'released' || restock) this.#redirect(result.reservation, -1)
      else for (const { sku, quantity } of result.reservation.items) this.#add(sku, -quantity)
    }
    if (result.status === 'refunded') this.#confirmed.delete(id)
    this.#hear(result.reservation, id)
  }

  /** Sends one request by the next handle, and records its answer. */
  async #ask<T extends object>(
    call: StoryCall,
    send: (handle: FlashSale) => Promise<T>,
  ): Promise<T | typeof conflict> {
    try {
      const answer = await send(this.#handle())
      this.#transcript.answer(call, { ...answer } as unknown as Answer)
      return answer
    } catch (error) {
      this.#transcript.failure(call, error)
      if (error instanceof StockholdError && error.code === 'IDEMPOTENCY_CONFLICT') return conflict
      throw error
    }
  }

  /**
   * The last of several concurrent answers need not be the newest: here an ended reservation stays
   * ended.
   */
  #hear(reservation: Reservation, first = reservation.id): void {
    if (reservation.id !== first) this.#firstIds.set(reservation.id, first)
    const before = this.#answered.get(first)
    if (before && rank(before) > rank(reservation)) return
    this.#answered.set(first, reservation)
    if (reservation.state === 'refunded') this.#confirmed.delete(first)
  }

  async #check(): Promise<void> {
    const { skus } = await this.#handle().stats()
    const promised = new Map<string, number>()
    const taken = new Map<string, { readonly units: number; readonly limit: number }>()
    for (const reservation of this.#answered.values()) {
      if (!isCertain(reservation)) continue
      for (const { sku, quantity } of reservation.items) {
        promised.set(sku, (promised.get(sku) ?? 0) + quantity)
        for (const [owner, limit] of this.#owners(reservation)) {
          const name = `${owner} ${sku}`
          const { units } = taken.get(name) ?? { units: 0 }
          taken.set(name, { units: units + quantity, limit })
        }
      }
    }
    for (const [sku, { total, available, held, confirmed, inTransit }] of Object.entries(skus)) {
      const counts = JSON.stringify({ total, available, held, confirmed, inTransit })
      demand(total === available + held + confirmed + inTransit, `${sku}: the parts do not add up: ${counts}`)
      demand(
        Math.min(total, available, held, confirmed, inTransit) >= 0,
        `${sku}: a count is negative: ${counts}`,
      )
      const units = promised.get(sku) ?? 0
      demand(units <= total, `${sku}: ${units} units are promised, and there are ${total}`)
      demand(
        units <= held + confirmed,
        `${sku}: ${units} units are promised, the sale counts ${held + confirmed}`,
      )
    }
    const total = Object.values(skus).reduce((sum, counts) => sum + counts.total, 0)
    demand(total === this.#total, `there are ${total} units of all SKUs in place of ${this.#total}`)
    for (const sku of Object.keys(this.#returnsTo)) {
      const [units, most] = [skus[sku]!.total, this.#most.get(sku)!]
      demand(units <= most, `${sku}: ${units} units, and all but ${most} became units of another SKU`)
    }
    for (const [name, { units, limit }] of taken)
      demand(units <= limit, `${name}: ${units} units, the limit is ${limit}`)
  }

  /** For whom the units count, with their limits. */
  *#owners({ buyer, household }: Reservation): Generator<readonly [owner: string, limit: number]> {
    if (this.#limit !== undefined) yield [buyer, this.#limit]
    if (this.#households) yield [`household ${household}`, this.#households.limit]
  }

  /** Checks that a buyer who asks for an available unit gets it. */
  async #nothingIsStranded(): Promise<void> {
    const { skus } = await this.#handle().stats()
    for (const [sku, { available }] of Object.entries(skus)) {
      for (let unit = 0; unit < available; unit++) {
        this.#transcript.nextGroup()
        const buyer = `late-${sku}-${unit}`
        const household = this.#householdOf(buyer)
        const request = { buyer, household, items: [{ sku, quantity: 1 }], key: 'late' }
        const call: StoryCall = { do: 'reserve', ...request, holdMs: null }
        const { status } = await this.#ask(call, (handle) => handle.reserve(request))
        demand(
          status === 'reserved',
          `${sku}: ${available} units are available, and a buyer is told ${status}`,
        )
      }
    }
  }
}

function rank({ state }: Reservation): number {
  return { held: 0, confirmed: 1, released: 2, expired: 2, refunded: 2, transferred: 2 }[state]
}

/** Whether the units must be counted: a short hold may have expired meanwhile. */
function isCertain({ state, createdAt, expiresAt }: Reservation): boolean {
  return state === 'confirmed' || (state === 'held' && expiresAt - createdAt >= SHORT_MS)
}

function demand(holds: boolean, message: string): void {
  if (!holds) throw new Error(message)
}
