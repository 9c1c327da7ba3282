import type { RoomOp, RoomState, Visit, VisitAnswer } from '../../src/engine/room.js'
import type { FlashSale } from '../../src/sale/flash-sale.js'
import type { RoomClient } from '../../src/waiting-room/room-client.js'
import { RoomPoller } from '../../src/waiting-room/room-poller.js'
import { settled, TestClock } from './test-clock.js'

export const SERVER = 1_700_000_000_000
export const DEADLINE_MS = 2_000
export const PASS_MS = 10_000

interface Tend {
  readonly at: number
  readonly op: RoomOp<'tend'>
  reply(state?: Partial<RoomState>, visits?: readonly VisitAnswer[]): Promise<void>
  fail(error: unknown): Promise<void>
}

export const visit = (number: number): Visit => ({
  buyer: `u${number}`,
  visitId: number,
  number,
  rank: number,
})
export const waiting = (number: number): VisitAnswer => ({ status: 'waiting', number, ahead: null })

/** A keeper on a clock of its own, over a room that only notes how it is tended. */
export function keeperStage({ sale }: { sale?: FlashSale } = {}) {
  const clock = new TestClock(5_000)
  const tends: Tend[] = []
  const stageOf = { closed: false, elapsed: () => clock.now(), room: async () => {} }
  const access = {
    clock,
    elapsed: () => stageOf.elapsed(),
    now: () => SERVER + clock.now(),
    get heardNow() {
      return SERVER + clock.now()
    },
    known: { rules: { passMs: PASS_MS } },
    get closed() {
      return stageOf.closed
    },
    deadline: () => clock.now() + DEADLINE_MS,
    call: () => ({ deadline: clock.now() + DEADLINE_MS }),
    learn: () => stageOf.room(),
    ask: (_command: string, op: RoomOp<'tend'>) =>
      new Promise((resolve, reject) => {
        tends.push({
          at: clock.now() - 5_000,
          op,
          reply: (state = {}, visits = op.visits.map(({ number }) => waiting(number))) => {
            const room = {
              pace: { rate: 1_000, burst: 1 },
              closed: null,
              drawn: null,
              seed: null,
              tiers: [],
              doorTime: 7,
            }
            resolve({ ...room, goneVersion: 3, gone: [], turns: [], revoked: [], ...state, visits })
            return settled()
          },
          fail: (error) => {
            reject(error)
            return settled()
          },
        })
      }),
  } as unknown as RoomClient
  const keeper = new RoomPoller(access, sale)
  /** Answers each tend as it comes, for so many ms; answers when they came. */
  const serve = async (ms: number, state: Partial<RoomState> = {}): Promise<number[]> => {
    const first = tends.length
    let answered = first
    for (let end = clock.now() + ms; clock.now() < end; ) {
      await clock.advance(Math.min(clock.due[0] ?? ms, end - clock.now()))
      while (answered < tends.length) await tends[answered++]!.reply(state)
    }
    return tends.slice(first).map(({ at }) => at)
  }
  return { clock, tends, keeper, access, stageOf, serve }
}

/** What a promise comes to: a value, or the code of its failure. */
export const outcome = (promise: Promise<unknown>) => {
  const told: { value?: unknown } = {}
  promise.then(
    (value) => {
      told.value = value
    },
    (error) => {
      told.value = error.code ?? error
    },
  )
  return told
}
