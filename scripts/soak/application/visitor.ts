import { setTimeout as delay } from 'node:timers/promises'
import { type PollResult, StockholdError, type WaitingRoom } from '../../../src/index.js'
import { joined } from '../../lib/joined.js'
import type { Random } from '../../lib/random.js'
import { type ApplicationContext, type OpenSale, pause, type Until } from './context.js'
import { buy, signal } from './shopper.js'

/** Longest pause between two polls, ms: a round is short. */
const POLL_MS = 150
const REST_MS = 200

export interface Visit {
  readonly room: WaitingRoom
  /** The sale that a pass is for. */
  readonly sale: OpenSale | undefined
  readonly name: string
  /**
   * Whether a visitor may go away without leaving. A long-lived room remembers such visitors, up to
   * a million.
   */
  readonly stays: boolean
}

/**
 * Joins and waits, by polls or updates, until the visitor is admitted or gives up; again and again.
 */
export async function visit(
  { room, sale, name, stays }: Visit,
  app: ApplicationContext,
  dice: Random,
  until: Until,
): Promise<void> {
  const { calls } = app
  for (let time = 1; !until.isOver; time++) {
    const buyer = `${name}-${time}`
    // If the answer is lost, joining again gives the same place.
    const { ticket } = await calls.insist('join', () => joined(room.join(buyer)))
    const told =
      dice() < 0.5 ? await poll(room, ticket, app, dice, until) : await watch(room, ticket, app, dice)
    if (told?.status === 'admitted') {
      await calls.ask('verify', async () => room.verify(told.pass, { buyer }))
      if (sale) await buy(sale, { buyer, pass: told.pass }, app, dice)
    }
    if (dice() < 0.1) await calls.ask('room stats', () => room.stats(signal(app, dice)))
    if (!stays) await calls.insist('leave', () => leave(room, ticket))
    else if (dice() < 0.5) await calls.ask('leave', () => room.leave(ticket, signal(app, dice)))
    await pause(REST_MS, dice, until)
  }
}

/** Leaves; a visitor who has missed the turn has no place any more. */
async function leave(room: WaitingRoom, ticket: string): Promise<{ left: boolean }> {
  return room.leave(ticket).catch((error) => {
    if (error instanceof StockholdError && error.code === 'TICKET_INVALID') return { left: false }
    throw error
  })
}

async function poll(
  room: WaitingRoom,
  ticket: string,
  app: ApplicationContext,
  dice: Random,
  until: Until,
): Promise<PollResult | undefined> {
  for (let polls = 0; polls < 12 && !until.isOver; polls++) {
    const told = await app.calls.ask('poll', () => room.poll(ticket, signal(app, dice)))
    if (told?.status !== 'waiting') return told
    await delay(Math.min(POLL_MS, told.pollAfterMs))
  }
  return undefined
}

/** Watches the updates until the pass comes, the visitor closes the page, or the stream breaks. */
async function watch(
  room: WaitingRoom,
  ticket: string,
  app: ApplicationContext,
  dice: Random,
): Promise<PollResult | undefined> {
  const page = new AbortController()
  const closed = dice() < 0.5 ? page.signal : app.shutdown.signal
  const leaves = dice() < 0.3 ? 1 : 5
  return app.calls.ask('updates', async () => {
    const updates = room.updates(ticket, { signal: closed })
    // The visitor closes the page, also in the middle of a wait.
    const timer = setTimeout(
      () => {
        page.abort()
        void updates.return?.().catch(() => {})
      },
      20 + dice() * 600,
    )
    let last: PollResult | undefined
    try {
      let seen = 0
      for await (const update of updates) {
        last = update
        if (++seen === leaves) break
      }
    } finally {
      clearTimeout(timer)
    }
    return last
  })
}
