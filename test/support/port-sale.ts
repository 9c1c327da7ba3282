import { expect } from 'vitest'
import type {
  Answer,
  Cart,
  Command,
  Op,
  Partition,
  Reply,
  Rules,
  StoredEvent,
  StoredReservation,
} from '../../src/engine/engine.js'
import type { GroupAnswer, GroupCommand, GroupOp, GroupPort, GroupReply } from '../../src/engine/groups.js'
import type { Call } from '../../src/engine/port.js'
import { makeId } from '../../src/engine/reservation-id.js'
import type { Departure } from '../../src/engine/transfer-commands.js'
import type { TimedEngine } from './engines.js'
import { anyTime, type News, order } from './shop.js'

export const TOKEN = 'token'

export interface PortRules {
  /** Units by SKU; the SKUs in ascending order. */
  readonly stock?: Readonly<Record<string, number>>
  readonly limit?: number | null
  readonly partitions?: number
  readonly holdMs?: number
  readonly maxHoldMs?: number
  /** Of the first SKU. */
  readonly returnsTo?: number | undefined
}

export function rulesOf({
  stock = { a: 10 },
  limit = null,
  partitions = 1,
  holdMs = 1_000,
  maxHoldMs = 10_000,
  returnsTo,
}: PortRules): Rules {
  const skus = Object.entries(stock).map(([sku, units], i) => ({
    ...{ sku, stock: units, limit },
    ...(i === 0 && returnsTo !== undefined && { returnsTo }),
  }))
  return { skus, holdMs, maxHoldMs, opensAt: null, closesAt: null, partitions }
}

/** A sale whose partitions are asked one by one, with nothing between them and the test. */
export async function openPort(timed: TimedEngine, rules: PortRules = {}): Promise<PortPartition[]> {
  const all = partitionsOf(timed, rules)
  const op = { rules: rulesOf(rules), incarnation: TOKEN }
  for (const one of all)
    await one.done('create', [{ ...op, complete: one.index > 0 || all.length === 1 }], { incarnation: null })
  if (all.length > 1) await all[0]!.done('create', [{ ...op, complete: true }], { incarnation: null })
  return all
}

/** The same before anybody has made the sale. */
export function partitionsOf(timed: TimedEngine, { partitions = 1 }: PortRules = {}): PortPartition[] {
  return Array.from({ length: partitions }, (_, index) => new PortPartition(timed, 'sale', index, partitions))
}

/** The id of reservation `number` in the bucket of that name in a partition. */
export function idAt(partition: number, bucket: string, number = 1): string {
  return makeId(partition, bucket.padEnd(8, 'A'), String(number).padStart(8, 'A'))
}

/** An item of each command, but of those that make a sale or describe it. */
export function opOfEach(id: string): { [C in Exclude<Command, 'create' | 'describe' | 'rebuild'>]: Op<C> } {
  return {
    update: { revision: 1, after: 0, rules: rulesOf({ limit: 3 }), changes: {}, everywhere: true },
    bind: { id, buyer: 'u', household: 'h' },
    reserve: order(id),
    amend: { id, buyer: null, cart: [[0, 1]], mayTake: true, count: null },
    confirm: { id, buyer: null, paymentId: null, final: true },
    release: { id, buyer: null },
    extend: { id, holdMs: 1 },
    refund: { id, restock: true },
    get: { id },
    list: { id, buyer: 'u', after: null, most: 10 },
    restock: { sku: 0, quantity: 1, key: 'k', final: true },
    move: { from: 0, to: 0, quantity: 1, key: 'k', final: true, atMost: null },
    setTotal: setTotalOp({ total: 5 }),
    debt: { sku: 0, partitions: 2 },
    withhold: { sku: 0, units: 1, received: 0 },
    control: { action: 'end' },
    send: { to: 1, wants: [[0, 1]], received: [] },
    receive: { from: 1, sent: [[0, 1]] },
    transfers: {},
    transfer: { id, wish: { receiver: 'v', newId: idAt(0, 'v'), from: null } },
    arrive: { id: idAt(0, 'v'), receiver: 'v', departure: departureOf(id) },
    settle: { id, to: idAt(0, 'v'), arrived: true, latest: null },
    stats: {},
    sweep: {},
    scan: { cursor: '0' },
    events: { after: 0, reservations: true },
  }
}

/** A hold of two units on its way. */
function departureOf(id: string, rest: Partial<StoredReservation> = {}): Departure {
  const plain = { buyer: 'u', cart: [[0, 2]], state: 'held', key: null, paymentId: null } as const
  return { reservation: { id, ...plain, createdAt: 0, expiresAt: 1e15, ...rest }, late: false, earlier: null }
}

/** A stock count of a sale that has one partition. */
export function setTotalOp(rest: Partial<Op<'setTotal'>>): Op<'setTotal'> {
  const basis = { others: 0, own: null }
  return { sku: 0, total: 0, key: 'k', countedAt: null, basis, final: true, counted: null, ...rest }
}

/** One partition, and what follows its events, by their ports. */
export class PortPartition {
  readonly partition: Partition
  readonly groups: GroupPort
  #seen = 0

  constructor(
    readonly clock: TimedEngine,
    sale: string,
    readonly index: number,
    partitions: number,
  ) {
    this.partition = clock.engine.partition(sale, index, partitions)
    this.groups = clock.engine.groups(sale, index, partitions)
  }

  now(): number {
    return this.clock.now()
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }

  /** Runs a batch, by default without a deadline. */
  run<C extends Command>(command: C, ops: readonly Op<C>[], call: Partial<Call> = {}): Promise<Reply<C>> {
    return this.partition.run(command, ops, { incarnation: TOKEN, ...anyTime, ...call })
  }

  /** Runs a batch that must be carried out. */
  async done<C extends Command>(command: C, ops: readonly Op<C>[], call: Partial<Call> = {}) {
    const reply = await this.run(command, ops, call)
    if (reply.outcome !== 'done') expect.fail(`${command}: ${reply.outcome}`)
    expect(reply.answers).toHaveLength(ops.length)
    return reply
  }

  async ask<C extends Command>(command: C, op: Op<C>, call: Partial<Call> = {}): Promise<Answer<C>> {
    return (await this.done(command, [op], call)).answers[0]!
  }

  /** The same of the port for those who follow the events. */
  runGroups<C extends GroupCommand>(
    command: C,
    ops: readonly GroupOp<C>[],
    call: Partial<Call> = {},
  ): Promise<GroupReply<C>> {
    return this.groups.run(command, ops, { incarnation: TOKEN, ...anyTime, ...call })
  }

  async doneGroups<C extends GroupCommand>(command: C, ops: readonly GroupOp<C>[], call: Partial<Call> = {}) {
    const reply = await this.runGroups(command, ops, call)
    if (reply.outcome !== 'done') expect.fail(`${command}: ${reply.outcome}`)
    expect(reply.answers).toHaveLength(ops.length)
    return reply
  }

  async askGroups<C extends GroupCommand>(
    command: C,
    op: GroupOp<C>,
    call: Partial<Call> = {},
  ): Promise<GroupAnswer<C>> {
    return (await this.doneGroups(command, [op], call)).answers[0]!
  }

  /** Counts of one SKU as `total available held confirmed inTransit`; expired holds are swept. */
  async counts(sku = 0): Promise<string> {
    const { skus } = await this.stats()
    const { total, available, held, confirmed, inTransit } = skus[sku]!
    expect(available + held + confirmed + inTransit).toBe(total)
    return `${total} ${available} ${held} ${confirmed} ${inTransit}`
  }

  /** The counts, asked for until everything has been swept. */
  async stats(call: Partial<Call> = {}): Promise<Extract<Answer<'stats'>, { skus: unknown }>> {
    for (;;) {
      const answer = await this.ask('stats', {}, call)
      if (answer.status !== 'retry') return answer
    }
  }

  /** All events that are left behind a number, page by page. */
  async events(after = 0): Promise<StoredEvent[]> {
    const events: StoredEvent[] = []
    for (;;) {
      const page = await this.ask('events', { after: events.at(-1)?.sequence ?? after, reservations: false })
      if (page.events.length === 0) return events
      events.push(...page.events)
    }
  }

  /** Holds units for a buyer, who has a bucket of the same name. */
  async hold(buyer: string, cart: Cart = [[0, 1]], rest: { number?: number; holdMs?: number } = {}) {
    const { number = 1, holdMs = 1_000 } = rest
    const id = idAt(this.index, buyer, number)
    const answer = await this.ask('reserve', { id, buyer, cart, key: null, holdMs })
    if (answer.status !== 'reserved') expect.fail(JSON.stringify(answer))
    return answer.reservation
  }

  /** What has happened since the last time it was asked. */
  async news(): Promise<News[]> {
    const fresh = await this.events(this.#seen)
    this.#seen = fresh.at(-1)?.sequence ?? this.#seen
    return fresh.map(({ sequence: _, at: __, ...event }) => event)
  }
}
