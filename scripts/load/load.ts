import { setTimeout as delay } from 'node:timers/promises'
import { counted } from '../../src/cli/terminal/format.js'
import { saleClientOn } from '../../src/client/sale-client.js'
import type { SaleView } from '../../src/http/views.js'
import { type Gap, openArrivals, poisson } from '../lib/load/drive.js'
import { type Invariant, Invariants } from '../lib/load/invariants.js'
import { random } from '../lib/random.js'
import { Meter } from './meter.js'
import type { LoadOptions } from './options.js'
import { provider } from './provider.js'
import { Book } from './told.js'
import { type Crowd, type End, SOLD_OUT, Visitor } from './visitor.js'
import { type Streams, visitorPage } from './visitor-page.js'

/** What a run has counted so far. */
export class LoadRun {
  readonly options: LoadOptions
  readonly meter = new Meter()
  readonly book = new Book()
  readonly streams: Streams
  readonly invariants = new Invariants()
  /** Visitors who have arrived. */
  arrived = 0
  /** Of these, visitors who are past the queue. */
  buying = 0
  readonly ends = new Map<End, number>()
  /** Why the run ended before the last visitor left. */
  endedBy: string | undefined
  /** How late the generator itself was at most, in ms. */
  late = 0
  /** The stock before the first visitor and after the last one, by SKU. */
  readonly stock = new Map<string, { readonly before: number; after: number | undefined }>()

  constructor(options: LoadOptions) {
    this.options = options
    this.streams = { most: options.streams, open: new Set() }
  }

  get here(): number {
    return this.arrived - [...this.ends.values()].reduce((sum, count) => sum + count, 0)
  }
}

export interface LoadResult {
  readonly invariants: readonly Invariant[]
  /** Whether the stock could be read at the end, and was compared. */
  readonly isJudged: boolean
}

export interface Limits {
  /** Ends the run early, such as by Ctrl-C. */
  readonly signal: AbortSignal
  /** A shop that owes an answer for longer than this, in ms, is given up. */
  readonly patienceMs: number
  /** The shop may show its stock late: what does not agree is read again after this time. ms */
  readonly againMs: number
}

const tuning = {
  /** How often the stock is read at the end, if it does not agree. */
  readings: 10,
  /** How often the shop's silence is looked at, in ms. */
  watchMs: 50,
  /** How often the stock is read when all visitors have come and none of them is buying, in ms. */
  soldOutMs: 1_000,
}

/**
 * Sends the visitors, and compares what they were told with the stock.
 *
 * @throws {Error} if the shop does not answer, or no visitor can buy there.
 */
export async function load(run: LoadRun, { signal, patienceMs, againMs }: Limits): Promise<LoadResult> {
  const { options, meter, book, invariants, streams } = run
  const browser = { url: options.url, meter, streams }
  const page = visitorPage({ ...browser, headers: {} })
  const read = async (aborted?: AbortSignal) => {
    const silence = watch(meter, patienceMs)
    const signals = aborted === undefined ? [silence.signal] : [silence.signal, aborted]
    try {
      return await readStock(
        saleClientOn(page, { url: options.url }).sale({ signal: AbortSignal.any(signals) }),
      )
    } finally {
      silence.stop()
    }
  }
  const before = await read(signal)
  for (const { sku, available } of wanted(before, options)) {
    run.stock.set(sku, { before: available, after: undefined })
  }

  const over = new AbortController()
  // Each visitor has a signal of their own: of ten thousand listeners each takes long to add.
  const here = new Set<AbortController>()
  let failure: Error | undefined
  const endBy = (why: string) => {
    run.endedBy ??= why
    for (const one of [over, ...here]) one.abort(new Error(why))
  }
  const silence = watch(meter, patienceMs)
  silence.signal.addEventListener('abort', () => endBy((silence.signal.reason as Error).message))
  signal.addEventListener('abort', () => endBy('The run was interrupted.'))
  if (signal.aborted) endBy('The run was interrupted.')
  const bound = setTimeout(
    () => endBy(`The time bound of ${counted(options.minutes, 'minute')} was reached.`),
    options.minutes * 60_000,
  )
  const crowd: Crowd = {
    ...{ options, browser, book, invariants },
    skus: [...run.stock.keys()],
    changeBuying: (by) => {
      run.buying += by
    },
    report: options.webhook && provider(options.url, options.webhook, page),
    fail: (error) => {
      failure ??= error
      endBy(error.message)
    },
  }
  const end = watchStock(run, read, here)
  try {
    const { lateness } = await openArrivals({
      gap: gapOf(options),
      limit: { count: options.visitors },
      signal: over.signal,
      work: async (n) => {
        run.arrived++
        const own = new AbortController()
        here.add(own)
        const end = await new Visitor(crowd, own.signal, random(options.seed, n)).visit()
        here.delete(own)
        run.ends.set(end, (run.ends.get(end) ?? 0) + 1)
        return end === 'cut off' ? 'refused' : 'accepted'
      },
    })
    run.late = lateness.max
  } finally {
    clearTimeout(bound)
    silence.stop()
    end()
  }
  if (failure) throw failure
  const isJudged = await compare(run, read, againMs)
  return { invariants: invariants.list(), isJudged }
}

/**
 * Ends the visits when all visitors have come, those who are left wait in the queue, and every unit
 * is sold or on hold for a visitor who has gone away: they would wait until these holds expire.
 *
 * @returns ends the watch.
 */
function watchStock(
  run: LoadRun,
  read: () => Promise<SaleView>,
  here: ReadonlySet<AbortController>,
): () => void {
  const over = new AbortController()
  const isQuiet = () => run.arrived === run.options.visitors && run.buying === 0 && here.size > 0
  const isSoldOut = async () => {
    if (!isQuiet()) return false
    const view = await read().catch(() => undefined)
    return (
      view !== undefined && isQuiet() && [...run.stock.keys()].every((sku) => availableIn(view, sku) === 0)
    )
  }
  const look = async () => {
    for (let readings = 0; readings < 2; ) {
      await delay(tuning.soldOutMs, undefined, { signal: over.signal })
      // The shop may show its stock late, so that it is read twice.
      readings = (await isSoldOut()) ? readings + 1 : 0
    }
    if (over.signal.aborted) return
    run.endedBy ??= 'when every unit was sold, or on hold for a visitor who had gone away'
    for (const one of here) one.abort(SOLD_OUT)
  }
  look().catch(() => {})
  return () => over.abort()
}

const availableIn = ({ skus }: SaleView, sku: string) =>
  skus.find((shown) => shown.sku === sku)?.available ?? 0

/** Compares the stock with what the visitors were told. `false`: the shop does not answer. */
async function compare(run: LoadRun, read: () => Promise<SaleView>, againMs: number): Promise<boolean> {
  const { book, stock, invariants } = run
  for (const [sku, { before }] of stock) {
    const most = book.most(sku)
    invariants.check(
      'buyers never had more units at one moment than were on sale',
      most <= before,
      `${sku}: ${most} of ${before} units`,
    )
  }
  for (let reading = 1; ; reading++) {
    const view = await read().catch(() => undefined)
    if (view === undefined) return false
    const compared = [...stock].map(([sku, one]) => {
      one.after = availableIn(view, sku)
      return { sku, gone: one.before - one.after, ...book.missing(sku, view.now) }
    })
    const agrees = compared.every(({ gone, least, most }) => gone >= least && gone <= most)
    if (!agrees && reading < tuning.readings) {
      await delay(againMs)
      continue
    }
    for (const { sku, gone, least, most } of compared) {
      invariants.check(
        'every unit that a buyer was told of has left the stock',
        gone >= least,
        `${sku}: ${gone} units have left the stock, and buyers were told of ${least}`,
      )
      invariants.check(
        'every unit that has left the stock is one that a buyer was told of',
        gone <= most,
        `${sku}: ${gone} units have left the stock, and buyers were told of ${most} at most`,
      )
    }
    return true
  }
}

/** Aborts when the shop has owed an answer for too long. */
function watch(meter: Meter, patienceMs: number) {
  const silent = new AbortController()
  const timer = setInterval(() => {
    if (meter.silentMs <= patienceMs) return
    silent.abort(new Error(`The shop has not answered for ${Math.round(patienceMs / 1_000)} s.`))
  }, tuning.watchMs)
  return { signal: silent.signal, stop: () => clearInterval(timer) }
}

async function readStock(asked: Promise<SaleView | { readonly code: string }>): Promise<SaleView> {
  const view = await asked
  if ('code' in view && view.code) throw new Error(`The shop answers ${view.code} to GET /sale.`)
  return view as SaleView
}

/** @throws {Error} if there is nothing to buy, or nothing could be compared. */
function wanted({ skus, state }: SaleView, { sku: asked }: LoadOptions) {
  const found = skus.filter(({ sku, available }) => (asked === undefined ? available > 0 : sku === asked))
  if (state === 'ended') throw new Error('The sale has ended: no visitor can buy.')
  if (found.length === 0)
    throw new Error(asked ? `The shop does not sell ${asked}.` : 'Everything is sold out.')
  const returning = found.find(({ mayReturn }) => mayReturn)
  if (returning) {
    throw new Error(
      `Units of ${returning.sku} are on hold already. If they come back, what buyers are told cannot be compared ` +
        'with the stock: use another sale, or wait until these holds have expired.',
    )
  }
  return found
}

/** `rush`: the first half of the visitors comes ten times as fast. */
function gapOf({ rate, arrivals, visitors, seed }: LoadOptions): Gap {
  const usual = poisson(rate, random(seed))
  if (arrivals === 'poisson') return usual
  let arrived = 0
  return () => (arrived++ < visitors / 2 ? usual() / 10 : usual())
}
