import { setTimeout as sleep } from 'node:timers/promises'
import { StockholdError } from '../errors.js'
import type { FlashSale } from '../sale/flash-sale.js'
import type { Reservation } from '../sale/results.js'
import type { Answer, StoryCall } from './call.js'
import { ExpectedReservations, isSameCart } from './expected-reservations.js'
import { demand, ExpectedUnits } from './expected-units.js'
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
  readonly #reservations = new ExpectedReservations()
  readonly #units: ExpectedUnits
  readonly #byKey = new Map<string, string>()
  /** The requests with keys that were carried out. */
  readonly #made = new Set<string>()
  /** The household of each buyer with a reservation. */
  readonly #homes = new Map<string, string>()
  #next = 0

  constructor(handles: readonly FlashSale[], story: Story, transcript: Transcript) {
    const { stock, limit, households, returnsTo = {} } = story
    this.#handles = handles
    this.#stock = stock
    this.#limit = limit
    this.#households = households
    this.#returnsTo = returnsTo
    this.#units = new ExpectedUnits(stock, returnsTo)
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
    const known = this.#reservations.ids
    this.#transcript.nextGroup()
    // Wait for all requests before reporting: one still under way would run into the next story.
    const results = await Promise.allSettled(group.map((step) => this.#step(step, known)))
    for (const result of results) if (result.status === 'rejected') throw result.reason
    await this.#reservations.lookUp(
      (id) => this.#handle().get(id),
      (items) => this.#units.redirect(items, -1),
    )
    await this.#check(group.length === 1)
  }

  async close(): Promise<void> {
    for (const id of this.#reservations.confirmed) {
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
    else if (step.do === 'setTotal') await this.#setTotal(step)
    else if (step.do === 'move') await this.#move(step)
    else if (known.length > 0) {
      const id = known[step.which % known.length]!
      if (step.do === 'transfer') await this.#transfer(step, id)
      else if (step.do === 'amend') await this.#amend(step, id)
      else if (step.do === 'refund') await this.#refund(step, id)
      else await this.#settle(step, id)
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
      this.#reservations.hear(reservation, first)
    } else this.#reservations.hear(reservation)
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
    if (!('applied' in result) || result.replayed) return
    this.#once(`restock ${key}`)
    this.#units.add(sku, result.applied)
  }

  async #setTotal({ sku, total, key }: Extract<Step, { do: 'setTotal' }>): Promise<void> {
    const call = { do: 'setTotal', sku, total, key, countedAt: null } as const
    const result = await this.#ask(call, (handle) => handle.setTotal({ sku, total, key }))
    // A count that came too late is no change: it is answered the same each time.
    if (result.status !== 'set' || result.replayed) return
    this.#once(`setTotal ${key}`)
    this.#units.count(sku, total)
  }

  async #move({ from, to, quantity, key }: Extract<Step, { do: 'move' }>): Promise<void> {
    const result = await this.#ask({ do: 'move', from, to, quantity, key }, (handle) =>
      handle.move({ from, to, quantity, key }),
    )
    if (!('applied' in result) || result.replayed) return
    this.#once(`move ${key}`)
    this.#units.move(from, to, result.applied)
  }

  /** A request with a key was carried out. */
  #once(what: string): void {
    demand(!this.#made.has(what), `${what} was carried out twice`)
    this.#made.add(what)
  }

  async #amend({ items }: Extract<Step, { do: 'amend' }>, id: string): Promise<void> {
    const { amended } = this.#reservations.mayChange(id)
    const result = await this.#ask({ do: 'amend', id, buyer: null, items }, (handle) =>
      handle.amend(id, { items }),
    )
    demand(result.status !== 'not_found', `${id} was answered before, and is not found now`)
    if (!('reservation' in result)) return
    const { status, reservation } = result
    if (status === 'amended') {
      demand(isSameCart(reservation.items, items), `${id} was amended, and has another cart`)
      amended.push(reservation.items)
    }
    this.#reservations.hear(reservation, id)
  }

  async #transfer({ to }: Extract<Step, { do: 'transfer' }>, id: string): Promise<void> {
    const result = await this.#ask({ do: 'transfer', id, to, from: null }, (handle) =>
      handle.transfer(id, { to }),
    )
    demand(result.status !== 'not_found', `${id} was answered before, and is not found now`)
    if ('reservation' in result) this.#reservations.hear(result.reservation, id)
  }

  async #settle(step: Extract<Step, { do: 'confirm' | 'release' }>, id: string): Promise<void> {
    const result =
      step.do === 'confirm'
        ? await this.#ask({ do: 'confirm', id, buyer: null, paymentId: 'p' }, (handle) =>
            handle.confirm(id, { paymentId: 'p' }),
          )
        : await this.#ask({ do: 'release', id, buyer: null }, (handle) => handle.release(id))
    demand(result.status !== 'not_found', `${id} was answered before, and is not found now`)
    if (!('reservation' in result)) return
    const { status, reservation } = result
    if (status === 'confirmed') {
      this.#reservations.confirm(id)
      if (result.late && !result.replayed) this.#units.redirect(reservation.items, 1)
    }
    if (status === 'refund_due') this.#reservations.refundDue(id)
    if (status === 'released' && !result.replayed) this.#units.redirect(reservation.items, -1)
    this.#reservations.hear(reservation, id)
  }

  async #refund({ restock, items, key }: Extract<Step, { do: 'refund' }>, id: string): Promise<void> {
    const { refunded } = this.#reservations.mayChange(id)
    const part = items && key !== undefined ? { items, key } : { key }
    const result = await this.#ask({ do: 'refund', id, restock, ...part }, (handle) =>
      handle.refund(id, { restock, ...part }),
    )
    demand(result.status !== 'not_found', `${id} was answered before, and is not found now`)
    if (!('reservation' in result)) return
    const { reservation } = result
    if (result.status === 'refunded' && !result.replayed) {
      if (key !== undefined) this.#once(`refund of ${id}, ${key}`)
      refunded.push(reservation.items)
      const taken = part.items ?? reservation.items
      if (restock) this.#units.redirect(taken, -1)
      else for (const { sku, quantity } of taken) this.#units.add(sku, -quantity)
    }
    this.#reservations.hear(reservation, id)
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

  /** @param isOnly Whether there was one request since the check before. */
  async #check(isOnly: boolean): Promise<void> {
    const { skus } = await this.#handle().stats()
    const promised = new Map<string, number>()
    const taken = new Map<string, { readonly units: number; readonly limit: number }>()
    for (const reservation of this.#reservations.all) {
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
    this.#units.check(skus, isOnly)
    for (const [sku, { total, held, confirmed }] of Object.entries(skus)) {
      const units = promised.get(sku) ?? 0
      demand(units <= total, `${sku}: ${units} units are promised, and there are ${total}`)
      demand(
        units <= held + confirmed,
        `${sku}: ${units} units are promised, the sale counts ${held + confirmed}`,
      )
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

/** Whether the units must be counted: a short hold may have expired meanwhile. */
function isCertain({ state, createdAt, expiresAt }: Reservation): boolean {
  return state === 'confirmed' || (state === 'held' && expiresAt - createdAt >= SHORT_MS)
}
