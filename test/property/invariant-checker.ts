import { isDeepStrictEqual } from 'node:util'
import type {
  Answer,
  Command,
  Op,
  Partition,
  Rules,
  SkuCounts,
  StoredReservation,
} from '../../src/engine/engine.js'
import { splitStock } from '../../src/engine/stock-split.js'
import { checkCounts } from '../model/counts.js'
import { demand, Violation } from '../model/violation.js'
import type { CountedEntries } from '../support/counted-entries.js'
import type { TimedEngine } from '../support/engines.js'
import { History } from './history.js'

/**
 * Looks at one partition through the port's reading commands, which sweep nothing: whatever is left
 * undone by the engine stays undone while it is looked at.
 */
export class InvariantChecker {
  readonly #partition: Partition
  readonly #token: string
  /** The partition as its events tell it. */
  readonly history: History
  /** Those that a recovery may have ended: they have another `expiresAt` than their events say. */
  readonly restored = new Set<string>()
  readonly #carts = new Map<string, StoredReservation['cart']>()
  /** There is no other partition that units could have come from. */
  readonly #alone: boolean

  readonly #stockOf: (rules: Rules) => number[]
  readonly #entries: () => Promise<CountedEntries> | undefined

  private constructor(
    partition: Partition,
    token: string,
    rules: Rules,
    stockOf: (rules: Rules) => number[],
    alone: boolean,
    entries: () => Promise<CountedEntries> | undefined,
  ) {
    this.#partition = partition
    this.#token = token
    this.#stockOf = stockOf
    this.history = new History(stockOf(rules))
    this.#alone = alone
    this.#entries = entries
  }

  static async of(timed: TimedEngine, sale: string, index: number, partitions: number) {
    const partition = timed.engine.partition(sale, index, partitions)
    const { incarnation, rules } = await ask(partition, null, 'describe', {})
    const stockOf = ({ skus }: Rules) =>
      skus.map((rule, sku) => splitStock(rule.stock, sku, index, partitions))
    const entries = () => timed.entries?.(sale, index, partitions)
    return new InvariantChecker(partition, incarnation, rules, stockOf, partitions === 1, entries)
  }

  /**
   * Recounts the reservations and the events, and compares both with the counts. Also compares what
   * a partition counts of its own keys with what is in them. Answers the counts.
   */
  async look(): Promise<readonly SkuCounts[]> {
    const { page, seen, further, refunds } = await this.#scan()
    recount(page.skus, [...seen.values()], this.#alone)
    await this.#readEvents(page.sequence)
    this.#compare(page.skus, seen, further)
    this.#remembers(refunds)
    const entries = await this.#entries()
    demand(isDeepStrictEqual(entries?.counted, entries?.there), 'entries', () => JSON.stringify(entries))
    return page.skus
  }

  /**
   * All reservations, and the counts with them: a handle's own sweep between two pages would show a
   * part of it before and a part after.
   */
  async #scan(): Promise<{
    page: Answer<'scan'>
    seen: ReadonlyMap<string, StoredReservation>
    further: ReadonlySet<string>
    refunds: ReadonlySet<string>
  }> {
    for (;;) {
      const seen = new Map<string, StoredReservation>()
      const further = new Set<string>()
      const refunds = new Set<string>()
      const pages: Answer<'scan'>[] = []
      do {
        const page = await ask(this.#partition, this.#token, 'scan', { cursor: pages.at(-1)?.cursor ?? '0' })
        for (const reservation of page.reservations) seen.set(reservation.id, reservation)
        for (const { id, paymentId, reason } of page.furtherPayments)
          further.add(`${id} ${paymentId} ${reason}`)
        for (const { id, key } of page.keyedRefunds) refunds.add(`${id} ${key}`)
        pages.push(page)
      } while (pages.at(-1)!.cursor !== '0')
      const page = pages.at(-1)!
      if (page.sequence === pages[0]!.sequence) return { page, seen, further, refunds }
    }
  }

  async #readEvents(until: number): Promise<void> {
    const cartOf = (id: string) => {
      const cart = this.#carts.get(id)
      if (!cart) throw new Violation('events', `there is an event of ${id}, and no such reservation`)
      return cart
    }
    while (this.history.sequence < until) {
      const { events, reservations } = await ask(this.#partition, this.#token, 'events', {
        after: this.history.sequence,
        reservations: true,
      })
      for (const { id, cart, changes } of reservations) this.#carts.set(id, changes?.first ?? cart)
      demand(events.length > 0, 'events', () => `none after ${this.history.sequence}, of ${until}`)
      if (events.some(({ type }) => type === 'updated')) {
        const { present } = await ask(this.#partition, this.#token, 'describe', {})
        this.history.begin(this.#stockOf(present.rules))
      }
      // A sweep may have written more behind the page.
      for (const event of events) if (event.sequence <= until) this.history.add(event, cartOf)
    }
    this.history.nothingDue()
  }

  /** The key of every refund; and of more only those that a recovery found refunded already. */
  #remembers(refunds: ReadonlySet<string>): void {
    for (const [id, past] of this.history.reservations)
      for (const key of past.refunds)
        demand(refunds.has(`${id} ${key}`), 'events', () => `${id} has forgotten the refund ${key}`)
  }

  #compare(
    skus: readonly SkuCounts[],
    seen: ReadonlyMap<string, StoredReservation>,
    further: ReadonlySet<string>,
  ): void {
    const { counts, reservations } = this.history
    demand(
      isDeepStrictEqual(counts, skus),
      'events',
      () => `they add up to ${JSON.stringify(counts)}, the counts are ${JSON.stringify(skus)}`,
    )
    demand(
      reservations.size === seen.size,
      'events',
      () => `${reservations.size} of ${seen.size} were reserved`,
    )
    const told = new Set(
      [...reservations].flatMap(([id, past]) =>
        [...past.further].map(([paymentId, reason]) => `${id} ${paymentId} ${reason}`),
      ),
    )
    demand(
      isDeepStrictEqual(told, further),
      'events',
      () => `the events tell of the payments ${[...told]}, there are ${[...further]}`,
    )
    for (const { id, state, expiresAt, cart, changes } of seen.values()) {
      const past = reservations.get(id)
      demand(
        past?.state === state &&
          (past.expiresAt === expiresAt || (state !== 'held' && this.restored.has(id))),
        'events',
        () => `${id} is ${state} until ${expiresAt}, its events say ${past?.state} until ${past?.expiresAt}`,
      )
      demand(
        isDeepStrictEqual(cart, past.cart) && (changes?.count ?? 0) === past.changes,
        'events',
        () =>
          `${id} has ${cart}, changed ${changes?.count} times, its events say ${past.cart}, ${past.changes}`,
      )
    }
  }
}

function recount(
  skus: readonly SkuCounts[],
  reservations: readonly StoredReservation[],
  alone: boolean,
): void {
  for (const [sku, counts] of skus.entries()) {
    const units = (state: StoredReservation['state']) =>
      reservations
        .filter((reservation) => reservation.state === state)
        .flatMap(({ cart }) => cart.filter((line) => line[0] === sku))
        .reduce((sum, [, quantity]) => sum + quantity, 0)
    checkCounts(`SKU ${sku}`, counts, { held: units('held'), confirmed: units('confirmed') })
    const { total, inTransit } = counts
    demand(
      !alone || (total >= 0 && inTransit === 0),
      'conservation',
      () => `SKU ${sku} of a sale with one partition: ${JSON.stringify(counts)}`,
    )
  }
}

type Reading = 'describe' | 'scan' | 'events'

async function ask<C extends Reading & Command>(
  partition: Partition,
  token: string | null,
  command: C,
  op: Op<C>,
): Promise<Answer<C>> {
  const call = { incarnation: token, deadline: Number.MAX_SAFE_INTEGER, minTime: 0, sent: () => true }
  const reply = await partition.run(command, [op], call)
  if (reply.outcome !== 'done') throw new Violation('fault', `${command}: ${reply.outcome}`)
  return reply.answers[0]!
}
