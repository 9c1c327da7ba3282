import { type Clock, processClock } from '../engine/clock.js'
import { isNotFound } from '../errors.js'
import { type ListedProcess, listProcesses } from '../heartbeat/processes.js'
import { withoutHeartbeat } from '../heartbeat/without-heartbeat.js'
import { SharedReading } from '../http/shared-reading.js'
import { Operations } from '../operations/operations.js'
import type { Listed, ShownRoom, ShownSale } from '../operations/results.js'
import { alertsOf } from './alerts.js'
import type { CheckedOptions } from './options.js'
import { Recoveries } from './recoveries.js'
import { Servers } from './servers.js'
import { Slopes } from './slopes.js'
import type { RefundsView, RoomView, SaleView, View } from './view.js'

const tuning = {
  /** How many sales, and how many rooms, are shown whole. */
  shown: 24,
  /** How many others are named. */
  named: 200,
  /** The list is read again after this time for each sale and room in it. ms */
  listMsEach: 10,
  callMs: 2_000,
  logged: 50,
  refunds: 100,
  refundsMs: 5_000,
}

/** Reads what the page shows. */
export class Reader {
  readonly #options: CheckedOptions
  readonly #clock: Clock
  readonly #operations: Operations
  readonly #slopes = new Slopes()
  readonly #servers: Servers
  readonly #recoveries: Recoveries
  readonly #refunds: SharedReading<RefundsView> | undefined
  #listed: { readonly at: number; readonly all: readonly Listed[] } | undefined

  constructor(options: CheckedOptions) {
    const { engine, ledger } = options
    this.#options = options
    this.#clock = engine.clock ?? processClock
    this.#servers = new Servers(engine)
    this.#recoveries = new Recoveries(engine)
    // No recovery waits for a process that only looks.
    const looking = withoutHeartbeat(engine)
    this.#operations = new Operations({ engine: looking, ledger, deadlineMs: tuning.callMs })
    if (ledger) this.#refunds = new SharedReading(tuning.refundsMs, () => this.#readRefunds())
  }

  /** @throws {StockholdError} What does not concern one sale alone: Redis is away. */
  async read(): Promise<View> {
    const { engine } = this.#options
    const all = await this.#list()
    const live = all.filter(({ state }) => state !== 'removing')
    const some = (kind: Listed['kind']) =>
      live
        .filter((one) => one.kind === kind)
        .sort(unendedFirst)
        .slice(0, tuning.shown)
    const [shownSales, shownRooms] = [some('sale'), some('room')]
    const [sales, rooms, processes, log] = await Promise.all([
      Promise.all(shownSales.map((sale) => this.#show(sale))),
      Promise.all(shownRooms.map((room) => this.#show(room))),
      listProcesses(engine),
      this.#operations.log({ limit: tuning.logged }),
    ])
    const shown = new Set([...shownSales, ...shownRooms])
    const others = all.filter((one) => !shown.has(one))
    const isNeeded = sales.some((sale) => sale?.state === 'frozen' || sale?.state === 'lost')
    const recoveries = await this.#recoveries.read(isNeeded)
    const saleViews = sales.flatMap((sale) =>
      sale?.kind === 'sale'
        ? { ...this.#saleView(sale, processes), recovery: recoveries.get(sale.id) ?? null }
        : [],
    )
    const roomViews = rooms.flatMap((room) => (room?.kind === 'room' ? this.#roomView(room) : []))
    const servers = this.#servers.read()
    this.#slopes.forgetUnused()
    return {
      ...{ sales: saleViews, rooms: roomViews, processes, servers, log },
      ...{ others: others.slice(0, tuning.named), othersCount: others.length },
      alerts: alertsOf(saleViews, roomViews, processes, servers),
      refunds: this.#refunds?.latest ?? null,
      hasLedger: this.#refunds !== undefined,
    }
  }

  /** Closes the handles of sales and rooms. The next reading opens them again. */
  async rest(): Promise<void> {
    await this.#operations.close()
  }

  /** With thousands of sales each list costs Redis as many commands. */
  async #list(): Promise<readonly Listed[]> {
    const at = this.#clock.now()
    const known = this.#listed
    if (known && at - known.at < known.all.length * tuning.listMsEach) return known.all
    const all = await this.#operations.list(await listProcesses(this.#options.engine))
    this.#listed = { at, all }
    return all
  }

  /** `undefined`: it was removed since it was listed. */
  async #show({ kind, id, state }: Listed): Promise<ShownSale | ShownRoom | undefined> {
    try {
      return await this.#operations.show(`${kind}:${id}`, state)
    } catch (error) {
      if (!isNotFound(error)) throw error
      if (state !== 'lost') return undefined
      // A handle that has not seen it before it was lost finds nothing.
      return kind === 'sale'
        ? { kind, id, state, problem: null, rules: null, skus: null, groups: null }
        : { kind, id, state, problem: null, sale: null, stats: null }
    }
  }

  #saleView(
    { id, state, problem, rules, skus, groups }: ShownSale,
    processes: readonly ListedProcess[],
  ): Omit<SaleView, 'recovery'> {
    const at = this.#clock.now()
    return {
      ...{ id, state, problem },
      rules: rules && {
        ...{ opensAt: rules.opensAt, closesAt: rules.closesAt, limitPerBuyer: rules.limitPerBuyer },
        ...{ holdMs: rules.holdMs, partitions: rules.partitions, revision: rules.revision },
      },
      skus:
        skus &&
        Object.entries(skus).map(([sku, counts]) => {
          const taken = counts.held + counts.confirmed
          const takenPerSecond = this.#slopes.perSecond(JSON.stringify([id, sku]), taken, at)
          return { sku, ...counts, takenPerSecond }
        }),
      answers: answersOf(id, processes),
      groups:
        groups?.map(({ group, lag, parked, dead, partitions }) => {
          const consumers = new Set(partitions.flatMap(({ consumer }) => consumer ?? [])).size
          return { group, lag, parked, dead, consumers }
        }) ?? null,
    }
  }

  #roomView({ id, state, problem, sale, stats }: ShownRoom): RoomView {
    const name = JSON.stringify([id])
    const perSecond = stats && this.#slopes.perSecond(name, stats.admitted, this.#clock.now())
    const isKnown = stats !== null && perSecond !== null && perSecond > 0
    const waitSeconds = stats?.waiting === 0 ? 0 : isKnown ? stats.waiting / perSecond : null
    return { id, state, problem, sale, stats, admittedPerSecond: perSecond, waitSeconds }
  }

  async #readRefunds(): Promise<RefundsView> {
    try {
      const limit = tuning.refunds + 1
      const found = await this.#options.ledger!.payments({ refundDue: true, limit })
      const payments = found
        .slice(0, tuning.refunds)
        .map(({ sale, reservationId, buyer, paymentId, reason }) => ({
          ...{ sale, reservationId, buyer, paymentId },
          reason: reason!,
        }))
      return { failed: false, complete: found.length < limit, payments }
    } catch (error) {
      this.#options.onError(error)
      return { failed: true, complete: false, payments: [] }
    }
  }
}

/** What the buyers of a sale were answered, by all processes that are listed. */
function answersOf(sale: string, processes: readonly ListedProcess[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const { figures } of processes) {
    const [, answers] = figures?.answers?.find(([id]) => id === sale) ?? []
    for (const [answer, count] of Object.entries(answers ?? {}))
      counts.set(answer, (counts.get(answer) ?? 0) + count)
  }
  return [...counts]
}

/** The list has the latest first, and the order stays among equals. */
function unendedFirst(a: Listed, b: Listed): number {
  return Number(a.state === 'ended') - Number(b.state === 'ended')
}
