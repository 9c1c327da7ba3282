import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type SaleClient, saleClientOn } from '../../src/client/sale-client.js'
import type { ReservationView } from '../../src/http/views.js'
import type { Invariants } from '../lib/load/invariants.js'
import type { Random } from '../lib/random.js'
import type { LoadOptions } from './options.js'
import type { Report } from './provider.js'
import { type Book, clock, type Told } from './told.js'
import { type Browser, visitorPage } from './visitor-page.js'

/** How a visit ended. */
export type End =
  | 'paid'
  | 'refund due'
  | 'abandoned'
  | 'released'
  | 'expired'
  | 'left'
  | 'sold out'
  | 'turned away'
  | 'cut off'

/** Why a visit is ended when every unit is sold. */
export const SOLD_OUT = new Error('Every unit is sold.')

const rules = {
  sameKey: 'the same key gets the same reservation',
  samePayment: 'a payment that is reported again gets the same answer',
  inTime: 'a payment within the time of the hold makes an order',
  ownList: "a buyer's own list shows what the buyer was told",
}

/** What all visitors of a run share. */
export interface Crowd {
  readonly options: LoadOptions
  readonly browser: Omit<Browser, 'headers'>
  readonly skus: readonly string[]
  readonly book: Book
  readonly invariants: Invariants
  readonly report: Report | undefined
  /** A visitor has come past the queue, or goes away from there: 1 or -1. */
  changeBuying(by: number): void
  /** The set-up is wrong: no visitor can come in. */
  fail(error: Error): void
}

/** One visitor: arrives, waits, buys, and pays or not. */
export class Visitor {
  readonly #crowd: Crowd
  readonly #signal: AbortSignal
  readonly #dice: Random
  readonly #shop: SaleClient
  readonly #orders: Told[] = []

  /** @param signal Ends the run. */
  constructor(crowd: Crowd, signal: AbortSignal, dice: Random) {
    this.#crowd = crowd
    this.#signal = signal
    this.#dice = dice
    const buyer = randomUUID()
    const headers = crowd.options.headers.map(([name, value]) => [name, value.replaceAll('{buyer}', buyer)])
    const page = visitorPage({ ...crowd.browser, headers: Object.fromEntries(headers) })
    this.#shop = saleClientOn(page, { url: crowd.browser.url })
  }

  /** Resolves at the end of the visit. */
  async visit(): Promise<End> {
    const { fail } = this.#crowd
    const signal = this.#signal
    try {
      await this.#shop.sale({ signal })
      return (await this.#queue()) ?? (await this.#buy())
    } catch (error) {
      if (signal.reason === SOLD_OUT) return 'sold out'
      // What answers there may be no shop.
      if (!signal.aborted) fail(error as Error)
      return 'cut off'
    }
  }

  /** Answers nothing when the visitor may buy. */
  async #queue(): Promise<End | undefined> {
    const { options, fail } = this.#crowd
    const signal = this.#signal
    const joined = await this.#shop.join({ signal })
    if (joined.code === 'login_required') {
      fail(new Error('The shop does not know the buyers: see --header.'))
      return 'cut off'
    }
    // A shop without a waiting room.
    if ((joined.code as string | undefined) === 'no_such_route') return undefined
    if (joined.code) return 'turned away'
    const patience = new AbortController()
    const either = AbortSignal.any([signal, patience.signal])
    if (this.#dice() < options.shares.leave) {
      this.#think(either).then(
        () => patience.abort(),
        () => {},
      )
    }
    const turn = await this.#shop.wait({ signal: either }).catch((error) => {
      if (signal.aborted || !patience.signal.aborted) throw error
      return undefined
    })
    if (turn === undefined) {
      await this.#shop.leave({ signal })
      return 'left'
    }
    patience.abort()
    if (turn.code) return 'turned away'
    return turn.status === 'closed' ? 'sold out' : undefined
  }

  async #buy(): Promise<End> {
    const { changeBuying } = this.#crowd
    changeBuying(1)
    return this.#decide().finally(() => changeBuying(-1))
  }

  async #decide(): Promise<End> {
    const { shares } = this.#crowd.options
    await this.#think()
    const held = await this.#press()
    if (typeof held === 'string') return held
    const dice = this.#dice()
    let end: End = 'abandoned'
    await this.#think()
    if (dice < shares.release) end = await this.#release(held)
    else if (dice >= shares.release + shares.abandon && this.#crowd.report) {
      end = await this.#pay(held, this.#crowd.report)
    }
    await this.#compare()
    return end
  }

  /** Presses Buy, some visitors twice at once and again after the answer. */
  async #press(): Promise<Told | End> {
    const { options, skus, book, invariants } = this.#crowd
    const signal = this.#signal
    const sku = options.sku ?? skus[Math.floor(this.#dice() * skus.length)]!
    const items = [{ sku, quantity: options.quantity }]
    const isTwice = this.#dice() < options.shares.twice
    for (;;) {
      const key = randomUUID()
      const sentAt = clock()
      const told = book.asks(sku, options.quantity)
      const press = () => this.#shop.reserve({ items, key, signal })
      const answers = await Promise.all(isTwice ? [press(), press()] : [press()])
      const held = answers.find((answer) => !answer.code) as ReservationView | undefined
      if (held === undefined) {
        // After an internal error the outcome is unknown.
        if (!answers.some(({ code }) => code === 'INTERNAL')) told.state = 'refused'
        const [refused] = answers as readonly { readonly code: string; readonly retryAfterMs?: number }[]
        if (refused!.code === 'sold_out') return 'sold out'
        if (refused!.code === 'login_required') {
          this.#crowd.fail(new Error('The shop does not know the buyers: see --header.'))
        }
        if (refused!.code !== 'not_started') return 'turned away'
        await delay(refused!.retryAfterMs ?? 1_000, undefined, { signal })
        continue
      }
      Object.assign(told, { id: held.id, from: clock(), state: 'held', expiresAt: held.expiresAt })
      told.heldUntil = sentAt + held.expiresInMs
      this.#orders.push(told)
      const again = isTwice ? await press() : undefined
      if (again && again.code !== 'INTERNAL') {
        const others = [...answers, again].map((answer) => idOf(answer)).filter((id) => id !== undefined)
        const isKnown = idOf(again) !== undefined || clock() >= told.heldUntil
        invariants.check(
          rules.sameKey,
          isKnown && others.every((id) => id === held.id),
          `${held.id}, and then ${others.filter((id) => id !== held.id)[0] ?? again.code}`,
        )
      }
      return told
    }
  }

  async #release(told: Told): Promise<End> {
    told.asking = 'release'
    told.releasedFrom = clock()
    const answer = await this.#shop.release(told.id!, { signal: this.#signal })
    if (answer.code === 'INTERNAL') {
      told.state = 'unknown'
      return 'turned away'
    }
    told.asking = undefined
    if (answer.code === undefined) told.state = 'released'
    else if (answer.code === 'expired') told.state = 'expired'
    else return 'turned away'
    return told.state
  }

  async #pay(told: Told, report: Report): Promise<End> {
    const { invariants, fail, options } = this.#crowd
    const signal = this.#signal
    const payment = `pay_${randomUUID()}`
    told.asking = 'payment'
    const answer = await report(told.id!, payment, signal)
    const isInTime = clock() < told.heldUntil
    if (answer.code === 'webhook_rejected') fail(new Error('The shop rejects the webhook: see --webhook.'))
    if ((answer.code as string | undefined) === 'no_such_route')
      fail(new Error('The shop has no POST /payments: run without WEBHOOK_SECRET, and no visitor pays.'))
    if (answer.code === 'INTERNAL') {
      told.state = 'unknown'
      return 'turned away'
    }
    if (answer.status !== 'confirmed' && answer.status !== 'refund_due') {
      // Nothing is known of the payment.
      invariants.check(rules.inTime, false, `${told.id} was answered ${answer.code ?? answer.status}`)
      return 'turned away'
    }
    told.asking = undefined
    told.state = answer.status
    if (answer.status === 'confirmed') told.paidFrom = clock()
    if (isInTime) {
      invariants.check(rules.inTime, answer.status === 'confirmed', `${told.id} was ${answer.status}`)
    }
    if (this.#dice() < options.shares.twice) {
      const { status, code } = await report(told.id!, payment, signal)
      const isSame = status === answer.status || code === 'INTERNAL'
      invariants.check(rules.samePayment, isSame, `${told.id}: ${answer.status}, and then ${code ?? status}`)
    }
    return answer.status === 'confirmed' ? 'paid' : 'refund due'
  }

  /** Looks at the list of the buyer's own orders. */
  async #compare(): Promise<void> {
    const { invariants } = this.#crowd
    const signal = this.#signal
    const list = await this.#shop.reservations({ limit: 100, signal })
    if (list.code === 'INTERNAL') return
    if (list.code) {
      invariants.check(rules.ownList, false, `the list was answered ${list.code}`)
      return
    }
    const shown = new Map(list.reservations.map(({ id, state }) => [id, state]))
    for (const { id, state, expiresAt } of this.#orders) {
      const found = shown.get(id!)
      shown.delete(id!)
      // After an internal error the visitor does not know what the list has to show.
      if (state === 'unknown') continue
      const isSame = isLike(state, found, expiresAt <= list.now)
      invariants.check(rules.ownList, isSame, `${id} is ${found ?? 'not in the list'}, told ${state}`)
    }
    const [more] = shown.keys()
    invariants.check(rules.ownList, more === undefined, `${more} is in the list, and the buyer was not told`)
  }

  #think(signal = this.#signal): Promise<void> {
    const ms = -Math.log(1 - this.#dice()) * this.#crowd.options.thinkMs
    return delay(ms, undefined, { signal })
  }
}

/** Of a reservation, also of one whose time is over. */
function idOf(answer: Awaited<ReturnType<SaleClient['reserve']>>): string | undefined {
  if (!answer.code) return answer.id
  return answer.code === 'key_spent' ? (answer.reservation as ReservationView).id : undefined
}

function isLike(told: Told['state'], shown: string | undefined, isOver: boolean): boolean {
  if (told === 'held') return shown === 'held' || (isOver && shown === 'expired')
  // After a late payment the reservation stays what it was.
  if (told === 'refund_due') return shown !== undefined && shown !== 'held' && shown !== 'confirmed'
  return shown === told
}
