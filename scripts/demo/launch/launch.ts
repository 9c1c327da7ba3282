import { setTimeout as delay } from 'node:timers/promises'
import { FlashSale, type ReservationState, type SkuCounts, type WaitingRoom } from '../../../src/index.js'
import { patiently } from '../../lib/retry.js'
import { count } from '../../lib/terminal/format.js'
import { LivePanel } from '../../lib/terminal/live-panel.js'
import type { Terminal } from '../../lib/terminal/style.js'
import { type Books, openBooks } from '../handoff/books.js'
import { differences, type HandedOn } from '../handoff/comparison.js'
import { Handoff } from '../handoff/handoff.js'
import { sameRows, troubleRows } from '../handoff/handoff-summary.js'
import { HandoffView } from '../handoff/handoff-view.js'
import type { LaunchOptions } from '../options.js'
import { type Store, title } from '../store.js'
import { Stores, type StoresEnd } from '../stores/stores.js'
import { storeFaults, storesSection } from '../stores/stores-summary.js'
import { StoresView } from '../stores/stores-view.js'
import { Buyers, LIMIT, SALE, SKU } from './buyers.js'
import { Crowd } from './crowd.js'
import { DoorView } from './door-view.js'
import { Ledger } from './ledger.js'
import { Live } from './live.js'
import { openRoom, passMsOf } from './room.js'
import { Samples } from './samples.js'
import { summary } from './summary.js'
import { type EndState, verdictOf } from './verdict.js'

/** Rounds in which nobody got anything though units were available: then the sale is stuck, and that is a finding. */
const FRUITLESS_ROUNDS = 3

/** Sells everything, then compares what buyers were told with what is. Answers whether all of it adds up. */
export async function launch(options: LaunchOptions, store: Store, terminal: Terminal): Promise<boolean> {
  const books = options.ledger ? await openBooks(console.log) : 'left out, as --no-ledger asks'
  try {
    return await launchWith(books, options, store, terminal)
  } finally {
    if (typeof books !== 'string') await books.close()
  }
}

async function launchWith(
  books: Books | string,
  options: LaunchOptions,
  store: Store,
  terminal: Terminal,
): Promise<boolean> {
  const { units, holdMs, concurrency, seed, stretch } = options
  const stores = options.stores > 0 ? await Stores.open(store.engine, options, books) : undefined
  const room = await openRoom(SALE, options, store)
  const sale = new FlashSale(SALE, {
    waitingRoom: room,
    engine: store.engine,
    deadlineMs: 5_000,
    // Double clicks and double reports, and some room for the questions of the demo itself.
    maxInFlight: concurrency * 2 + 100,
  })
  await sale.create({ stock: { [SKU]: units }, limitPerBuyer: LIMIT, holdMs })

  const ledger = new Ledger(options.buyers, passMsOf(options))
  const crowd = new Crowd(concurrency)
  const samples = new Samples(followed(options))
  const onRetry = () => {
    ledger.retries++
  }
  const around = { sale, room, crowd, ledger: ledger.door, samples, seed, sku: SKU, stretch, onRetry }
  const buyers = new Buyers(around, ledger, holdMs)
  const door = new DoorView(room, ledger.door, samples, options.buyers, terminal.paint)
  const handoff = await Handoff.open(store.engine, SALE, options, books)
  const parcels = new HandoffView(handoff, units, terminal.paint)
  const live = new Live(
    sale,
    door,
    parcels,
    new StoresView(stores, terminal.paint),
    ledger,
    options,
    terminal.paint,
  )
  const panel = new LivePanel(live, header(options, store, books, terminal), terminal, process.stdout)
  let handed: HandedOn
  let storesEnd: StoresEnd | undefined
  panel.start()
  try {
    await Promise.all([sell(sale, crowd, buyers, options), stores?.sell()])
    await live.finish()
    handed = await handoff.finish()
    storesEnd = await stores?.finish()
  } finally {
    panel.stop()
  }
  console.log('\nThe doors are closed. Looking at every reservation that a buyer knows of ...')
  const end = await endState(sale, room, ledger, concurrency)
  const judged = verdictOf(units, LIMIT, ledger, end)
  const verdict = { ...judged, faults: [...judged.faults, ...differences(ledger, handed)] }
  if (stores && storesEnd)
    verdict.faults.push(...storeFaults(stores, storesEnd), ...differences(stores.books, storesEnd.handed))
  const behind = [
    { title: 'Trouble on the way to the parcels', rows: troubleRows(handoff) },
    ...(stores && storesEnd
      ? [
          storesSection(stores, storesEnd),
          sameRows('From promise to parcel: the stores', stores.books, storesEnd.handed),
        ]
      : []),
    sameRows('From promise to parcel', ledger, handed),
  ]
  console.log(
    `\n${summary(options, ledger, live, end, verdict, behind, terminal, process.stdout.columns).join('\n')}`,
  )
  await handoff.close()
  await stores?.close()
  await sale.close()
  await room.close()
  return verdict.faults.length === 0
}

/** One buyer who may well get a unit, and one who comes late. */
function followed({ units, buyers }: LaunchOptions): number[] {
  return [...new Set([Math.floor(Math.min(units, buyers) * 0.4), Math.floor(buyers * 0.9)])]
}

function header(
  { units, buyers, rate, holdMs, concurrency, seed }: LaunchOptions,
  store: Store,
  books: Books | string,
  terminal: Terminal,
): string[] {
  return [
    ...title(store, terminal.paint),
    `${count(units)} units of ${SKU}, ${LIMIT} a buyer, held for ${count(holdMs)} ms`,
    `${count(buyers)} buyers at the door, ${count(rate)} a second enter, ${count(concurrency)} at a time`,
    typeof books === 'string' ? `no ledger: ${books}` : 'a ledger in a PostgreSQL of its own',
    `seed ${seed}: --seed ${seed} repeats what they decide`,
    '',
  ]
}

/** Until everything is sold or nobody is left who wants any: those who went away hear of units that came back. */
async function sell(sale: FlashSale, crowd: Crowd, buyers: Buyers, options: LaunchOptions): Promise<void> {
  await crowd.run(buyers.arrivals(options.buyers))
  for (let fruitless = 0; fruitless < FRUITLESS_ROUNDS; ) {
    const { available } = await lastHolds(sale, options.holdMs)
    if (available === 0 || buyers.away === 0) break
    const before = buyers.away
    await crowd.run(buyers.calledBack(available))
    fruitless = buyers.away < before ? 0 : fruitless + 1
  }
}

/** Waits until the last hold has lapsed. One that never does is left to the verdict. */
async function lastHolds(sale: FlashSale, holdMs: number): Promise<SkuCounts> {
  const giveUpAt = performance.now() + holdMs + 5_000
  for (;;) {
    const counts = (
      await patiently(
        () => sale.stats(),
        () => {},
      )
    ).skus[SKU]!
    if (counts.held === 0 || performance.now() > giveUpAt) return counts
    await delay(50)
  }
}

async function endState(
  sale: FlashSale,
  room: WaitingRoom,
  ledger: Ledger,
  concurrency: number,
): Promise<EndState> {
  const states = new Map<string, ReservationState | undefined>()
  const ids = [
    ...ledger.confirmed.keys(),
    ...ledger.cancelled.keys(),
    ...ledger.refundDue,
    ...ledger.released,
  ]
  for (let at = 0; at < ids.length; at += concurrency) {
    const page = ids.slice(at, at + concurrency)
    const found = await Promise.all(
      page.map((id) =>
        patiently(
          () => sale.get(id),
          () => {},
        ),
      ),
    )
    for (const [index, id] of page.entries()) states.set(id, found[index]?.state)
  }
  const { skus } = await sale.stats()
  const { admitted } = await room.stats()
  return { counts: skus[SKU]!, states, passes: admitted, audit: await sale.audit() }
}
