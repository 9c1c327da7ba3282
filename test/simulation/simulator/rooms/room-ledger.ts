import type { PollResult } from '../../../../src/waiting-room/results.js'
import { demand } from '../../../model/violation.js'
import type { SimulatedProcess } from '../process.js'
import type { RoomPlan } from './room-plan.js'

/**
 * What a call is known by: when it was made and settled, by the world's clock and by the latest
 * time the server has told.
 */
export interface Span {
  readonly process: SimulatedProcess
  readonly from: number
  readonly serverFrom: number
  /** `Infinity` while it may still be carried out. */
  to: number
  /** `Infinity` unless it was answered. */
  serverTo: number
}

interface Joined {
  readonly buyer: string
  readonly ticket: string
  readonly visitId: number
  readonly span: Span
}

interface Ending {
  readonly buyer: string
  /** `null`: whichever they were in. */
  readonly visitId: number | null
  readonly span: Span
}

interface Admitted {
  readonly buyer: string
  readonly visitId: number
  readonly expiresAt: number
  /** When the pass was given, by the server's clock. */
  readonly at: number
}

interface Polled {
  readonly buyer: string
  readonly visitId: number
  readonly span: Span
}

interface Closing {
  readonly closes: boolean
  readonly span: Span
}

/** No message is on its way for longer. ms */
const STRAGGLE_MS = 5_100

/** Who was told what, and what of it cannot be true: from the callers' answers alone. */
export class RoomLedger {
  readonly #plan: RoomPlan
  readonly #joined: Joined[] = []
  readonly #endings: Ending[] = []
  readonly #admitted: Admitted[] = []
  readonly #waits: Polled[] = []
  /** Changes of who may enter: what they set, and when. */
  readonly #closing: Closing[] = []
  /** The same of each buyer who may not join. */
  readonly #blocked = new Map<string, Closing[]>()
  /** The guest that an account was before. */
  readonly #guests = new Map<string, string>()
  #fastest: number
  #largest: number

  constructor(plan: RoomPlan) {
    this.#plan = plan
    this.#fastest = plan.ratePerSecond
    this.#largest = plan.burst
  }

  /** @param ticket `undefined` for a buyer who was told that they are blocked. */
  join(buyer: string, ticket: string | undefined, span: Span): void {
    const blocked = this.#blocked.get(buyer) ?? []
    if (ticket === undefined) {
      const may = blocked.some(({ closes, span: { from } }) => closes && from <= span.to)
      demand(may, 'place', () => `${buyer} was told to be blocked, and nobody blocked them`)
      return
    }
    demand(!isClosed(blocked, span), 'place', () => `${buyer} joined while blocked`)
    const joined: Joined = { buyer, ticket, visitId: Number(claimsOf(ticket).visitId), span }
    for (const other of this.#joined) {
      if (other.buyer !== buyer || other.visitId === joined.visitId) continue
      // Of two calls at a time, the one that was answered first may have been carried out last.
      const [first, second] = other.visitId < joined.visitId ? [other, joined] : [joined, other]
      const ended = this.#hasEnded(buyer, first.visitId, first.span.from, second.span.to)
      demand(
        ended,
        'place',
        () => `${buyer} was placed in stay ${first.visitId}, and in ${second.visitId} without having left`,
      )
    }
    this.#joined.push(joined)
  }

  /** The guest has logged in: the account has the place, as if it had joined when the guest did. */
  transferred(guest: string, ticket: string, account: string, own: string, span: Span): void {
    const from = this.#joined.find((one) => one.ticket === ticket)?.span ?? span
    if (this.#joined.some((one) => one.ticket === own)) return
    this.#guests.set(account, guest)
    this.#joined.push({ buyer: account, ticket: own, visitId: Number(claimsOf(own).visitId), span: from })
  }

  /** The buyer leaves with a ticket, or is sent away (`null`: whatever ticket they have). */
  ending(buyer: string, ticket: string | null, span: Span): void {
    this.#endings.push({ buyer, visitId: ticket === null ? null : Number(claimsOf(ticket).visitId), span })
  }

  /** Somebody blocks the buyer, which ends their stay, or ends that. */
  blocking(buyer: string, closes: boolean, span: Span): void {
    const all = this.#blocked.get(buyer)
    if (all) all.push({ closes, span })
    else this.#blocked.set(buyer, [{ closes, span }])
    if (closes) this.ending(buyer, null, span)
  }

  /** Somebody pauses or resumes the room, or sets its rate. */
  switching(closes: boolean, span: Span, pace?: { readonly rate: number; readonly burst: number }): void {
    this.#closing.push({ closes, span })
    if (!pace) return
    this.#fastest = Math.max(this.#fastest, pace.rate)
    this.#largest = Math.max(this.#largest, pace.burst)
  }

  refused(buyer: string, ticket: string, now: number): void {
    const joined = this.#joined.find((one) => one.ticket === ticket)
    const visitId = Number(claimsOf(ticket).visitId)
    const ended = this.#hasEnded(buyer, visitId, joined?.span.from ?? 0, now)
    demand(ended, 'place', () => `${buyer} was told that the place is given up, and nobody gave it up`)
  }

  told(buyer: string, ticket: string, result: PollResult, span: Span, serverAway: boolean): void {
    const { visitId } = claimsOf(ticket)
    if (result.status === 'waiting') {
      // Longer than anybody near the door is ever told: the server was not reached.
      if (result.pollAfterMs < 4_000) this.#waits.push({ buyer, visitId: Number(visitId), span })
      return
    }
    if (result.status === 'closed') return
    const { passMs, creation } = this.#plan
    const pass = claimsOf(result.pass)
    const own =
      pass.sub === buyer && pass.aud === 'room' && pass.visitId === visitId && pass.until === result.expiresAt
    demand(own, 'admission', () => `${buyer} of stay ${visitId} was given the pass ${JSON.stringify(pass)}`)
    const at = result.expiresAt - passMs
    const names = [buyer, this.#guests.get(buyer)]
    const known = this.#admitted.some(
      (one) => names.includes(one.buyer) && one.expiresAt === result.expiresAt,
    )
    if (known) return
    const story = () => `${buyer} was admitted at ${at}`
    demand(!serverAway, 'admission', () => `${story()}, and the server was away all the while`)
    demand(at <= span.serverTo, 'admission', () => `${story()}, which has not come yet`)
    demand(at >= Number(creation.opensAt ?? 0), 'admission', () => `${story()}, before the room opened`)
    for (const other of this.#admitted) {
      if (other.buyer !== buyer || other.visitId !== visitId) continue
      const apart = at >= other.expiresAt || other.at >= result.expiresAt
      demand(apart, 'admission', () => `${story()} and at ${other.at}, while a pass was valid`)
    }
    this.#admitted.push({ buyer, visitId: Number(visitId), expiresAt: result.expiresAt, at })
    const then = { from: at, to: at, serverFrom: at, serverTo: at }
    demand(!isClosed(this.#closing, then), 'admission', () => `${story()}, while nobody could be`)
  }

  /** A pass of somebody's stay has bought something. */
  bought(buyer: string, pass: string, span: Span): void {
    const { sub, visitId } = claimsOf(pass)
    demand(sub === buyer, 'admission', () => `${buyer} bought with a pass of ${sub}`)
    const joined = this.#joined.find((one) => one.buyer === buyer && one.visitId === visitId)
    const revoked = this.#endings.some(
      ({ buyer: of, visitId: ended, span: { from, to, serverTo } }) =>
        of === buyer &&
        (ended ?? visitId) === visitId &&
        joined &&
        serverTo < Number.POSITIVE_INFINITY &&
        from > joined.span.to &&
        to + 1_000 < span.from,
    )
    demand(
      !revoked,
      'admission',
      () => `${buyer} bought with a pass that was taken back more than a second before`,
    )
  }

  /**
   * What can be said when all is over. `gentle`: nothing came late, so that whoever polled was
   * there.
   */
  conclude(start: number, gentle: boolean): void {
    const { rate, burst } = { rate: this.#fastest, burst: this.#largest }
    const inOrder = this.#admitted.toSorted((a, b) => a.at - b.at)
    for (const [i, { at }] of inOrder.entries()) {
      const most = burst + (rate * (at - start)) / 1_000
      demand(
        i + 1 <= most,
        'admission',
        () => `${i + 1} were admitted within ${at - start} ms: more than ${most}`,
      )
    }
    if (gentle) for (const admitted of inOrder) this.#fifo(admitted)
  }

  /** Whoever came first, was there and still waits afterwards was passed over. */
  #fifo(later: Admitted): void {
    const { creation, claimMs, sale } = this.#plan
    if (creation.order === 'random' || creation.tiers || sale !== null || this.#closing.length > 0) return
    const second = this.#joined.find(
      ({ visitId, buyer }) => buyer === later.buyer && visitId === later.visitId,
    )
    for (const first of this.#joined) {
      if (!second || first.buyer === later.buyer || !(first.span.to < second.span.from)) continue
      const own = this.#waits.filter(
        ({ visitId, buyer }) => buyer === first.buyer && visitId === first.visitId,
      )
      const here = own.findLast(({ span }) => span.serverTo < later.at)
      const still = own.find(({ span }) => span.serverFrom > later.at)
      if (!here || !still || here.span.serverFrom < later.at - 2_000) continue
      const turned = still.span.serverTo - here.span.serverFrom >= claimMs
      const again = this.#admitted.some(
        ({ buyer, visitId, at }) => buyer === first.buyer && visitId === first.visitId && at < later.at,
      )
      demand(
        turned || again,
        'order',
        () => `${first.buyer} came before ${later.buyer}, was there, and was passed over`,
      )
    }
  }

  #hasEnded(buyer: string, visitId: number, from: number, to: number): boolean {
    return this.#endings.some(
      (ending) =>
        ending.buyer === buyer &&
        (ending.visitId ?? visitId) === visitId &&
        ending.span.from <= to &&
        ending.span.to + STRAGGLE_MS >= from,
    )
  }
}

/**
 * Whether it was closed for certain during a call: by the latest change, with no other that could
 * have come after it.
 */
function isClosed(changes: readonly Closing[], during: Pick<Span, 'serverFrom' | 'serverTo'>): boolean {
  return changes.some((one) => {
    if (!one.closes || !(one.span.serverTo < during.serverFrom)) return false
    return changes.every((other) => {
      if (other === one || other.closes) return true
      return other.span.to + STRAGGLE_MS < one.span.from || other.span.serverFrom > during.serverTo
    })
  })
}

/** What a ticket or a pass says. */
function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
}
