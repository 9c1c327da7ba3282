import { randomFillSync } from 'node:crypto'
import { buyerName, keyName, PLENTY, SKU } from '../../scripts/lib/load/sale.js'
import type { Answer, Command, Engine, Op, Partition } from '../../src/engine/engine.js'
import { makeId } from '../../src/engine/reservation-id.js'
import { type Audit, FlashSale } from '../../src/index.js'

export const HOLD_MS = 600_000
const TOKEN = 'benchbenchbench1'

/** An engine under test, and the way to let its time pass. */
export interface TestEngine {
  readonly name: 'memory' | 'redis'
  readonly engine: Engine
  wait(ms: number): Promise<void>
}

/**
 * A call bounds its work: it asks for what it did not reach again. A sweep tells when the next hold
 * expires: here all have, so it is asked again until there is none.
 */
function isUnfinished(answer: object): boolean {
  const { status, next } = answer as { readonly status?: string; readonly next?: unknown }
  return status === 'retry' || (status === 'swept' && next !== null)
}

/**
 * One sale, called at the port of the engine: a call is a batch, with no other layer in between.
 */
export class Workbench {
  readonly wait: (ms: number) => Promise<void>
  readonly #engine: Engine
  readonly #sale: string
  readonly #partition: Partition
  #made = 0

  private constructor({ engine, wait }: TestEngine, sale: string) {
    this.#engine = engine
    this.#sale = sale
    this.#partition = engine.partition(sale, 0, 1)
    this.wait = wait
  }

  static async open(under: TestEngine, sale: string): Promise<Workbench> {
    const bench = new Workbench(under, sale)
    await bench.#partition.ready()
    const skus = [{ sku: SKU, stock: PLENTY, limit: 2 }]
    const times = { holdMs: HOLD_MS, maxHoldMs: 6 * HOLD_MS, opensAt: null, closesAt: null }
    await bench.run('create', [
      { rules: { skus, ...times, partitions: 1 }, incarnation: TOKEN, complete: true },
    ])
    return bench
  }

  /** Sends again what a call left unfinished, as the library does. */
  async run<C extends Command>(command: C, ops: readonly Op<C>[]): Promise<readonly Answer<C>[]> {
    const answers = [...(await this.#call(command, ops))]
    for (;;) {
      const left = [...answers.keys()].filter((i) => isUnfinished(answers[i]!))
      if (left.length === 0) return answers
      const again = await this.#call(
        command,
        left.map((i) => ops[i]!),
      )
      for (const [at, i] of left.entries()) answers[i] = again[at]!
    }
  }

  async #call<C extends Command>(command: C, ops: readonly Op<C>[]): Promise<readonly Answer<C>[]> {
    const call = { incarnation: TOKEN, deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
    const reply = await this.#partition.run(command, ops, call)
    if (reply.outcome !== 'done') throw new Error(`${command}: the sale is ${reply.outcome}`)
    return reply.answers
  }

  /** A new number at each call. */
  next(): number {
    return this.#made++
  }

  /** Requests of new buyers. */
  requests(count: number, holdMs = HOLD_MS): Op<'reserve'>[] {
    const bytes = randomFillSync(Buffer.allocUnsafe(12 * count)).toString('base64url')
    return Array.from({ length: count }, (_, i) => {
      const n = this.next()
      const id = makeId(0, bytes.slice(16 * i, 16 * i + 8), bytes.slice(16 * i + 8, 16 * i + 16))
      return { id, buyer: buyerName(n), cart: [[0, 1]] as const, key: keyName(n), holdMs }
    })
  }

  /** Makes holds, and answers their ids. */
  async holds(count: number, holdMs = HOLD_MS): Promise<string[]> {
    const answers = await this.run('reserve', this.requests(count, holdMs))
    return answers.map((answer) => {
      if (answer.status !== 'reserved') throw new Error(`reserve answered ${answer.status}`)
      return answer.reservation.id
    })
  }

  async audit(): Promise<Audit> {
    const sale = new FlashSale(this.#sale, { engine: this.#engine, deadlineMs: 60_000 })
    try {
      return await sale.audit()
    } finally {
      await sale.close()
    }
  }
}
