import { setTimeout as delay } from 'node:timers/promises'
import { FlashSale, type ReservationState, type SkuCounts, type WaitingRoom } from '../../../src/index.js'
import type { LaunchOptions } from '../options.js'
import { patiently } from '../patiently.js'
import { type Store, title } from '../store.js'
import { count } from '../terminal/format.js'
import { Progress } from '../terminal/progress.js'
import type { Terminal } from '../terminal/style.js'
import { Buyers, LIMIT, SKU } from './buyers.js'
import { Crowd } from './crowd.js'
import { DoorView } from './door-view.js'
import { Ledger } from './ledger.js'
import { Live } from './live.js'
import { openRoom, passMsOf } from './room.js'
import { Samples } from './samples.js'
import { summary } from './summary.js'
import { type EndState, verdictOf } from './verdict.js'

const SALE = 'mango-me-launch'
/** Rounds in which nobody got anything though units were available: then the sale is stuck, and that is a finding. */
const FRUITLESS_ROUNDS = 3

/** Sells everything, then compares what buyers were told with what is. Answers whether all of it adds up. */
export async function launch(options: LaunchOptions, store: Store, terminal: Terminal): Promise<boolean> {
  const { units, holdMs, concurrency, seed } = options
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
  const around = { sale, room, crowd, ledger: ledger.door, samples, seed, sku: SKU, onRetry }
  const buyers = new Buyers(around, ledger, holdMs)
  const door = new DoorView(room, ledger.door, samples, options.buyers, terminal.paint)
  const live = new Live(sale, door, ledger, options, terminal.paint)
  const progress = new Progress(live, header(options, store, terminal), terminal, process.stdout)
  progress.start()
  try {
    await sell(sale, crowd, buyers, options)
    await live.finish()
  } finally {
    progress.stop()
  }
  console.log('\nThe doors are closed. Looking at every reservation that a buyer knows of ...')
  const end = await endState(sale, room, ledger, concurrency)
  const verdict = verdictOf(units, LIMIT, ledger, end)
  console.log(
    `\n${summary(options, ledger, live, end, verdict, terminal, process.stdout.columns).join('\n')}`,
  )
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
  terminal: Terminal,
): string[] {
  return [
    ...title(store, terminal.paint),
    `${count(units)} units of ${SKU}, ${LIMIT} a buyer, held for ${count(holdMs)} ms`,
    `${count(buyers)} buyers at the door, ${count(rate)} a second enter, ${count(concurrency)} at a time`,
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
  const ids = [...ledger.confirmed, ...ledger.refundDue, ...ledger.released]
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
