import { DeadLetters } from '../consumer/dead-letters.js'
import type { ConsumerGroup } from '../consumer/groups.js'
import { processClock, sleep } from '../engine/clock.js'
import type { Engine } from '../engine/engine.js'
import { invalid, isIncompatible, isLost, isNotFound, StockholdError } from '../errors.js'
import { type ListedProcess, listProcesses } from '../heartbeat/processes.js'
import type { PostgresLedger } from '../postgres/ledger.js'
import { contextOf, type FlashSale, sourceOf } from '../sale/flash-sale.js'
import { frozenSkus } from '../sale/frozen-skus.js'
import type { Audit } from '../sale/results.js'
import { checkId, checkInteger, checkOptions, type Names } from '../validation.js'
import { roomContextOf } from '../waiting-room/waiting-room.js'
import { Handles } from './handles.js'
import { findLost, type Seen, stateOfUnreadableRoom, stateOfUnreadableSale } from './lost.js'
import { type LogEntry, OperationsLog } from './operations-log.js'
import { refundsInEvents, refundsInLedger } from './refunds-due.js'
import type {
  Found,
  Listed,
  ListedDeadLetters,
  Problem,
  RefundsDue,
  ShownRoom,
  ShownSale,
} from './results.js'
import {
  describeTarget,
  lostTarget,
  nameOf,
  parseTarget,
  type Target,
  unknownSale,
  wrongKind,
} from './target.js'

/** Options of `Operations`. */
export interface OperationsOptions {
  engine: Engine
  /** Finds payments and refunds due also after the sale was removed, and recovers sales. */
  ledger?: PostgresLedger | undefined
  /** The deadline of each call to the engine, in ms. @default 5_000 */
  deadlineMs?: number | undefined
}

/** What `find` looks for: exactly one of these. */
export interface Wanted {
  reservation?: string | undefined
  buyer?: string | undefined
  paymentId?: string | undefined
}

const OPTIONS: Names<OperationsOptions> = { engine: true, ledger: true, deadlineMs: true }
const WANTED: Names<Wanted> = { reservation: true, buyer: true, paymentId: true }
const LIMIT = { limit: true } as const
const LOG = { limit: true, before: true } as const

const tuning = {
  /** How many reservations of a buyer are shown. */
  ofBuyer: 100,
  /** In which time each process beats once, if it reaches Redis. ms */
  beatsMs: 3_000,
  pollMs: 100,
}

/**
 * What an operator reads: the part of {@link Operations} that changes nothing. Results are JSON
 * values. A target is `sale:ID`, `room:ID`, or an id that is not both.
 */
export abstract class Inspection {
  /** @internal */
  protected readonly handles: Handles
  /** @internal */
  protected readonly operationsLog: OperationsLog
  /** @internal */
  protected readonly ledger: PostgresLedger | undefined
  /** @internal */
  protected readonly engine: Engine
  /** @internal */
  protected readonly deadlineMs: number

  /** @throws {StockholdError} `INVALID_ARGUMENT` */
  constructor(options: OperationsOptions) {
    const {
      engine,
      ledger,
      deadlineMs = 5_000,
    } = checkOptions(options, 'options', OPTIONS) as OperationsOptions
    if (typeof engine?.partition !== 'function')
      throw invalid('engine', 'must be an engine: redisEngine(...) or memoryEngine()')
    if (ledger !== undefined && typeof ledger?.payments !== 'function')
      throw invalid('ledger', 'must be a ledger: postgresLedger(...)')
    this.engine = engine
    this.ledger = ledger
    this.deadlineMs = checkInteger(deadlineMs, 'deadlineMs', 1, 3_600_000)
    this.handles = new Handles(engine, this.deadlineMs, (target) => this.#isLost(target))
    this.operationsLog = new OperationsLog(engine)
  }

  /**
   * All sales and waiting rooms of the prefix: sales first, the latest first. Those come first of
   * which Redis has forgotten everything, and which a process still knows.
   *
   * @param processes Those of the heartbeat, if the engine has none.
   */
  async list(processes?: readonly ListedProcess[]): Promise<Listed[]> {
    const all: Listed[] = []
    for await (const sale of this.engine.sales()) all.push({ kind: 'sale', ...sale })
    for await (const room of this.engine.rooms()) all.push({ kind: 'room', ...room })
    const names = new Set(all.map(nameOf))
    const known = processes ?? (await listProcesses(this.engine))
    all.push(...(await findLost(this.engine, known, (target) => !names.has(nameOf(target)))))
    const of = (kind: Listed['kind']) => all.filter((one) => one.kind === kind).sort(latestFirst)
    return [...of('sale'), ...of('room')]
  }

  /** What a text means. @throws {StockholdError} `NOT_FOUND`; `INVALID_ARGUMENT`: it is both. */
  async resolve(target: string): Promise<Target> {
    return this.handles.resolve(target)
  }

  /**
   * A sale or a waiting room: rules, counts, consumer groups.
   *
   * @param listed Its state in the list, if it was listed just now: else, if the sale or room
   *   cannot be read and was not seen before, all are listed to find its state.
   */
  async show(target: string, listed?: Listed['state']): Promise<ShownSale | ShownRoom> {
    const { kind, id } = await this.handles.resolve(target)
    return kind === 'sale' ? this.#showSale(id, listed) : this.#showRoom(id, listed)
  }

  /** The consumer groups of a sale. */
  async groups(target: string): Promise<ConsumerGroup[]> {
    const sale = await this.sale(target)
    return this.handles.read(sale, (handle) => handle.consumerGroups())
  }

  /** The dead letters of a group. `limit`: the most that are read, 1 to 10,000. @default 100 */
  async deadLetters(
    target: string,
    group: string,
    options: { limit?: number | undefined } = {},
  ): Promise<ListedDeadLetters> {
    const limit = limitOf(options)
    const sale = await this.sale(target)
    return this.handles.read(sale, async (handle) => {
      await this.checkGroup(handle, group)
      const letters = []
      for await (const letter of new DeadLetters(sourceOf(handle), group).all()) {
        if (letters.length === limit) return { group, complete: false, letters }
        letters.push(letter)
      }
      return { group, complete: true, letters }
    })
  }

  /**
   * Finds reservations by their id, or by their buyer: the latest 100. Finds a payment by its id in
   * the ledger, in the sale or, without a target, in all sales, with its reservation.
   *
   * @throws {StockholdError} `INVALID_ARGUMENT`: a payment without a ledger.
   */
  async find(target: string | undefined, wanted: Wanted): Promise<Found> {
    const { reservation, buyer, paymentId } = checkOptions(wanted, 'wanted', WANTED)
    if ([reservation, buyer, paymentId].filter((one) => one !== undefined).length !== 1)
      throw invalid('wanted', 'must name one of reservation, buyer, paymentId')
    if (paymentId !== undefined) return this.#findPayment(target, checkId(paymentId, 'paymentId'))
    const sale = await this.sale(checkId(target, 'target'))
    const reservations = await this.handles.read(sale, async (handle) =>
      buyer === undefined
        ? [await handle.get(checkId(reservation, 'reservation'))].filter((one) => one !== undefined)
        : handle.reservationsOf(checkId(buyer, 'buyer'), { limit: tuning.ofBuyer }),
    )
    return { reservations, payments: [] }
  }

  /**
   * The payments that the shop must give back. Without a ledger they are read from the events that
   * the sale keeps. `limit`: the most that are read, 1 to 10,000. @default 100
   */
  async refundsDue(target: string, options: { limit?: number | undefined } = {}): Promise<RefundsDue> {
    const limit = limitOf(options)
    const { kind, id } = parseTarget(target)
    if (this.ledger && kind !== 'room') return refundsInLedger(this.ledger, id, limit)
    const sale = await this.sale(target)
    return this.handles.read(sale, (handle) => refundsInEvents(sourceOf(handle), limit))
  }

  /** See `audit` of a sale. */
  async audit(target: string): Promise<Audit> {
    const sale = await this.sale(target)
    return this.handles.read(sale, (handle) => handle.audit())
  }

  /**
   * The operations log of the prefix, the latest entry first. It keeps the latest 1,000.
   *
   * @param options `limit`: 1 to 1,000. @default 100 `before`: only entries numbered below this.
   */
  async log(options: { limit?: number | undefined; before?: number | undefined } = {}): Promise<LogEntry[]> {
    const { limit = 100, before } = checkOptions(options, 'options', LOG)
    const last = before === undefined ? null : checkInteger(before, 'before', 1, Number.MAX_SAFE_INTEGER)
    return this.operationsLog.read(checkInteger(limit, 'limit', 1, 1_000), last)
  }

  /** Closes the handles that were opened; the engine stays open. */
  async close(): Promise<void> {
    await this.handles.close()
  }

  /** @internal */
  protected async sale(target: string): Promise<Target & { readonly kind: 'sale' }> {
    return (await this.handles.resolve(target, 'sale')) as Target & { readonly kind: 'sale' }
  }

  /** @internal */
  protected async checkGroup(sale: FlashSale, group: string): Promise<void> {
    checkId(group, 'group')
    const names = (await sale.consumerGroups()).map((known) => known.group)
    if (names.includes(group)) return
    const known = names.length === 0 ? 'It has none.' : `It has: ${names.join(', ')}.`
    throw new StockholdError(
      'NOT_FOUND',
      `${describeTarget({ kind: 'sale', id: sale.id })} has no consumer group ${JSON.stringify(group)}. ${known} Nothing was executed.`,
    )
  }

  async #showSale(id: string, listed?: Listed['state']): Promise<ShownSale> {
    const sale = { kind: 'sale', id } as const
    const problems: Problem[] = []
    let seen: Seen | undefined
    const part = <T>(work: (handle: FlashSale) => Promise<T>) => {
      const noted = (handle: FlashSale) => {
        const { incarnation, count } = contextOf(handle).client.partitions
        if (incarnation !== null) seen = { incarnation, partitions: count }
        return work(handle)
      }
      return this.handles.read(sale, noted).catch((error) => {
        if (isNotFound(error)) throw error
        problems.push(problemOf(error))
        return null
      })
    }
    const rules = await part((handle) => handle.rules())
    const stats = await part((handle) => handle.stats())
    const groups = await part((handle) => handle.consumerGroups())
    const problem = problems[0] ?? null
    const state = stats?.state ?? (await stateOfUnreadableSale(this.engine, id, problems, { seen, listed }))
    // A frozen sale answers no call that may write, and its counts can be read all the same.
    const skus =
      stats?.skus ?? (state === 'frozen' ? await part((handle) => frozenSkus(contextOf(handle))) : null)
    return { kind: 'sale', id, state, problem, rules, skus, groups }
  }

  /**
   * Why a waiting room is not recovered.
   *
   * @internal
   */
  protected async noSale(room: Target): Promise<StockholdError> {
    return (await this.#isLost(room)) ? lostTarget(room) : wrongKind(room, 'sale')
  }

  /** Whether Redis has forgotten all of a sale or room, and a process still knows it. */
  async #isLost(target: Target): Promise<boolean> {
    // If it cannot be asked, the first error stands.
    const processes = await listProcesses(this.engine).catch(() => [])
    const isAsked = (one: Target) => nameOf(one) === nameOf(target)
    const found = await findLost(this.engine, processes, isAsked).catch(() => [])
    return found[0]?.state === 'lost'
  }

  /**
   * Refuses what no process can recover. After a loss of everything the processes have to beat
   * before they are known.
   *
   * @internal
   * @throws {StockholdError} `NOT_FOUND`
   */
  protected async checkKnown(id: string): Promise<void> {
    if (await this.handles.exists({ kind: 'sale', id })) return
    const { clock = processClock } = this.engine
    const endsAt = clock.now() + tuning.beatsMs
    for (;;) {
      const told = (await listProcesses(this.engine)).flatMap(({ figures }) => figures ?? [])
      // A process with more sales than it tells may know this one too.
      const mayKnow = told.some(({ sales }) => sales.count > sales.ids.length || sales.ids.includes(id))
      if (mayKnow) return
      if (clock.now() >= endsAt) {
        const room = { kind: 'room', id } as const
        throw (await this.handles.exists(room)) ? await this.noSale(room) : unknownSale(id, told.length)
      }
      await sleep(tuning.pollMs, clock)
    }
  }

  async #showRoom(id: string, listed?: Listed['state']): Promise<ShownRoom> {
    const room = { kind: 'room', id } as const
    let sale: string | null = null
    let seen: Seen | undefined
    try {
      sale = await this.handles.read(room, async (handle) => handle.sale)
      const stats = await this.handles.read(room, (handle) => {
        const { incarnation } = roomContextOf(handle).client
        if (incarnation !== null) seen = { incarnation, partitions: 1 }
        return handle.stats()
      })
      return { kind: 'room', id, state: stats.state, problem: null, sale, stats }
    } catch (error) {
      const problem = problemOf(error)
      const state = await stateOfUnreadableRoom(this.engine, id, { seen, listed })
      return { kind: 'room', id, state, problem, sale, stats: null }
    }
  }

  async #findPayment(target: string | undefined, paymentId: string): Promise<Found> {
    if (!this.ledger) throw invalid('paymentId', 'needs a ledger: the engine does not find payments')
    const { kind, id } = target === undefined ? { kind: undefined, id: undefined } : parseTarget(target)
    if (kind === 'room') await this.sale(target!)
    const payments = await this.ledger.payments({ sale: id, paymentId })
    const reservations = []
    for (const { sale, reservationId } of payments) {
      // The ledger also knows sales that were removed, or are frozen or lost.
      const found = await this.handles
        .read({ kind: 'sale', id: sale }, (handle) => handle.get(reservationId))
        .catch((error: unknown) => {
          if (isNotFound(error) || isLost(error)) return undefined
          throw error
        })
      if (found) reservations.push(found)
    }
    return { reservations, payments }
  }
}

function latestFirst(a: Listed, b: Listed): number {
  const at = ({ createdAt }: Listed) => createdAt ?? Number.MAX_VALUE
  return at(b) - at(a) || (a.id < b.id ? -1 : 1)
}

/** @throws What does not concern the sale alone: the engine is away, or was closed. */
function problemOf(error: unknown): Problem {
  if (!(isNotFound(error) || isLost(error) || isIncompatible(error))) throw error
  const { code, message } = error as StockholdError
  return { code, message: message.replace(/ Nothing was executed\.$/, '') }
}

function limitOf(options: { limit?: number | undefined }): number {
  return checkInteger(checkOptions(options, 'options', LIMIT).limit ?? 100, 'limit', 1, 10_000)
}
