import { setTimeout as sleep } from 'node:timers/promises'
import { StockholdError } from '../errors.js'
import type { FlashSale } from '../sale/flash-sale.js'
import type { Reservation } from '../sale/results.js'
import type { Answer, StoryCall } from './call.js'
import type { Step, Story } from './story.js'
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
  readonly #transcript: Transcript
  /** The latest answer for each reservation, by the first of its ids. */
  readonly #answered = new Map<string, Reservation>()
  /** The first id of each reservation that was transferred, by its later ones. */
  readonly #firstIds = new Map<string, string>()
  readonly #byKey = new Map<string, string>()
  readonly #confirmed = new Set<string>()
  readonly #due = new Set<string>()
  #next = 0

  constructor(handles: readonly FlashSale[], { stock, limit }: Story, transcript: Transcript) {
    this.#handles = handles
    this.#stock = stock
    this.#limit = limit
    this.#transcript = transcript
  }

  async open(): Promise<void> {
    const limits = this.#limit === undefined ? {} : { limitPerBuyer: this.#limit }
    await Promise.all(
      this.#handles.map((handle) => handle.create({ stock: this.#stock, holdMs: 60_000, ...limits })),
    )
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

  async #reserve({ buyer, items, key, holdMs }: Extract<Step, { do: 'reserve' }>): Promise<void> {
    const request = key === undefined ? { buyer, items, holdMs } : { buyer, items, holdMs, key }
    const call: StoryCall = { do: 'reserve', buyer, items, key: key ?? null, holdMs }
    const result = await this.#ask(call, (handle) => handle.reserve(request))
    if (result.status !== 'reserved') return
    const { reservation } = result
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

  async #restock({ sku, quantity, key }: Extract<Step, { do: 'restock' }>): Promise<void> {
    await this.#ask({ do: 'restock', sku, quantity, key }, (handle) => handle.restock({ sku, quantity, key }))
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
    const taken = new Map<string, number>()
    for (const reservation of this.#answered.values()) {
      if (!isCertain(reservation)) continue
      for (const { sku, quantity } of reservation.items) {
        promised.set(sku, (promised.get(sku) ?? 0) + quantity)
        const name = `${reservation.buyer} ${sku}`
        taken.set(name, (taken.get(name) ?? 0) + quantity)
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
    for (const [name, units] of taken) {
      demand(
        this.#limit === undefined || units <= this.#limit,
        `${name}: ${units} units, the limit is ${this.#limit}`,
      )
    }
  }

  /** Checks that a buyer who asks for an available unit gets it. */
  async #nothingIsStranded(): Promise<void> {
    const { skus } = await this.#handle().stats()
    for (const [sku, { available }] of Object.entries(skus)) {
      for (let unit = 0; unit < available; unit++) {
        this.#transcript.nextGroup()
        const request = { buyer: `late-${sku}-${unit}`, items: [{ sku, quantity: 1 }], key: 'late' }
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
