import { isDeepStrictEqual } from 'node:util'
import { unitsBeyond } from '../../src/engine/carts.js'
import type {
  Answer,
  Cart,
  Command,
  Op,
  Reply,
  SkuCounts,
  StoredReservation,
  Units,
} from '../../src/engine/engine.js'
import type { Call, LogOffset } from '../../src/engine/port.js'
import { makeId, partitionIn } from '../../src/engine/reservation-id.js'
import { demand, Violation } from '../model/violation.js'
import type { TimedEngine } from '../support/engines.js'
import { idAt, openPort, type PortPartition } from '../support/port-sale.js'
import { InvariantChecker } from './invariant-checker.js'
import { Hops } from './partition-hops.js'
import {
  type Giving,
  PARTITIONS,
  type PartitionStep,
  type PartitionStory,
  REQUESTS,
  type Refunding,
  STOCK,
} from './partition-steps.js'

/** One engine under test. */
interface Side {
  readonly timed: TimedEngine
  readonly partitions: readonly PortPartition[]
  readonly checkers: readonly InvariantChecker[]
  readonly returns: number[]
  /** By partition, as of the latest look. */
  readonly counts: SkuCounts[][]
}

const UNHEARD_OF = { generation: 99, sequence: 99, batchId: 'unheard of' }

/**
 * One sale of several partitions on every engine under test, asked at the port. Answers are
 * compared, after each step the partition that was asked with what its events tell, and the sale
 * with what went in and out of it; in the end every partition.
 */
export class PartitionWorld {
  /** Which kinds of answers came, to see that the stories reach them all. */
  readonly answers = new Set<string>()
  readonly #story: PartitionStory
  readonly #sides: readonly Side[]
  /** All answers of `send` and `receive`, by the partition asked and the other, the latest last. */
  readonly #sent = new Map<string, Units[]>()
  readonly #received = new Map<string, Units[]>()
  /**
   * Where units that come back may be passed on: which the transfers tell, so expired holds are
   * swept before they are asked.
   */
  readonly #generations: number[] = []
  readonly #hops = new Hops()
  /** By partition, what was reserved or came there, the latest last. */
  readonly #made: Pick<StoredReservation, 'id' | 'buyer'>[][] = Array.from({ length: PARTITIONS }, () => [])
  /** Transfers that were asked for: each names an id of its own. */
  #gifts = 0
  readonly #passesOn = new Set<number>()
  /** Units that restocks, moves and counts added, and refunds took, by SKU. */
  readonly #added = Object.values(STOCK).map(() => 0)

  private constructor(story: PartitionStory, sides: readonly Side[]) {
    this.#story = story
    this.#sides = sides
  }

  static async create(engines: readonly TimedEngine[], story: PartitionStory): Promise<PartitionWorld> {
    const { limit, returnsTo } = story
    const rules = { stock: STOCK, limit, returnsTo, partitions: PARTITIONS, holdMs: 100, maxHoldMs: 600 }
    const sides = await Promise.all(
      engines.map(async (timed) => {
        const partitions = await openPort(timed, rules)
        const checkers = await Promise.all(
          partitions.map(({ index }) => InvariantChecker.of(timed, 'sale', index, PARTITIONS)),
        )
        return { timed, partitions, checkers, returns: partitions.map(() => 0), counts: [] }
      }),
    )
    return new PartitionWorld(story, sides)
  }

  async play(step: PartitionStep): Promise<void> {
    for (const { timed } of this.#sides) await timed.advance(step.advance)
    const { at } = step
    const call = { ...(step.late ? { deadline: 0 } : {}), bypassFreeze: step.bypassFreeze }
    switch (step.command) {
      case 'reserve':
        await this.#ask(
          at,
          'reserve',
          // Only a recovery makes a reservation whose cart was changed before.
          step.places.map((place) => ({
            ...this.#request(at, place),
            ...(step.bypassFreeze ? this.#times(place) : { changes: undefined }),
          })),
          call,
        )
        break
      case 'release':
        await this.#ask(
          at,
          'release',
          step.places.map((place) => ({ ...this.#own(at, place), ...this.#expiry(at, step, place) })),
          call,
        )
        break
      case 'extend': {
        const ops = step.places.map((place) => ({
          ...{ id: this.#id(at, place), holdMs: 200 },
          ...this.#expiry(at, step, place),
        }))
        await this.#ask(at, 'extend', ops, call)
        break
      }
      case 'confirm': {
        const ops = step.payments.map(({ place, ...payment }) => ({
          ...this.#own(at, place),
          ...payment,
          ...this.#expiry(at, step, place),
        }))
        await this.#ask(at, 'confirm', ops, call)
        break
      }
      case 'amend': {
        const recovers = step.bypassFreeze
        const ops = step.amends.map(({ place, count, ...rest }) => ({
          ...this.#own(at, place),
          ...rest,
          count: recovers ? count : null,
        }))
        await this.#ask(at, 'amend', ops, call)
        break
      }
      case 'refund':
        await this.#refund(at, step.refunds, call)
        break
      case 'restock':
        await this.#restock(at, step.restocks, call)
        break
      case 'move':
        await this.#moveUnits(at, step.moves, call)
        break
      case 'setTotal':
        await this.#count(at, step.counts, call)
        break
      case 'debt': {
        const ops = step.skus.map((sku) => ({ sku, partitions: PARTITIONS }))
        await this.#ask(at, 'debt', ops, call)
        break
      }
      case 'withhold': {
        const ops = step.claims.map(({ sku, units, short }) => {
          const sent = told(this.#sent, 0, at, 0).find(([own]) => own === sku)?.[1] ?? 0
          return { sku, units, received: Math.max(0, sent - short) }
        })
        this.#passesOn.add(at)
        const answers = await this.#ask(at, 'withhold', ops, call)
        for (const [i, answer] of answers.entries())
          if (answer.status === 'withheld') note(this.#sent, at, 0, [[ops[i]!.sku, answer.sent]])
        break
      }
      case 'control': {
        const seen = this.#seen(at)
        const ops = step.actions.map((action): Op<'control'> => {
          if (action === 'unfreeze') return { action, recovered: [seen], after: 0 }
          return action === 'advance' ? { action, after: seen.generation + 1 } : { action }
        })
        await this.#ask(at, 'control', ops, call)
        break
      }
      case 'send':
      case 'receive':
        await this.#move(step, call)
        break
      case 'transfer': {
        const ops = step.ages.map((age) => this.#gift(step, age))
        const answers = await this.#ask(at, 'transfer', ops, call)
        for (const [i, answer] of answers.entries()) this.#hops.note(ops[i]!, answer)
        break
      }
      case 'arrive':
        await this.#arrive(at, step.ages, call)
        break
      case 'settle': {
        const ends = step.ends.map(({ age, isLatest }) => this.#hops.settlement(at, age, isLatest))
        await this.#ask(at, 'settle', ends.filter(isGiven), call)
        break
      }
      case 'freeze':
        await this.#ask(at, 'stats', [{}], { lastSeen: UNHEARD_OF })
        break
      default:
        await this.#ask(at, step.command, [{}], call)
    }
    await this.#look((partition) => partition === at, step.bypassFreeze)
  }

  /** Everything that was sent is received: then nothing is in transit. */
  async settle(): Promise<void> {
    await this.#completeTransfers()
    // What comes back to a partition may leave again for partition 0, where units are owed.
    for (const at of [1, 2, 1, 0, 1, 2]) {
      const unfreeze = { action: 'unfreeze', recovered: [this.#seen(at)], after: 0 } as const
      await this.#ask(at, 'control', [unfreeze], { bypassFreeze: true })
      for (const from of others(at)) {
        const [told] = await this.#ask(from, 'transfers', [{}])
        const sent = told!.sent.find(([to]) => to === at)?.[1] ?? []
        await this.#ask(at, 'receive', [{ from, sent }], { bypassFreeze: true })
      }
      await this.#ask(at, 'stats', [{}], { bypassFreeze: true })
    }
    for (const counts of await this.#look()) {
      for (const [sku, { inTransit }] of sums(counts).entries())
        demand(inTransit === 0, 'conservation', () => `of SKU ${sku} ${inTransit} are on their way for ever`)
    }
  }

  /** Every reservation on its way arrives, or comes back. */
  async #completeTransfers(): Promise<void> {
    for (const at of [0, 1, 2]) {
      const unfreeze = { action: 'unfreeze', recovered: [this.#seen(at)], after: 0 } as const
      await this.#ask(at, 'control', [unfreeze], { bypassFreeze: true })
    }
    for (const from of [0, 1, 2]) {
      const [ways] = await this.#ask(from, 'transfers', [{}])
      for (const id of ways!.departing) {
        const [answer] = await this.#ask(from, 'transfer', [{ id, wish: null }])
        if (answer?.status !== 'departed') throw new Violation('difference', `${id} is ${answer?.status}`)
        const { to, receiver, departure } = answer
        const [end] = await this.#ask(partitionIn(to), 'arrive', [{ id: to, receiver, departure }])
        const settlement = { id, to, arrived: end?.status === 'arrived', latest: null }
        await this.#ask(from, 'settle', [settlement])
      }
      const [left] = await this.#ask(from, 'transfers', [{}])
      demand(
        left!.departing.length === 0,
        'conservation',
        () => `${left!.departing} are on their way for ever`,
      )
    }
  }

  #id(at: number, place: number): string {
    const latest = place < REQUESTS ? undefined : this.#made[at]!.at(REQUESTS - 1 - place)
    return latest?.id ?? this.#request(at, place % REQUESTS).id
  }

  #gift(step: PartitionStep & Giving, age: number): Op<'transfer'> {
    const { at, to, receiver, from, areKnown, bypassFreeze } = step
    const isRecovered = bypassFreeze && areKnown
    const id = (isRecovered ? undefined : this.#made[at]!.at(-1 - age)?.id) ?? this.#request(at, age).id
    const target = (at + to) % PARTITIONS
    const owner = receiver === null ? this.#made[target]!.at(-1)?.buyer : undefined
    const name = owner ?? `buyer ${receiver ?? 'B1'}`
    const newId = idAt(target, name.at(-2)!, 10 + this.#gifts++)
    const wish = { receiver: name, newId, from: from && `buyer ${from}` }
    return { id, wish: isRecovered ? { ...wish, record: this.#recordOf(at, age) } : wish }
  }

  /** What a recovery knows of a reservation that was transferred. */
  #recordOf(at: number, place: number): StoredReservation {
    const { id, buyer, cart, key } = this.#request(at, place)
    for (const { checkers } of this.#sides) checkers[at]!.restored.add(id)
    const createdAt = this.#sides[0]!.timed.now() - 30 * place
    const times = { createdAt, expiresAt: createdAt + 100 }
    return { id, buyer, cart, key, ...times, state: 'transferred', paymentId: null }
  }

  async #arrive(at: number, ages: readonly number[], call: Partial<Call>): Promise<void> {
    const ops = ages.map((age) => this.#hops.arrival(at, age)).filter(isGiven)
    const answers = await this.#ask(at, 'arrive', ops, call)
    for (const [i, answer] of answers.entries()) this.#hops.noteArrival(ops[i]!, answer)
  }

  #request(at: number, place: number): Op<'reserve'> {
    const request = this.#story.requests[place]!
    return { ...request, id: makeId(at, request.id.slice(3, 11), request.id.slice(11)) }
  }

  /** When a recovery has a reservation made, and expire: some at times of the call. */
  #times(place: number): Pick<Op<'reserve'>, 'createdAt' | 'expiresAt'> {
    const createdAt = this.#sides[0]!.timed.now() - 30 * place
    return place % 4 === 0 ? {} : place % 4 === 1 ? { createdAt } : { createdAt, expiresAt: createdAt + 300 }
  }

  /** What a recovery tells of a reservation that ends. */
  #expiry(at: number, { bypassFreeze }: PartitionStep, place: number): Pick<Op<'release'>, 'expiresAt'> {
    const { expiresAt } = this.#times(place)
    if (!bypassFreeze || expiresAt === undefined) return {}
    for (const { checkers } of this.#sides) checkers[at]!.restored.add(this.#id(at, place))
    return { expiresAt }
  }

  #own(at: number, place: number) {
    return { id: this.#id(at, place), buyer: null }
  }

  async #refund(at: number, refunds: readonly Refunding[], call: Partial<Call>) {
    const ops = refunds.map(({ place, ...rest }) => ({ id: this.#id(at, place), ...rest }))
    const carts = new Map<string, Cart>()
    for (const found of await this.#ask(at, 'get', ops))
      if (found.status === 'found') carts.set(found.reservation.id, found.reservation.cart)
    const answers = await this.#ask(at, 'refund', ops, call)
    for (const [i, answer] of answers.entries()) {
      if (answer.status !== 'refunded' || answer.replayed) continue
      const { id, cart, state } = answer.reservation
      const taken = state === 'refunded' ? cart : unitsBeyond(carts.get(id)!, cart)
      carts.set(id, cart)
      if (!refunds[i]!.restock) for (const [sku, quantity] of taken) this.#added[sku]! -= quantity
    }
  }

  async #restock(at: number, restocks: readonly Op<'restock'>[], call: Partial<Call>) {
    const answers = await this.#ask(at, 'restock', restocks, call)
    for (const [i, answer] of answers.entries())
      if (answer.status === 'restocked' && !answer.replayed) this.#added[restocks[i]!.sku]! += answer.applied
  }

  async #moveUnits(at: number, moves: readonly Op<'move'>[], call: Partial<Call>) {
    const answers = await this.#ask(at, 'move', moves, call)
    for (const [i, answer] of answers.entries()) {
      if (answer.status !== 'moved' || answer.replayed) continue
      this.#added[moves[i]!.from]! -= answer.applied
      this.#added[moves[i]!.to]! += answer.applied
    }
  }

  async #count(at: number, counts: readonly Op<'setTotal'>[], call: Partial<Call>) {
    const answers = await this.#ask(at, 'setTotal', counts, call)
    for (const [i, answer] of answers.entries())
      if (answer.status === 'set' && !answer.replayed) this.#added[counts[i]!.sku]! += answer.change
  }

  async #move(step: PartitionStep & { command: 'send' | 'receive' }, call: Partial<Call>) {
    const { at } = step
    const further = (by: number) => (at + by) % PARTITIONS
    if (step.command === 'send') {
      const ops = step.sends.map(({ to, wants, age, beyond }) => {
        const received = told(this.#received, further(to), at, age)
        const sent = told(this.#sent, at, further(to), 0)
        return { to: further(to), wants, received: beyond > 0 ? more(sent, beyond) : received }
      })
      const answers = await this.#ask(at, 'send', ops, call)
      for (const [i, answer] of answers.entries())
        if (answer.status === 'sent') note(this.#sent, at, ops[i]!.to, answer.sent)
    } else {
      const ops = step.receipts.map(({ from, age }) => {
        return { from: further(from), sent: told(this.#sent, further(from), at, age) }
      })
      const answers = await this.#ask(at, 'receive', ops, call)
      for (const [i, answer] of answers.entries())
        if (answer.status === 'received') note(this.#received, at, ops[i]!.from, answer.received)
    }
  }

  /** The beginning of the present generation. */
  #seen(at: number): LogOffset {
    return { generation: this.#generations[at] ?? 1, sequence: 0, batchId: '' }
  }

  /** Asks every engine. The answers, which must be the same; none where the partition is frozen. */
  async #ask<C extends Command>(
    at: number,
    command: C,
    ops: readonly Op<C>[],
    call: Partial<Call> = {},
  ): Promise<readonly Answer<C>[]> {
    if (ops.length === 0) return []
    if (this.#isSweptFirst(at) && command !== 'sweep') await this.#ask(at, 'sweep', [{}], call)
    const replies = await Promise.all(
      this.#sides.map(({ partitions }) =>
        partitions[at]!.run(command, ops, call).catch((error: unknown) => {
          throw new Violation('fault', `${command}: ${error}`, { cause: error })
        }),
      ),
    )
    const plain = replies.map((reply, i) => this.#plain(at, this.#sides[i]!, command, reply))
    for (const each of plain)
      demand(
        isDeepStrictEqual(each, plain[0]),
        'difference',
        () => `${command}: one answered ${JSON.stringify(plain[0])}, one ${JSON.stringify(each)}`,
      )
    const [first] = replies as [Reply<C>]
    if (first.outcome !== 'done') {
      this.answers.add(`${command} ${first.outcome}`)
      return []
    }
    if (first.offset) this.#generations[at] = first.offset.generation
    for (const { status } of first.answers) this.answers.add(`${command} ${status}`)
    for (const answer of first.answers) {
      const { status } = answer
      if (status !== 'reserved' && status !== 'transferred' && status !== 'arrived') continue
      const { id, buyer } = (answer as { reservation: StoredReservation }).reservation
      if (!this.#made[at]!.some((one) => one.id === id)) this.#made[at]!.push({ id, buyer })
    }
    return first.answers
  }

  /** Which units a debt takes depends on when expired holds are swept, and so on the engine. */
  #isSweptFirst(at: number): boolean {
    return (
      this.#passesOn.has(at) || this.#sides[0]!.counts[at]?.some(({ owed }) => owed !== undefined) === true
    )
  }

  /**
   * A reply without what is the engine's affair: how many expired holds it has swept, and how it
   * counts what came back.
   */
  #plain<C extends Command>(at: number, side: Side, command: C, reply: Reply<C>): object {
    if (reply.outcome !== 'done') return reply
    const { outcome, now } = reply
    if (command === 'sweep') return { outcome, now }
    const answers = reply.answers.map((answer) => {
      if (!('returns' in answer)) return answer
      const { returns, ...rest } = answer as Extract<Answer<'stats'>, { returns: number }>
      const moved = returns !== side.returns[at]
      side.returns[at] = returns
      return { ...rest, moved }
    })
    return { outcome, now, answers }
  }

  /**
   * The counts of every partition, by engine.
   *
   * @param isAsked Whether a partition may have changed since the latest look; others are not
   *   looked at again. @default all
   * @param recovers Whether the change is one of a recovery.
   */
  async #look(
    isAsked: (partition: number) => boolean = () => true,
    recovers = false,
  ): Promise<SkuCounts[][][]> {
    const all: SkuCounts[][][] = []
    for (const { checkers, counts } of this.#sides) {
      for (const [partition, checker] of checkers.entries()) {
        checker.history.recovers = recovers
        if (isAsked(partition) || !counts[partition]) counts[partition] = [...(await checker.look())]
      }
      for (const [sku, { target, inTransit }] of sums(counts).entries()) {
        const granted = checkers.reduce(
          (sum, { history }) => sum + history.granted[sku]! + history.redirected[sku]!,
          0,
        )
        const expected = Object.values(STOCK)[sku]! + this.#added[sku]! + granted
        const seen = () => `SKU ${sku}: ${JSON.stringify(counts.map((skus) => skus[sku]))}`
        demand(target === expected, 'conservation', () => `${seen()}, of ${expected}`)
        demand(inTransit >= 0, 'conservation', seen)
      }
      all.push(counts)
    }
    return all
  }
}

function isGiven<T>(op: T | undefined): op is T {
  return op !== undefined
}

function others(at: number): number[] {
  return [1, 2].map((by) => (at + by) % PARTITIONS)
}

function sums(counts: readonly (readonly SkuCounts[])[]) {
  return Object.keys(STOCK).map((_, sku) => ({
    target: counts.reduce((sum, skus) => sum + skus[sku]!.total - (skus[sku]!.owed ?? 0), 0),
    inTransit: counts.reduce((sum, skus) => sum + skus[sku]!.inTransit, 0),
  }))
}

/** Of the SKUs that are not named it stays what it was. */
function note(notes: Map<string, Units[]>, at: number, other: number, units: Units): void {
  const key = `${at} ${other}`
  const known = notes.get(key) ?? []
  const all = new Map([...(known.at(-1) ?? []), ...units])
  notes.set(key, [...known, [...all].sort(([a], [b]) => a - b)])
}

function told(notes: Map<string, Units[]>, at: number, other: number, age: number): Units {
  const all = notes.get(`${at} ${other}`) ?? []
  return all.at(-1 - age) ?? []
}

function more(units: Units, beyond: number): Units {
  const first = units.find(([sku]) => sku === 0)?.[1] ?? 0
  return [[0, first + beyond], ...units.filter(([sku]) => sku > 0)]
}
