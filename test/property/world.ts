import { isDeepStrictEqual } from 'node:util'
import { FlashSale, type Reservation, type SaleRules, type Stats } from '../../src/index.js'
import { type Answer, type Call, describeCall } from '../model/call.js'
import { carryOut } from '../model/model.js'
import { hasHouseholds } from '../model/rules.js'
import { newSale, type Sale } from '../model/sale.js'
import { demand, Violation } from '../model/violation.js'
import type { TimedEngine } from '../support/engines.js'
import { NaiveTime } from '../support/naive-time.js'
import { redelivering } from '../support/redelivery.js'
import { TestClock } from '../support/test-clock.js'
import { explain, type Sent, SoldOutSayings } from './explain.js'
import { answerTo, callOf, type Operation } from './operations.js'
import { Promises } from './promises.js'
import { arrived, SaleInvariantChecker } from './sale-invariant-checker.js'

/** Handles on the sale, as two processes would have them. */
export const HANDLES = 2
/** A well-formed id of a reservation that nobody made. */
const NOBODYS = `1AA${'A'.repeat(16)}`

/** One engine under test, its handles, and what the reservations are called. */
interface Side {
  readonly timed: TimedEngine
  /**
   * Of the handles' timers. It moves only while a call needs that: by the process' own, a sweep
   * would tell a handle of new rules on one side before a request, and on the other after it.
   */
  readonly clock: TestClock
  readonly redelivery: ReturnType<typeof redelivering>
  readonly handles: FlashSale[]
  readonly names: Map<string, string>
  readonly ids: Map<string, string>
  readonly checker: SaleInvariantChecker
}

/** One way in which all answers until now may have come about. */
interface Possibility {
  readonly sale: Sale
  readonly promises: Promises
}

export interface Request {
  readonly handle: number
  readonly operation: Operation
}

type Addressed = Pick<Sent, 'handle' | 'call'>

/**
 * The same sale on every engine under test. Each request goes to all of them; their answers are
 * compared with each other, with the plain rules and with what was promised before, and after each
 * step every engine is recounted.
 */
export class World {
  readonly rules: SaleRules
  readonly history: Request[] = []
  /** Which kinds of answers came, to see that the stories reach them all. */
  readonly answers = new Set<string>()
  readonly #sides: readonly Side[]
  readonly #sayings = new SoldOutSayings()
  readonly #time: NaiveTime
  /** More than one after requests that were sent at once, until an answer tells which it is. */
  #possible: readonly Possibility[]
  #steps = 0

  private constructor(rules: SaleRules, sides: readonly Side[]) {
    this.rules = rules
    this.#sides = sides
    this.#time = new NaiveTime(this.#clock)
    this.#possible = [{ sale: newSale(rules), promises: new Promises() }]
  }

  static async create(engines: readonly TimedEngine[], rules: SaleRules): Promise<World> {
    const sides: Side[] = []
    for (const timed of engines) {
      await warmUp(timed)
      const clock = new TestClock()
      const redelivery = redelivering(clock.drive(timed.engine))
      const handles = Array.from({ length: HANDLES }, () => handleOn(redelivery.engine))
      await clock.during(handles[0]!.create(rules))
      const checker = await SaleInvariantChecker.of(timed, 'sale', rules.partitions ?? 1)
      sides.push({ timed, clock, redelivery, handles, names: new Map(), ids: new Map(), checker })
    }
    const world = new World(rules, sides)
    await world.#tellTime()
    return world
  }

  /** One request; `times`: how often the driver delivers it. */
  async send(request: Request, times = 1): Promise<Answer> {
    this.history.push(request)
    const sent = this.#address(request)
    if (sent.call.do === 'setTotal') this.#countsStock()
    const [answer] = (await this.#deliver([sent], times)) as [Answer]
    const heard = [{ ...sent, answer, times }]
    this.#narrow(({ sale, promises }) => [{ sale, promises: promises.after(heard) }])
    await this.#recount()
    this.#explain(heard)
    return answer
  }

  /**
   * Several at once. Where a call takes two steps, the engines may carry them out in different
   * orders: engines that are compared get them one after another.
   */
  async sendTogether(requests: readonly Request[]): Promise<void> {
    const sent = requests.map((request) => this.#address(request))
    if (this.#sides.length > 1 && sent.some(({ call }) => this.#takesTwoSteps(call))) {
      for (const request of requests) await this.send(request)
      return
    }
    if (sent.some(({ call }) => call.do === 'setTotal')) this.#countsStock()
    const answers = await this.#deliver(sent, 1)
    await this.#recount(false)
    this.#explain(sent.map((each, i) => ({ ...each, answer: answers[i]!, times: 1 })))
    await this.#recount()
  }

  /** Time goes on, or the server's clock is set back. */
  async pass(ms: number): Promise<void> {
    // A change keeps the time in the partition, so that a later handle knows it too.
    if (ms < 0) await this.#keepTime()
    for (const { timed } of this.#sides) await timed.advance(ms)
    this.#time.move(ms)
    this.#time.see(0)
    await this.#tellTime()
    // From the first change on it goes on by the clock as it is now.
    if (ms < 0) await this.#keepTime()
    await this.#recount()
  }

  /** Another process takes the place of one. */
  async replaceHandle(index: number): Promise<void> {
    this.#sayings.forget(index)
    await this.#keepTime()
    for (const { handles, clock, redelivery } of this.#sides) {
      await clock.during(handles[index]!.close())
      handles[index] = handleOn(redelivery.engine)
    }
    await this.#tellTime()
  }

  /** `stats` and `audit`, which sweep. */
  async audit(): Promise<void> {
    for (const { handles, clock, checker } of this.#sides) {
      const seen = await clock.during(handles[0]!.stats())
      const stats = { ...seen, skus: allArrived(seen.skus) }
      this.#narrow((each) => {
        const { answer } = this.#byTheRules(each, { do: 'stats' })
        const wrong = () => `stats are ${JSON.stringify(stats)}, by the rules ${JSON.stringify(answer)}`
        demand(isDeepStrictEqual({ status: 'stats', ...stats }, answer), 'answer', wrong)
        return [each]
      })
      const { ok, violations, skus } = await clock.during(handles[0]!.audit())
      demand(ok, 'audit', () => JSON.stringify(violations))
      demand(
        isDeepStrictEqual(allArrived(skus), stats.skus),
        'audit',
        () => `${JSON.stringify(skus)} is not in the stats`,
      )
      const counts = await checker.look()
      demand(isDeepStrictEqual([...counts], Object.values(stats.skus)), 'audit', () => JSON.stringify(counts))
    }
  }

  /** The places of the reservations made last, the oldest first. */
  lastPlaces(count: number): number[] {
    const made = this.#sides[0]!.ids.size
    return Array.from({ length: Math.min(count, made) }, (_, i) => made - Math.min(count, made) + i)
  }

  async close(): Promise<void> {
    for (const { handles, clock, timed } of this.#sides) {
      for (const handle of handles) await clock.during(handle.close())
      await timed.engine.close()
    }
  }

  get #clock(): number {
    return this.#sides[0]!.timed.now()
  }

  /** From now on units may stay on their way to partition 0, see `withhold` of the engine. */
  #countsStock(): void {
    for (const { checker } of this.#sides) checker.mayTravel = (this.rules.partitions ?? 1) > 1
  }

  #address({ handle, operation }: Request): Addressed {
    return { handle, call: callOf(operation, [...this.#sides[0]!.ids.keys()], this.rules) }
  }

  /** A household is bound before its first hold; a reservation that was transferred is followed. */
  #takesTwoSteps(call: Call): boolean {
    if (call.do === 'reserve') return hasHouseholds(this.rules)
    if (!('id' in call) || call.id === null) return false
    return call.do === 'transfer' || this.#possible.some(({ sale }) => sale.known.get(call.id!)?.movedTo)
  }

  /** What the rules alone say, now, to a call that makes a reservation of this name. */
  #byTheRules({ sale }: Possibility, call: Call, name = '') {
    return carryOut(sale, call, this.#time.now, {}, name)
  }

  async #deliver(requests: readonly Addressed[], times: number): Promise<Answer[]> {
    const perSide: Answer[][] = []
    for (const side of this.#sides) {
      side.redelivery.times = times
      const calls = requests.map(({ handle, call }) =>
        answerTo(
          'id' in call && call.id !== null ? { ...call, id: side.ids.get(call.id) ?? NOBODYS } : call,
          side.handles[handle]!,
        ),
      )
      const answers = await side.clock.during(Promise.all(calls))
      side.redelivery.times = 1
      for (const [i, answer] of answers.entries()) this.answers.add(kindOf(requests[i]!.call, answer))
      perSide.push(answers.map((answer) => named(answer, side)))
    }
    const [first, ...others] = perSide as [Answer[], ...Answer[][]]
    for (const other of others) {
      for (const [i, answer] of other.entries()) {
        demand(
          isDeepStrictEqual(answer, first[i]),
          'difference',
          () =>
            `${describeCall(requests[i]!.call)}: one answered ${JSON.stringify(first[i])}, one ${JSON.stringify(answer)}`,
        )
      }
    }
    return first
  }

  #explain(sent: readonly Sent[]): void {
    const ear = {
      now: this.#time.now,
      mayRepeat: (each: Sent) => this.#sayings.mayRepeat(each, this.#clock),
      mayTravel: this.#sides.some(({ checker }) => checker.mayTravel),
    }
    this.#narrow((before) => {
      const found = explain(before.sale, sent, ear)
      demand(found.length > 0, 'answer', () => this.#compare(before, sent))
      return found.map(({ after, order }) => ({ sale: after, promises: before.promises.after(order) }))
    })
    this.#sayings.hear(sent, this.#clock)
  }

  #compare(before: Possibility, sent: readonly Sent[]): string {
    const told = sent.map(({ call, answer, handle }) => {
      const { answer: alone } = this.#byTheRules(before, call, answer.reservation?.id)
      const mine = `${handle}: ${describeCall(call)} answered ${JSON.stringify(answer)}`
      return `${mine}, by the rules alone ${JSON.stringify(alone)}`
    })
    return told.join('\n')
  }

  /**
   * What each possibility leads to. Those that a violation rules out are dropped; it is thrown if
   * none remains.
   */
  #narrow(next: (possibility: Possibility) => readonly Possibility[]): void {
    let violation: Violation | undefined
    const remaining = this.#possible.flatMap((each) => {
      try {
        return next(each)
      } catch (error) {
        if (!(error instanceof Violation)) throw error
        violation ??= error
        return []
      }
    })
    if (remaining.length === 0) throw violation
    this.#possible = remaining
  }

  async #recount(promises = true): Promise<void> {
    for (const { checker, redelivery } of this.#sides) {
      const asked = new Set(redelivery.asked)
      redelivery.asked.clear()
      const counts = await checker.look((partition) => asked.has(partition))
      if (!promises) continue
      this.#narrow((each) => {
        const { highest } = each.sale.present
        const skus = [...highest.keys()]
        each.promises.keep(this.#time.now, (sku) => counts[skus.indexOf(sku)]!.total, highest)
        return [each]
      })
    }
  }

  async #keepTime(): Promise<void> {
    const sku = Object.keys(this.rules.stock)[0]!
    await this.send({
      handle: 0,
      operation: { do: 'restock', sku, quantity: 1, key: `step ${++this.#steps}` },
    })
  }

  /** Each handle hears what time it is by a question that changes nothing. */
  async #tellTime(): Promise<void> {
    for (const { handles, clock } of this.#sides)
      for (const handle of handles) await clock.during(handle.get(NOBODYS))
  }
}

const warm = new WeakSet<object>()

/**
 * Each command once, on another sale. A server that does not know a script yet is sent it after
 * all, behind what was sent in between; requests that are under way at once would be carried out in
 * another order than in the engine beside it.
 */
async function warmUp({ engine, server }: TimedEngine): Promise<void> {
  if (!server || warm.has(server)) return
  const sale = new FlashSale('warm-up', { engine, deadlineMs: 30_000 })
  await sale.create({ stock: { a: 1 } })
  await Promise.all([
    sale.reserve({ buyer: 'ann', items: [{ sku: 'a', quantity: 1 }] }),
    sale.amend(NOBODYS, { items: [{ sku: 'a', quantity: 1 }] }),
    sale.confirm(NOBODYS),
    sale.release(NOBODYS),
    sale.extend(NOBODYS, { holdMs: 1 }),
    sale.refund(NOBODYS, { restock: true }),
    sale.transfer(NOBODYS, { to: 'ann' }),
    sale.get(NOBODYS),
    sale.reservationsOf('nobody'),
    sale.restock({ sku: 'a', quantity: 1, key: 'warm-up' }),
    sale.pause(),
    sale.stats(),
    sale.update({ holdMs: 1_000 }),
  ])
  await sale.close()
  warm.add(server)
}

function handleOn(engine: TimedEngine['engine']): FlashSale {
  return new FlashSale('sale', { engine, deadlineMs: 30_000 })
}

/** For example `confirm confirmed late`. */
function kindOf(call: Call, { status, reason, code, late, replayed }: Answer): string {
  const details = [reason, code, late && 'late', replayed && 'replayed'].filter(Boolean)
  return [call.do, status, ...details].join(' ')
}

function named(answer: Answer, { names, ids }: Side): Answer {
  const nameOf = (id: string): string => {
    const name = names.get(id) ?? `r${names.size + 1}`
    names.set(id, name)
    ids.set(name, id)
    return name
  }
  const rename = (one: Reservation) => ({ ...one, id: nameOf(one.id) })
  const { reservation, reservations, page, skus } = answer
  return {
    ...answer,
    ...(answer.status === 'stats' ? { skus: allArrived(skus as Stats['skus']) } : {}),
    ...(reservation && { reservation: rename(reservation) }),
    ...(reservations ? { reservations: (reservations as string[]).map(nameOf) } : {}),
    ...(page ? { page: (page as Reservation[]).map(rename) } : {}),
  }
}

function allArrived(skus: Stats['skus']): Stats['skus'] {
  return Object.fromEntries(Object.entries(skus).map(([sku, counts]) => [sku, arrived(counts)]))
}
