import type { Entry } from '../../../src/memory-engine/sale/entry.js'
import type { SkuCounts } from '../../../src/sale/results.js'
import { type Answer, type Call, describeAnswer, describeCall } from '../../model/call.js'
import { demand } from '../../model/violation.js'
import { onTheWay } from './moves.js'
import { homeOf } from './plan.js'
import type { SimulatedProcess } from './process.js'
import type { Recorded } from './recorder.js'
import type { SaleWorld } from './sale-world.js'

/**
 * What must be so once the faults have stopped. It asks as anybody would, from two new processes.
 */
export class Liveness {
  readonly #sale: SaleWorld
  readonly #process: SimulatedProcess
  readonly #second: SimulatedProcess

  constructor(sale: SaleWorld) {
    this.#sale = sale
    // Time enough for whatever a call may have to do.
    const deadlineMs = Math.max(2_000, sale.plan.deadlineMs)
    this.#process = sale.newProcess(deadlineMs)
    this.#second = sale.newProcess(deadlineMs)
  }

  /** The removal is completed, by a process that has never heard of it. */
  async proveRemoved(): Promise<void> {
    const isLeft = () => this.#sale.machines.some(({ state }) => state.incarnation !== null)
    for (let tries = 0; tries < 20; tries++) {
      const { status, code } = await this.#ask({ do: 'stats' })
      demand(code === 'NOT_FOUND', 'liveness', () => `stats() of a removed sale: ${status}`)
      if (!isLeft()) return
      await this.#sale.world.agenda.sleep(1_000)
    }
    demand(!isLeft(), 'liveness', () => 'a part of the removed sale is left')
  }

  async prove(): Promise<void> {
    await this.#resolveUnknown()
    await this.#waitForHolds()
    const counts = await this.#stats()
    for (const [sku, { held }] of Object.entries(counts))
      demand(held === 0, 'liveness', () => `every hold of ${sku} is over, and ${held} units are held`)
    await this.#sellTheRest(counts)
    await this.#audit()
  }

  /** The same key, or the same id, gives one answer to whoever asks. */
  async #resolveUnknown(): Promise<void> {
    const seen = new Set<string>()
    for (const { outcome, call } of [...this.#sale.recorder.all] as Recorded[]) {
      if (outcome.kind !== 'unknown' || !isRepeatable(call)) continue
      const name = describeCall(call)
      if (seen.has(name)) continue
      seen.add(name)
      const first = await this.#ask(call)
      const second = await this.#ask(call, this.#second)
      demand(
        first.reservation === undefined || first.reservation.id === second.reservation?.id,
        'liveness',
        () => `${name} is answered by ${describeAnswer(first)} and by ${describeAnswer(second)}`,
      )
    }
  }

  /**
   * Whatever the server's clock has been through, the time of every hold comes: it goes at half the
   * clock's pace at least.
   */
  async #waitForHolds(): Promise<void> {
    // Each partition hears now, if it has not so far, that the clock was set back.
    await this.#stats()
    const { agenda, server } = this.#sale.world
    const left = this.#sale.machines.map(({ state }) => {
      const isHeld = ({ reservation, moved }: Entry) => (moved?.state ?? reservation.state) === 'held'
      const held = state.entries.filter(isHeld)
      const last = Math.max(0, ...held.map(({ reservation }) => reservation.expiresAt))
      return 2 * (last - Math.max(state.now, server.clock()))
    })
    await agenda.sleep(Math.max(0, ...left) + 1)
  }

  async #sellTheRest(counts: Counts): Promise<void> {
    const state = (await this.#ask({ do: 'control', action: 'resume' })).status
    if (state === 'ended') return
    const { opensAt, skus } = await this.#sale.handle(this.#process).rules()
    const { agenda, server } = this.#sale.world
    const openings = [opensAt, ...Object.values(skus).map((own) => own.opensAt)].map((at) => at ?? 0)
    await agenda.sleep(Math.max(0, Math.max(...openings) - server.clock()))
    for (const [sku, { available, inTransit }] of Object.entries(counts)) {
      // What somebody who died has left on its way is sold too, but for orders.
      const units = available + inTransit - this.#ordersOnTheWay(sku)
      for (let unit = 0; unit <= units; unit++) {
        const buyer = `last ${sku} ${unit}`
        const last = { buyer, ...homeOf(buyer, this.#sale.plan.rules), items: [{ sku, quantity: 1 }] }
        const call: Call = { do: 'reserve', ...last, key: 'last', holdMs: null }
        const answer = await this.#ask(call)
        if (answer.status === 'ended' && answer.sku === sku) break
        if (answer.status === 'ended') return
        const wanted = unit < units ? 'reserved' : 'sold_out'
        demand(
          answer.status === wanted,
          'liveness',
          () => `of ${units} ${sku}, number ${unit + 1} is asked for: ${describeAnswer(answer)}`,
        )
        if (unit < units)
          await this.#ask({ do: 'confirm', id: answer.reservation!.id, buyer: null, paymentId: null })
      }
    }
  }

  #ordersOnTheWay(sku: string): number {
    const { skus } = this.#sale.machines[0]!.state.rules
    return onTheWay(this.#sale.machines)
      .filter(({ moved }) => moved.state === 'confirmed')
      .flatMap(({ entry }) => entry.reservation.cart)
      .reduce((sum, [place, quantity]) => sum + (skus[place]!.sku === sku ? quantity : 0), 0)
  }

  async #audit(): Promise<void> {
    const { ok, violations } = await this.#sale.handle(this.#process).audit()
    demand(ok, 'liveness', () => `the audit finds ${violations.map(({ message }) => message).join('; ')}`)
  }

  async #stats(): Promise<Counts> {
    return (await this.#ask({ do: 'stats' })).skus as Counts
  }

  /** Nothing is in the way any more: there is an answer. */
  async #ask(call: Call, process = this.#process): Promise<Answer> {
    const answer = await this.#sale.ask(process, call)
    demand(answer !== undefined, 'liveness', () => {
      const last = this.#sale.recorder.all.at(-1)!.outcome
      return `${describeCall(call)} has no answer after the faults: ${last.kind === 'ok' ? '' : last.code}`
    })
    return answer
  }
}

type Counts = Readonly<Record<string, SkuCounts>>

function isRepeatable(call: Call): boolean {
  return call.do === 'reserve'
    ? call.key !== null
    : call.do !== 'control' && call.do !== 'destroy' && call.do !== 'stats' && call.do !== 'get'
}
