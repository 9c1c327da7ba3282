import type { Engine } from '../../../../src/engine/engine.js'
import { StockholdError } from '../../../../src/errors.js'
import type { PartitionState } from '../../../../src/memory-engine/sale/partition-state.js'
import { FlashSale } from '../../../../src/sale/flash-sale.js'
import type { Recovery, Reservation } from '../../../../src/sale/results.js'
import { type Answer, describeCall } from '../../../model/call.js'
import { send } from '../../../model/send.js'
import { demand, Violation, type ViolationKind } from '../../../model/violation.js'
import type { Fault } from '../faults.js'
import { paymentsOf, whereNow } from '../moves.js'
import { over } from '../over.js'
import { drawCall, drawPlan } from '../plan.js'
import type { SimulatedProcess } from '../process.js'
import type { Random } from '../random.js'
import { World } from '../world.js'
import { RollingMachine } from './rolling-machine.js'

export interface RolledBack {
  readonly seed: number
  readonly kind: 'older' | 'empty'
  readonly from: 'accept' | 'replay'
  readonly detected: number
  readonly restored: number
  readonly refused: number
  readonly violation: { readonly kind: ViolationKind; readonly report: string } | undefined
}

interface Handle {
  readonly process: SimulatedProcess
  readonly sale: FlashSale
  /** What it was told of each reservation last. */
  readonly told: Map<string, Reservation>
  /** Payments that it was told are to be refunded: reservation and payment. */
  readonly due: (readonly [id: string, paymentId: string])[]
  /** Of some of that the server knows nothing any more. */
  robbed: boolean
}

/**
 * One run: a sale under faults, a server that comes back with an older state or none, recovery, and
 * the sale again.
 */
export async function simulateRollback(options: {
  readonly seed: number
  /** A process may end before the recovery: what it alone knew is lost. */
  readonly ends?: boolean
  readonly newState?: () => PartitionState
}): Promise<RolledBack> {
  const run = new Run(options.seed, options.ends === true, options.newState)
  try {
    await run.play()
  } catch (error) {
    run.wrong ??= Violation.of(error)
  }
  const { seed } = options
  const { wrong, kind, from, detected, restored, refused } = run
  const violation = wrong && {
    kind: wrong.kind,
    report: `${wrong.message} (${kind}, ${from}; faults: ${run.world.faults})`,
  }
  return { seed, kind, from, detected, restored, refused, violation }
}

class Run {
  readonly world: World
  readonly kind: 'older' | 'empty'
  readonly from: 'accept' | 'replay'
  wrong: Violation | undefined
  detected = 0
  restored = 0
  refused = 0
  readonly #random: Random
  readonly #plan
  readonly #ends: boolean
  readonly #machine: RollingMachine
  readonly #handles: Handle[] = []
  /** The later ids of a reservation that was transferred, as any process was told. */
  readonly #later = new Map<string, Set<string>>()

  constructor(seed: number, ends: boolean, newState?: () => PartitionState) {
    const observer = { sent: () => {}, executed: () => {}, answered: () => {}, note: () => {} }
    this.world = new World(seed, new Map<Fault, number>(), () => observer)
    this.#random = this.world.random.fork()
    this.#plan = { ...drawPlan(this.world.random.fork()), deadlineMs: 2_000 }
    this.kind = this.#random.chance(0.25) ? 'empty' : 'older'
    this.from = this.#random.chance(0.25) ? 'accept' : 'replay'
    this.#ends = ends
    this.#machine = new RollingMachine(this.world.server.clock, newState)
    for (let i = this.#random.whole(1, 3); i > 0; i--) this.#handles.push(this.#newHandle())
  }

  async play(): Promise<void> {
    const { world } = this
    await over(this, this.#handles[0]!.sale.create(this.#plan.rules))
    await over(this, Promise.all(this.#handles.map(({ sale }) => sale.stats())))
    world.faults.begin()
    await over(this, this.#crowd(this.#random.whole(3, 12)))
    world.stopFaults()
    await over(this, world.agenda.sleep(5_500))
    this.#rollBack()
    // Somebody who has seen nothing of it may write on, and so hide from a mere count that anything
    // is missing.
    if (this.kind === 'older' && this.#random.chance(0.7)) {
      const late = this.#newHandle()
      await over(this, this.#crowd(10, false, [late]))
      this.#handles.push(late)
    }
    await over(this, this.#crowd(4))
    if (this.#ends && this.#handles.length > 1)
      this.#handles.splice(this.#random.whole(0, this.#handles.length - 1), 1)
    await over(this, this.#recover())
    await over(this, this.#crowd(4, true))
    await over(this, this.#audit())
  }

  #newHandle(): Handle {
    const process = this.world.newProcess()
    const engine: Engine = {
      ...this.world.around(process),
      partition: () => this.world.network.port(process, this.#machine),
      groups: () => {
        throw new Error('Nobody follows the events in this simulation')
      },
      room: () => {
        throw new Error('There is no waiting room in this simulation')
      },
    }
    return {
      process,
      sale: new FlashSale('sale', { engine, deadlineMs: 2_000 }),
      told: new Map(),
      due: [],
      robbed: false,
    }
  }

  /**
   * Each process makes so many calls, one after another. `healthy`: none may find anything lost.
   */
  async #crowd(calls: number, healthy = false, handles: readonly Handle[] = this.#handles): Promise<void> {
    const known = this.#handles.flatMap(({ told }) => [...told.keys()])
    await Promise.all(
      handles.map(async (handle) => {
        for (let i = 0; i < calls; i++) {
          await this.#call(handle, known, healthy)
          await handle.process.sleep(this.#random.whole(0, 30))
        }
      }),
    )
  }

  async #call({ sale, told, due, robbed }: Handle, known: string[], healthy: boolean): Promise<void> {
    const call = drawCall(this.#plan, this.#random, known)
    if (call.do === 'control' && call.action === 'end') return
    try {
      const { reservation, status }: Answer = await send(sale, call)
      const isFrozen = robbed && !healthy
      const pauses = call.do === 'control' && call.action === 'pause'
      // A frozen sale can be paused: nothing else that writes is answered.
      const obeys = !isFrozen || call.do === 'get' || (pauses && status === 'paused')
      demand(
        obeys,
        'promise',
        () => `${describeCall(call)} was answered ${status} to who knows more than the server`,
      )
      if (!reservation) return
      told.set(reservation.id, reservation)
      if ('id' in call && call.id !== null) this.#noteLater(call.id, reservation.id)
      if (status === 'refund_due' && call.do === 'confirm' && call.paymentId !== null)
        due.push([reservation.id, call.paymentId])
      known.push(reservation.id)
    } catch (error) {
      if (!(error instanceof StockholdError)) throw error
      const lost = error.code === 'ROLLBACK_DETECTED' || error.code === 'STATE_LOST'
      if (lost) this.detected++
      demand(!(healthy && lost), 'fault', () => `${describeCall(call)} after the recovery: ${error.code}`)
    }
  }

  #noteLater(id: string, later: string): void {
    if (id !== later) this.#later.set(id, new Set([later, ...(this.#later.get(id) ?? [])]))
  }

  #rollBack(): void {
    const all = this.#machine.batches
    this.#machine.rollBackTo(this.kind === 'empty' ? 0 : Math.max(1, all - this.#random.whole(1, 12)))
    for (const handle of this.#handles)
      handle.robbed = [...handle.told.keys()].some((id) => this.#machine.state.find(id) === undefined)
  }

  /** Every process puts back what it knows; the last one ends the freeze. */
  async #recover(): Promise<void> {
    const recoveries: Recovery[] = []
    for (const [i, { sale }] of this.#handles.entries()) {
      const unfreeze = i === this.#handles.length - 1
      if (this.from === 'replay' || unfreeze)
        recoveries.push(await sale.recover({ from: this.from, unfreeze }))
    }
    const { state } = this.#machine
    demand(!state.frozen, 'promise', () => 'the sale is frozen after it was recovered')
    for (const { restored, refused } of recoveries) {
      this.restored += restored
      this.refused += refused.length
    }
    this.#checkOrders(state)
    if (this.from === 'replay') this.#checkPromises(state, recoveries)
  }

  /** A reservation that was transferred is one reservation, and its payment one order. */
  #checkOrders(state: PartitionState): void {
    const known = new Map<string, string>()
    for (const { reservation, moved } of state.entries) {
      const { id, state: is } = reservation
      if (moved || (is !== 'held' && is !== 'confirmed')) continue
      const first = this.#machine.firstIdOf(id)
      demand(!known.has(first), 'promise', () => `${known.get(first)} and ${id} are one reservation`)
      known.set(first, id)
    }
  }

  /** What anybody was told is so again, or is reported as refused. */
  #checkPromises(state: PartitionState, recoveries: readonly Recovery[]): void {
    const refused = new Set(
      recoveries.flatMap((recovery) => recovery.refused.map(({ reservation }) => reservation.id)),
    )
    const earlierThan = (id: string) => [...this.#later].filter(([, ids]) => ids.has(id)).map(([one]) => one)
    // Two processes may have transferred it to two buyers: then a refusal of one of them is none of
    // the other, nor of the record that both come from.
    const isLaterRefused = (id: string): boolean => {
      const later = [...(this.#later.get(id) ?? [])]
      return refused.has(id) || (later.length > 0 && later.every(isLaterRefused))
    }
    const isEarlierRefused = (id: string): boolean =>
      earlierThan(id).some((one) => refused.has(one) || isEarlierRefused(one))
    const isRefused = (id: string) => isLaterRefused(id) || isEarlierRefused(id)
    for (const { due } of this.#handles)
      for (const [id, paymentId] of due) {
        demand(
          isRefused(id) || paymentsOf(state, id).has(paymentId),
          'promise',
          () => `${id}: the payment ${paymentId} was told refund_due, and is forgotten`,
        )
      }
    for (const { told } of this.#handles)
      for (const [id, { state: was, expiresAt }] of told) {
        const entry = whereNow([{ state }], id)
        const found = entry?.reservation
        const is = found?.state
        const active = was === 'confirmed' || (was === 'held' && expiresAt > state.now)
        const later = is === 'confirmed' || is === 'refunded' || (is === 'released' && was === 'held')
        const kept = is === was || later
        demand(!active || isRefused(id) || kept, 'promise', () => `${id} was told to be ${was}, and is ${is}`)
        const isThere = is === 'held' && !entry!.moved
        const shorter = isThere && !isRefused(id) && found!.expiresAt < expiresAt
        demand(
          !shorter,
          'promise',
          () => `${id} was held until ${expiresAt}, and is until ${found!.expiresAt}`,
        )
      }
  }

  async #audit(): Promise<void> {
    const { ok, violations } = await this.#handles[0]!.sale.audit()
    demand(ok, 'conservation', () => violations.map(({ message }) => message).join('; '))
    for (const [place, { sku }] of this.#machine.state.rules.skus.entries()) {
      const { total, available, held, confirmed } = this.#machine.state.stock.of(place)
      const adds = Math.min(total, available, held, confirmed) >= 0 && total === available + held + confirmed
      demand(adds, 'conservation', () => `${sku}: ${JSON.stringify(this.#machine.state.stock.of(place))}`)
    }
  }
}
