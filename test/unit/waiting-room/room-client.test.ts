import { describe, expect, test } from 'vitest'
import type { Engine, FlashSale } from '../../../src/index.js'
import { RoomClient } from '../../../src/waiting-room/room-client.js'
import { readStock } from '../../../src/waiting-room/stock-reader.js'
import { settled, TestClock } from '../../support/test-clock.js'

const described = (token = 't') => ({
  status: 'described',
  incarnation: token,
  rules: { passMs: 1, sale: null },
  commitment: 'c',
})

function opened(tokens: string[] = ['t']) {
  const clock = new TestClock(1_000)
  const asked: string[] = []
  let elapsed = 50
  let now = 80_000
  const room = {
    ready: () => undefined,
    async run(command: string, ops: readonly unknown[]) {
      asked.push(command)
      const token = tokens.length > 1 ? tokens.shift() : tokens[0]
      return { outcome: 'done', now, clock: now, sequence: 1, answers: ops.map(() => described(token)) }
    },
  }
  const engine = { clock, elapsed: () => elapsed, room: () => room } as unknown as Engine
  const seen: string[] = []
  const access = new RoomClient('r', engine, {
    stated: { sale: null },
    pace: { rate: 1, burst: 1 },
    deadlineMs: 700,
    maxInFlight: 2,
    onSeen: (incarnation) => seen.push(incarnation),
  })
  const pass = (ms: number) => {
    elapsed += ms
  }
  const tell = (time: number) => {
    now = time
  }
  return { access, asked, seen, clock, pass, tell }
}

describe('the server time', () => {
  test('is by this machine before the first answer', () => {
    const { access } = opened()
    expect(access.heardNow).toBe(0)
    expect(Math.abs(access.now() - Date.now())).toBeLessThan(60_000)
  })

  test('is what was told last, and what passed since; it never goes back', async () => {
    const { access, pass, tell } = opened()
    await access.learn(access.call())
    expect([access.now(), access.heardNow]).toEqual([80_000, 80_000])
    pass(30)
    expect(access.now()).toBe(80_030)
    pass(-100)
    expect(access.now()).toBe(80_000)
    tell(90_000)
    await access.describe(access.call())
    pass(5)
    expect([access.now(), access.heardNow, access.elapsed()]).toEqual([90_005, 90_000, -15])
  })
})

describe('the room', () => {
  test('is learned once, by all callers, and its incarnation told', async () => {
    const { access, asked, seen } = opened()
    expect(access.known).toBeUndefined()
    await Promise.all([access.learn(access.call()), access.learn(access.call())])
    expect([asked, seen]).toEqual([['describe'], ['t']])
    expect(access.known).toEqual({ rules: { passMs: 1, sale: null }, commitment: 'c' })
    expect(access.learn(access.call())).toBe(access.known)
    expect(await access.create({ passMs: 1, sale: null } as never, access.call())).toBe(false)
    expect([seen, access.known?.commitment]).toEqual([['t'], 'c'])
  })

  test('that is another by now is lost', async () => {
    const { access } = opened(['t', 't', 'other'])
    await access.learn(access.call())
    await access.describe(access.call())
    await expect(access.describe(access.call())).rejects.toMatchObject({ code: 'STATE_LOST' })
  })

  test('that was never seen may be any', async () => {
    const { access } = opened(['other'])
    expect(await access.describe(access.call())).toMatchObject({ commitment: 'c' })
  })
})

describe('a call', () => {
  test('has the deadline of the handle, and the signal of the caller', () => {
    const { access, clock } = opened()
    const { signal } = new AbortController()
    expect(access.call({ signal })).toEqual({ deadline: clock.now() + 700, signal })
    expect(access.deadline()).toBe(1_700)
    expect(() => access.call({ signal: AbortSignal.abort('enough') })).toThrow('enough')
  })

  test('of a closed handle is refused', () => {
    const { access } = opened()
    expect(access.closed).toBe(false)
    access.close()
    expect(access.closed).toBe(true)
    expect(() => access.call()).toThrow('closed')
  })

  test('that joins counts, any other does not', async () => {
    const { access } = opened()
    const join = () => access.ask('join', { buyer: 'u' } as never, access.call(), () => 0)
    const calls = [join(), join()]
    await expect(join()).rejects.toMatchObject({ code: 'OVERLOADED' })
    const others = Array.from({ length: 5 }, () => access.describe(access.call()))
    await Promise.all([...calls, ...others])
    await settled()
  })
})

describe('what a sale still has', () => {
  const read = (state: string, ...skus: [available: number, held: number, inTransit: number][]) => {
    const counts = Object.fromEntries(
      skus.map(([available, held, inTransit], i) => [`s${i}`, { available, held, inTransit }]),
    )
    const sale = { stats: async () => ({ state, skus: counts }) } as unknown as FlashSale
    return readStock(
      sale,
      () => 1_234.9,
      async () => ({ skus: [], serverTime: 0 }),
    )
  }

  test('is the sum over its SKUs, at a moment before it was asked', async () => {
    expect(await read('open', [3, 0, 0], [4, 1, 1])).toEqual({ at: 1_234, state: 'open', available: 7 })
  })

  test('may be nothing, and come back: held, or in transit', async () => {
    expect(await read('open', [0, 0, 0])).toMatchObject({ state: 'sold_out', available: 0 })
    expect(await read('open', [0, 1, 0])).toMatchObject({ state: 'open', available: 0 })
    expect(await read('open', [0, 0, 1])).toMatchObject({ state: 'open', available: 0 })
    expect(await read('open', [2, 1, 1])).toMatchObject({ state: 'open', available: 2 })
    expect(await read('open', [0, 1, 1])).toMatchObject({ state: 'open', available: 0 })
    expect(await read('open', [1, 0, 0])).toMatchObject({ state: 'open', available: 1 })
  })

  test('is closed unless the sale is open, and ended whatever it has', async () => {
    for (const state of ['paused', 'not_started'])
      expect(await read(state, [1, 0, 0])).toMatchObject({ state: 'closed' })
    expect(await read('ended', [0, 0, 0])).toMatchObject({ state: 'ended', available: 0 })
  })
})
