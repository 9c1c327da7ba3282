import { isDeepStrictEqual } from 'node:util'
import type {
  Answer,
  Command,
  Engine,
  Op,
  Partition,
  SkuCounts,
  StoredReservation,
} from '../../src/engine/engine.js'
import { History } from './history.js'
import { demand, Violation } from './violation.js'

/**
 * Looks at one partition through the port's reading commands, which sweep nothing: whatever is left undone by the engine
 * stays undone while it is looked at.
 */
export class Witness {
  readonly #partition: Partition
  readonly #token: string
  readonly #history: History

  private constructor(partition: Partition, token: string, stock: readonly number[]) {
    this.#partition = partition
    this.#token = token
    this.#history = new History(stock)
  }

  static async of(engine: Engine, sale: string): Promise<Witness> {
    const partition = engine.partition(sale, 0)
    const { token, rules } = await ask(partition, null, 'describe', {})
    const stock = rules.skus.map((sku) => sku.stock)
    return new Witness(partition, token, stock)
  }

  /** Recounts the reservations and the events, and compares both with the counts. Answers the counts. */
  async look(): Promise<readonly SkuCounts[]> {
    const seen = new Map<string, StoredReservation>()
    let page: Answer<'scan'>
    let cursor = '0'
    do {
      page = await ask(this.#partition, this.#token, 'scan', { cursor })
      for (const reservation of page.reservations) seen.set(reservation.id, reservation)
      cursor = page.cursor
    } while (cursor !== '0')
    recount(page.skus, [...seen.values()])
    await this.#readEvents(page.sequence, seen)
    this.#compare(page.skus, seen)
    return page.skus
  }

  async #readEvents(until: number, seen: ReadonlyMap<string, StoredReservation>): Promise<void> {
    const cartOf = (id: string) => {
      const cart = seen.get(id)?.cart
      if (!cart) throw new Violation('events', `there is an event of ${id}, and no such reservation`)
      return cart
    }
    while (this.#history.sequence < until) {
      const { events } = await ask(this.#partition, this.#token, 'events', { after: this.#history.sequence })
      demand(events.length > 0, 'events', () => `none after ${this.#history.sequence}, of ${until}`)
      // A sweep may have written more behind the page.
      for (const event of events) if (event.sequence <= until) this.#history.add(event, cartOf)
    }
    this.#history.nothingDue()
  }

  #compare(skus: readonly SkuCounts[], seen: ReadonlyMap<string, StoredReservation>): void {
    const { counts, reservations } = this.#history
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
    for (const { id, state, expiresAt } of seen.values()) {
      const past = reservations.get(id)
      demand(
        past?.state === state && past.expiresAt === expiresAt,
        'events',
        () => `${id} is ${state} until ${expiresAt}, its events say ${past?.state} until ${past?.expiresAt}`,
      )
    }
  }
}

function recount(skus: readonly SkuCounts[], reservations: readonly StoredReservation[]): void {
  for (const [sku, counts] of skus.entries()) {
    const units = (state: StoredReservation['state']) =>
      reservations
        .filter((reservation) => reservation.state === state)
        .flatMap(({ cart }) => cart.filter((line) => line[0] === sku))
        .reduce((sum, [, quantity]) => sum + quantity, 0)
    const { total, available, held, confirmed, inTransit } = counts
    const told = () =>
      `SKU ${sku} is ${JSON.stringify(counts)}, held are ${units('held')}, confirmed ${units('confirmed')}`
    demand(Math.min(total, available, held, confirmed, inTransit) >= 0, 'conservation', told)
    demand(total === available + held + confirmed + inTransit, 'conservation', told)
    demand(held === units('held') && confirmed === units('confirmed'), 'conservation', told)
  }
}

type Reading = 'describe' | 'scan' | 'events'

async function ask<C extends Reading & Command>(
  partition: Partition,
  token: string | null,
  command: C,
  op: Op<C>,
): Promise<Answer<C>> {
  const call = { token, deadline: Number.MAX_SAFE_INTEGER, floor: 0, sent: () => true }
  const reply = await partition.run(command, [op], call)
  if (reply.outcome !== 'done') throw new Violation('fault', `${command}: ${reply.outcome}`)
  return reply.answers[0]!
}
