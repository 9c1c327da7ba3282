import { setTimeout as delay } from 'node:timers/promises'
import { count } from '../../../src/cli/terminal/format.js'
import type { Terminal } from '../../../src/cli/terminal/style.js'
import { FlashSale, type ReservationState, type SkuCounts, type WaitingRoom } from '../../../src/index.js'
import { retry } from '../../lib/retry.js'
import { LivePanel } from '../../lib/terminal/live-panel.js'
import { openControlRoom, stay } from '../control-room.js'
import { differences, type FulfilmentResult } from '../fulfilment/comparison.js'
import { Fulfilment } from '../fulfilment/fulfilment.js'
import { faultRows, sameRows } from '../fulfilment/fulfilment-summary.js'
import { FulfilmentView } from '../fulfilment/fulfilment-view.js'
import { type LedgerDatabase, openLedgerDatabase } from '../fulfilment/ledger-database.js'
import { Receipt } from '../fulfilment/receipt.js'
import { receiptFaults, receiptSection } from '../fulfilment/receipt-summary.js'
import type { LaunchOptions } from '../options.js'
import { type Store, title } from '../store.js'
import { Stores, type StoresEnd } from '../stores/stores.js'
import { storeFaults, storesSection } from '../stores/stores-summary.js'
import { StoresView } from '../stores/stores-view.js'
import { BuyerScheduler } from './buyer-scheduler.js'
import { Buyers, LIMIT, SALE, SKU } from './buyers.js'
import { ExpectedState } from './expected-state.js'
import { Live } from './live.js'
import { openRoom, passMsOf } from './room.js'
import { RoomView } from './room-view.js'
import { Samples } from './samples.js'
import { summary } from './summary.js'
import { type EndState, verdictOf } from './verdict.js'

/**
 * After this number of rounds in which no buyer got a unit although some were available, the sale
 * is stuck.
 */
const FRUITLESS_ROUNDS = 3

/**
 * Sells everything, then compares the answers of the buyers with the end state. Answers whether it
 * adds up.
 */
export async function launch(
  options: LaunchOptions,
  store: Store,
  terminal: Terminal,
  interrupted: AbortSignal,
): Promise<boolean> {
  const database = options.ledger ? await openLedgerDatabase(console.log) : 'left out, as --no-ledger asks'
  const ledger = typeof database === 'string' ? undefined : database.ledger
  const control = options.serve ? await openControlRoom(store.engine, ledger) : undefined
  try {
    return await launchWith(database, options, store, terminal, interrupted)
  } finally {
    await control?.close()
    if (typeof database !== 'string') await database.close()
  }
}

async function launchWith(
  database: LedgerDatabase | string,
  options: LaunchOptions,
  store: Store,
  terminal: Terminal,
  interrupted: AbortSignal,
): Promise<boolean> {
  const { units, holdMs, concurrency, seed, stretch } = options
  const stores = options.stores > 0 ? await Stores.open(store.engine, options, database) : undefined
  const room = await openRoom(SALE, options, store)
  const sale = new FlashSale(SALE, {
    waitingRoom: room,
    engine: store.engine,
    deadlineMs: 20_000,
    // For double clicks and double reports, and for the calls of the demo itself.
    maxInFlight: concurrency * 2 + 100,
  })
  await sale.create({ stock: { [SKU]: units }, limitPerBuyer: LIMIT, holdMs })

  const expected = new ExpectedState(options.buyers, passMsOf(options))
  const scheduler = new BuyerScheduler(concurrency)
  const samples = new Samples(followed(options))
  const onRetry = () => {
    expected.retries++
  }
  const context = {
    sale,
    room,
    scheduler,
    expected: expected.room,
    samples,
    seed,
    sku: SKU,
    stretch,
    onRetry,
  }
  const buyers = new Buyers(context, expected, holdMs)
  const door = new RoomView(room, expected.room, samples, options.buyers, terminal.paint)
  const fulfilment = await Fulfilment.open(store.engine, SALE, options, database)
  const parcels = new FulfilmentView(fulfilment, units, terminal.paint)
  const live = new Live(
    sale,
    door,
    parcels,
    new StoresView(stores, terminal.paint),
    expected,
    options,
    terminal.paint,
  )
  const panel = new LivePanel(live, header(options, store, database, terminal), terminal, process.stdout)
  let fulfilled: FulfilmentResult
  let storesEnd: StoresEnd | undefined
  panel.start()
  try {
    await Promise.all([sell(sale, scheduler, buyers, options), stores?.sell()])
    await live.finish()
    fulfilled = await fulfilment.finish()
    storesEnd = await stores?.finish()
  } finally {
    panel.stop()
  }
  console.log('\nThe sale is over. Looking up every reservation that a buyer knows of ...')
  const receipt = receiptOf(sale, database, options)
  // Nothing that was sold changes while parcels are on their way.
  const [end] = await Promise.all([
    endState(sale, room, expected, concurrency),
    receipt?.deliver(fulfilled.parcels),
  ])
  const judged = verdictOf(units, LIMIT, expected, end)
  const verdict = { ...judged, faults: [...judged.faults, ...differences(expected, fulfilled)] }
  if (stores && storesEnd)
    verdict.faults.push(
      ...storeFaults(stores, storesEnd),
      ...differences(stores.expected, storesEnd.fulfilled),
    )
  const receipts = await receipt?.payOut()
  if (receipts) verdict.faults.push(...receiptFaults(expected.confirmed, receipts))
  const behind = [
    { title: 'Faults on the way to the parcels', rows: faultRows(fulfilment) },
    ...(stores && storesEnd
      ? [
          storesSection(stores, storesEnd),
          sameRows('From payment to parcel: the stores', stores.expected, storesEnd.fulfilled),
        ]
      : []),
    sameRows('From payment to parcel', expected, fulfilled),
    ...(receipts ? [receiptSection(expected.confirmed, receipts)] : []),
  ]
  console.log(
    `\n${summary(options, expected, live, end, verdict, behind, terminal, process.stdout.columns).join('\n')}`,
  )
  // The control room shows processes as long as their handles are open.
  if (options.serve) await stay(interrupted)
  else console.log('\nTo see it live in a browser, and look around afterwards: npm run demo -- --serve')
  await fulfilment.close()
  await stores?.close()
  await sale.close()
  await room.close()
  return verdict.faults.length === 0
}

function receiptOf(
  sale: FlashSale,
  database: LedgerDatabase | string,
  { seed, concurrency }: LaunchOptions,
): Receipt | undefined {
  if (typeof database === 'string') return undefined
  const { ledger } = database
  return new Receipt({ sale, ledger, openOrders: () => database.openOrders(SALE), seed, concurrency })
}

/** A buyer who may well get a unit, and one who comes late. */
function followed({ units, buyers }: LaunchOptions): number[] {
  return [...new Set([Math.floor(Math.min(units, buyers) * 0.4), Math.floor(buyers * 0.9)])]
}

function header(
  { units, buyers, rate, holdMs, concurrency, seed }: LaunchOptions,
  store: Store,
  database: LedgerDatabase | string,
  terminal: Terminal,
): string[] {
  return [
    ...title(store, terminal.paint),
    `${count(units)} units of ${SKU}, ${LIMIT} a buyer, held for ${count(holdMs)} ms`,
    `${count(buyers)} buyers, ${count(rate)} admitted per second, requests of ${count(concurrency)} at a time`,
    typeof database === 'string' ? `no ledger: ${database}` : 'a ledger in PostgreSQL',
    `seed ${seed}: --seed ${seed} repeats the decisions of the buyers`,
    '',
  ]
}

/**
 * Sells until no unit or no buyer is left: buyers who went away are called back when units return.
 */
async function sell(
  sale: FlashSale,
  scheduler: BuyerScheduler,
  buyers: Buyers,
  options: LaunchOptions,
): Promise<void> {
  await scheduler.run(buyers.arrivals(options.buyers))
  for (let fruitless = 0; fruitless < FRUITLESS_ROUNDS; ) {
    const { available } = await lastHolds(sale, options.holdMs)
    if (available === 0 || buyers.away === 0) break
    const before = buyers.away
    await scheduler.run(buyers.calledBack(available))
    fruitless = buyers.away < before ? 0 : fruitless + 1
  }
}

/** Waits until the last hold has expired. A hold that never expires is left to the verdict. */
async function lastHolds(sale: FlashSale, holdMs: number): Promise<SkuCounts> {
  const giveUpAt = performance.now() + holdMs + 5_000
  for (;;) {
    const counts = (await retry(() => sale.stats())).skus[SKU]!
    if (counts.held === 0 || performance.now() > giveUpAt) return counts
    await delay(50)
  }
}

async function endState(
  sale: FlashSale,
  room: WaitingRoom,
  expected: ExpectedState,
  concurrency: number,
): Promise<EndState> {
  const states = new Map<string, ReservationState | undefined>()
  const ids = [
    ...expected.confirmed.keys(),
    ...expected.cancelled.keys(),
    ...expected.refundDue,
    ...expected.released,
  ]
  for (let at = 0; at < ids.length; at += concurrency) {
    const page = ids.slice(at, at + concurrency)
    const found = await Promise.all(page.map((id) => retry(() => sale.get(id))))
    for (const [index, id] of page.entries()) states.set(id, found[index]?.state)
  }
  const { skus } = await sale.stats()
  const { admitted } = await room.stats()
  return { counts: skus[SKU]!, states, passes: admitted, audit: await sale.audit() }
}
