import { Session } from '../../src/batching/session.js'
import type { Command, FinalAnswer, Op, Units } from '../../src/engine/engine.js'
import type { Parts } from '../../src/sale/partitions.js'
import type { TestClock } from './test-clock.js'

interface Asked {
  readonly index: number
  readonly command: Command
  readonly op: object
  readonly deadline: number
}

/**
 * The partitions of a sale, as far as units move between them: what each has, and all that each
 * ever sent and received.
 */
export class FakeParts implements Parts {
  readonly asked: Asked[] = []
  readonly sessions: Session[]
  /** By partition and SKU. */
  readonly stock: number[][]
  /** By partition and the other one: all units ever sent there, or received from there, by SKU. */
  readonly sent = new Map<string, Map<number, number>>()
  readonly received = new Map<string, Map<number, number>>()
  /** Runs before a call is carried out, and may fail, or take its time. */
  before: ((index: number, command: Command, op: object) => unknown) | undefined
  /** Runs after it was carried out, before its answer is heard. */
  after: ((index: number, command: Command, op: object) => unknown) | undefined

  constructor(stock: number[][], clock: TestClock) {
    this.stock = stock
    this.sessions = stock.map((_, index) => {
      const session = new Session(`part ${index}`, { max: 1_000, open: 0 }, clock)
      session.history.advanceTo({ generation: 1, sequence: 0, batchId: '' })
      return session
    })
  }

  get count(): number {
    return this.stock.length
  }

  session(index: number): Session {
    return this.sessions[index]!
  }

  /** How often a command was sent, as partition numbers. */
  calls(command: Command): number[] {
    return this.asked.filter((one) => one.command === command).map(({ index }) => index)
  }

  async ask<C extends Command, T>(
    index: number,
    command: C,
    op: Op<C>,
    { deadline }: { readonly deadline: number },
    result: (answer: FinalAnswer<C>) => T,
  ): Promise<T> {
    this.asked.push({ index, command, op, deadline })
    await this.before?.(index, command, op)
    const answer = this.#answer(index, command, op)
    await this.after?.(index, command, op)
    return result(answer as FinalAnswer<C>)
  }

  #answer(index: number, command: Command, op: object): object {
    if (command === 'send') return this.#send(index, op as Op<'send'>)
    if (command === 'receive') return this.#receive(index, op as Op<'receive'>)
    if (command === 'transfers')
      return { sent: this.#rows(this.sent, index), received: this.#rows(this.received, index) }
    if (command === 'stats') {
      const counts = this.#counts(index)
      return {
        status: 'open',
        skus: (op as Op<'stats'>).skus?.map((sku) => counts[sku]!) ?? counts,
        returns: 0,
      }
    }
    throw new Error(command)
  }

  /** What is wanted, and no more. */
  #send(from: number, { to, wants }: Op<'send'>): object {
    const row = rowOf(this.sent, from, to)
    for (const [sku, wanted] of wants) {
      const units = Math.min(wanted, this.stock[from]![sku]!)
      this.stock[from]![sku]! -= units
      if (units > 0) row.set(sku, (row.get(sku) ?? 0) + units)
    }
    return { status: 'sent', sent: [...row], left: wants.map(([sku]) => [sku, this.stock[from]![sku]!]) }
  }

  #receive(at: number, { from, sent }: Op<'receive'>): object {
    const row = rowOf(this.received, at, from)
    for (const [sku, units] of sent) {
      const more = Math.max(0, units - (row.get(sku) ?? 0))
      this.stock[at]![sku]! += more
      row.set(sku, (row.get(sku) ?? 0) + more)
    }
    return { status: 'received', received: [...row] }
  }

  #rows(all: Map<string, Map<number, number>>, index: number): [number, Units][] {
    const found: [number, Units][] = []
    for (const [pair, row] of all) {
      const [mine, other] = pair.split(' ').map(Number) as [number, number]
      if (mine === index) found.push([other, [...row]])
    }
    return found
  }

  #counts(index: number) {
    const gone = (all: Map<string, Map<number, number>>, sku: number) =>
      this.#rows(all, index).reduce((sum, [, units]) => sum + (new Map(units).get(sku) ?? 0), 0)
    return this.stock[index]!.map((available, sku) => {
      const inTransit = gone(this.sent, sku) - gone(this.received, sku)
      return { total: available + inTransit, available, held: 0, confirmed: 0, inTransit }
    })
  }
}

function rowOf(all: Map<string, Map<number, number>>, one: number, other: number): Map<number, number> {
  const row = all.get(`${one} ${other}`) ?? new Map<number, number>()
  all.set(`${one} ${other}`, row)
  return row
}
