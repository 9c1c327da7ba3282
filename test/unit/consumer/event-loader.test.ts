import { describe, expect, test } from 'vitest'
import { Backlog } from '../../../src/consumer/backlog.js'
import type { ConsumerContext } from '../../../src/consumer/consumer-context.js'
import type { Delivery } from '../../../src/consumer/delivery.js'
import { EventLoader } from '../../../src/consumer/event-loader.js'
import { HistoryReader, type Page, reservationsOf } from '../../../src/consumer/history-reader.js'
import { KeyedOrder } from '../../../src/consumer/keyed-order.js'
import type { EventSource } from '../../../src/consumer/source.js'
import type { ConsumerWarning } from '../../../src/consumer/warnings.js'
import type { StoredEvent, StoredReservation } from '../../../src/engine/engine.js'
import type { ParkedEvent } from '../../../src/engine/groups.js'
import { StockholdError } from '../../../src/index.js'
import { TestClock } from '../../support/test-clock.js'

const event = (sequence: number, id = `id ${sequence}`) =>
  ({ sequence, at: 0, type: 'released', id }) as StoredEvent
const reservation = (id: string) => ({ id }) as StoredReservation
const page = (events: readonly StoredEvent[], generation = 1, since = 0): Page =>
  ({
    status: 'events',
    events,
    generation,
    since,
    reservations: events.map((one) => reservation((one as { id: string }).id)),
  }) as Page

describe('which history is read', () => {
  /** A source that answers with these pages, one after another, and the last one from then on. */
  function reading(...pages: (Page | Error)[]) {
    const asked: string[] = []
    let frozen: Error | undefined
    const source = {
      async read(partition: number, after: number) {
        asked.push(`read ${partition} ${after}`)
        const next = pages.length > 1 ? pages.shift()! : pages[0]!
        if (next instanceof Error) throw next
        return next
      },
      async sweep(partition: number) {
        asked.push(`sweep ${partition}`)
        if (frozen) throw frozen
        return null
      },
    }
    const freeze = (error: Error | undefined) => {
      frozen = error
    }
    return { reader: new HistoryReader(3, source as unknown as EventSource), asked, freeze }
  }

  test('the first page tells it, once it is known not to be frozen', async () => {
    const { reader, asked } = reading(page([event(1)], 2, 5))
    expect(reader.history).toEqual({ partition: 3, generation: 0, since: 0 })
    expect(await reader.page(0)).toMatchObject({ events: [{ sequence: 1 }] })
    expect(asked).toEqual(['read 3 0', 'sweep 3', 'read 3 0'])
    expect(reader.history).toEqual({ partition: 3, generation: 2, since: 5 })
    await reader.page(1)
    expect(asked.slice(3)).toEqual(['read 3 1'])
  })

  test('while it is frozen there is none', async () => {
    const { reader, freeze } = reading(page([event(1)]))
    freeze(new StockholdError('ROLLBACK_DETECTED', 'frozen'))
    await expect(reader.page(0)).rejects.toThrow('frozen')
    expect(reader.history.generation).toBe(0)
    freeze(undefined)
    expect(await reader.page(0)).toBeDefined()
  })

  test.each([
    ['line', page([], 3, 5)],
    ['beginning', page([], 2, 6)],
  ])('one that has another %s by the second look is not decided yet', async (_, second) => {
    const { reader } = reading(page([], 2, 5), second)
    expect(await reader.page(0)).toBeUndefined()
    expect(reader.history.generation).toBe(0)
    expect(await reader.page(0)).toBeDefined()
    expect(reader.history).toMatchObject({ generation: second.generation, since: second.since })
  })

  test.each([
    ['the next line, which may have lost what was read', 1, 2],
    ['a line that was not seen', 1, 3],
    ['a line that comes again', 3, 2],
    ['another beginning of the line', 2, 2],
  ])('%s: nothing goes on from what was read', async (_, before, after) => {
    const { reader } = reading(page([], before, 0), page([], before, 0), page([], after, 7))
    await reader.page(0)
    expect(await reader.page(3)).toBeUndefined()
    expect(reader.history.generation).toBe(before)
    reader.begin()
    expect(await reader.page(0)).toBeDefined()
  })

  test('whichever it is will do for a new lease', async () => {
    const { reader } = reading(page([], 1, 0), page([], 1, 0), page([], 2, 7))
    await reader.page(0)
    reader.begin()
    expect(reader.history).toEqual({ partition: 3, generation: 0, since: 0 })
    expect(await reader.page(8)).toBeDefined()
  })

  test.each(['ROLLBACK_DETECTED', 'STATE_LOST'] as const)(
    'after %s the partition is frozen by a sweep',
    async (code) => {
      const { reader, asked, freeze } = reading(new StockholdError(code, 'gone'))
      freeze(new StockholdError('ROLLBACK_DETECTED', 'frozen'))
      await expect(reader.page(4)).rejects.toThrow('gone')
      expect(asked).toEqual(['read 3 4', 'sweep 3'])
    },
  )

  test('an engine that is away is not swept', async () => {
    const { reader, asked } = reading(new StockholdError('UNAVAILABLE', 'away'))
    await expect(reader.page(4)).rejects.toThrow('away')
    expect(asked).toEqual(['read 3 4'])
  })
})

test('a page finds its reservations in the order of its events, and in any other', () => {
  const find = reservationsOf(page([event(1), event(2), event(3)]))
  for (const id of ['id 1', 'id 3', 'id 2', 'id 3', 'id 1']) expect(find(id)?.id).toBe(id)
  expect(find('id 4')).toBeUndefined()
})

describe('what is read is added to the backlog', () => {
  function opened(full = { parked: 100 }) {
    const clock = new TestClock(1_000)
    const offered: Delivery[] = []
    const warnings: ConsumerWarning[] = []
    const lost: number[] = []
    const fetched: string[] = []
    let fetching = 0
    let most = 0
    const load = { events: 0, starved: false }
    const source = {
      clock,
      serverTime: () => clock.now() + 50,
      async reservation(_: number, id: string) {
        fetched.push(id)
        most = Math.max(most, ++fetching)
        await Promise.resolve()
        fetching--
        return reservation(id)
      },
    }
    const around = {
      source,
      load,
      workers: { offer: (delivery: Delivery) => offered.push(delivery) },
      warn: (warning: ConsumerWarning) => warnings.push(warning),
    }
    const owner = { history: {}, begins: () => true, done() {}, failed() {} } as never
    const serverTime = (at: number) => at
    const backlog = new Backlog(0, {
      owner,
      chains: new KeyedOrder(),
      load,
      maxParked: full.parked,
      serverTime,
    })
    const intake = new EventLoader(3, around as unknown as ConsumerContext, (what, count) => {
      expect(what).toBe('lost')
      lost.push(count)
    })
    const atOnce = () => most
    return { intake, backlog, load, offered, warnings, lost, fetched, atOnce }
  }
  const parked = (sequence: number, rest: Partial<ParkedEvent> = {}): ParkedEvent => ({
    ...{ event: event(sequence), attempts: 0, retryAt: 0, error: '' },
    ...rest,
  })
  const sequences = (deliveries: readonly Delivery[]) => deliveries.map((one) => one.event.sequence)

  test('each event once, with its reservation', () => {
    const { intake, backlog, offered, lost } = opened()
    intake.take(page([event(1), event(2)]), backlog)
    intake.take(page([event(1), event(2), event(3)]), backlog)
    expect(sequences(offered)).toEqual([1, 2, 3])
    expect(offered.map((one) => one.reservation?.id)).toEqual(['id 1', 'id 2', 'id 3'])
    expect([backlog.read, lost]).toEqual([3, []])
  })

  test('none again that was handled by the time it is read once more', () => {
    const { intake, backlog, offered } = opened()
    for (let i = 0; i < 2; i++) {
      intake.take(page([event(1), event(2)]), backlog)
      for (const delivery of offered) {
        if (delivery.state !== 'ready') continue
        backlog.begin(delivery, 0)
        backlog.done(delivery)
      }
    }
    expect([sequences(offered), backlog.read, backlog.position]).toEqual([[1, 2], 2, 2])
  })

  test('queued behind the one before of the same reservation', () => {
    const { intake, backlog, offered } = opened()
    intake.take(page([event(1, 'same'), event(2, 'same')]), backlog)
    expect(sequences(offered)).toEqual([1])
  })

  test('what is missing was lost, and is told', () => {
    const { intake, backlog, lost, warnings } = opened()
    intake.take(page([event(4), event(5), event(7)]), backlog)
    expect(lost).toEqual([3, 1])
    expect(warnings).toEqual([
      { type: 'events_lost', partition: 3, from: 1, to: 3 },
      { type: 'events_lost', partition: 3, from: 6, to: 6 },
    ])
  })

  test('as long as there are fewer than 4,096 in hand; a refused follower waits', () => {
    const { intake, backlog, load } = opened()
    load.events = 4_095
    expect([intake.hasRoom(backlog), load.starved]).toEqual([true, false])
    load.events = 4_096
    expect([intake.hasRoom(backlog), load.starved]).toEqual([false, true])
  })

  test('not beyond what may be parked: that is told once, and again after there was room', () => {
    const { intake, backlog, warnings, load } = opened({ parked: 2 })
    backlog.dead = 1
    expect([intake.hasRoom(backlog), warnings]).toEqual([true, []])
    backlog.dead = 2
    for (let i = 0; i < 3; i++) expect(intake.hasRoom(backlog)).toBe(false)
    expect(warnings).toEqual([{ type: 'parked_limit', partition: 3, parked: 0, dead: 2 }])
    expect(load.starved).toBe(false)
    backlog.dead = 1
    intake.hasRoom(backlog)
    backlog.dead = 2
    intake.hasRoom(backlog)
    expect(warnings).toHaveLength(2)
  })

  test('parked events: those that are not loaded, with their reservations, when they are due by this process', async () => {
    const { intake, backlog, offered, fetched } = opened()
    await intake.takeParked([parked(1, { attempts: 2, retryAt: 1_100, error: 'no' }), parked(2)], backlog)
    expect(fetched).toEqual(['id 1', 'id 2'])
    expect(sequences(offered)).toEqual([2])
    expect(backlog.nextDue()).toBe(1_050)
    await intake.takeParked([parked(1), parked(2), parked(3)], backlog)
    expect(fetched).toEqual(['id 1', 'id 2', 'id 3'])
    expect(sequences(offered)).toEqual([2, 3])
  })

  test('what is parked and has no time of its own is due at once, by the clock of the server', async () => {
    const { intake, backlog } = opened()
    await intake.takeParked([parked(1, { attempts: 2, retryAt: null })], backlog)
    expect(backlog.nextDue()).toBe(-50)
  })

  test('nothing is asked for where all are loaded, or where an event speaks of no reservation', async () => {
    const { intake, backlog, offered, fetched } = opened()
    await intake.takeParked([], backlog)
    const sale = { sequence: 5, at: 0, type: 'paused' } as StoredEvent
    await intake.takeParked([parked(5, { event: sale, retryAt: null })], backlog)
    expect([fetched, sequences(offered)]).toEqual([[], [5]])
  })

  test('no more than eight are fetched at a time', async () => {
    const { intake, backlog, offered, atOnce } = opened()
    await intake.takeParked(
      Array.from({ length: 20 }, (_, i) => parked(i + 1)),
      backlog,
    )
    expect([offered.length, atOnce()]).toEqual([20, 8])
  })
})
