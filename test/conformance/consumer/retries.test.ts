import { expect, onTestFinished, test } from 'vitest'
import type { Answer, Engine } from '../../../src/engine/engine.js'
import { type ConsumerWarning, FlashSale, type SaleEvent } from '../../../src/index.js'
import { follow, listed, Seen } from '../../support/consumers.js'
import { onClockedEngines } from '../../support/shop.js'
import { withPartitions } from '../../support/wrapped-engine.js'

/** The engine with one reservation lost. */
function without(id: string, inner: Engine): Engine {
  return withPartitions(inner, (port) => ({
    async run(command, ops, call) {
      const reply = await port.run(command, ops, call)
      if (reply.outcome !== 'done') return reply
      const answers = reply.answers.map((answer) => {
        if (answer.status === 'found' && answer.reservation.id === id) return { status: 'not_found' }
        if (answer.status !== 'events') return answer
        return { ...answer, reservations: answer.reservations.filter((one) => one.id !== id) }
      })
      return { ...reply, answers: answers as Answer<typeof command>[] }
    },
  }))
}

onClockedEngines((open) => {
  test('a failure is tried again until it succeeds; only its own reservation waits', async () => {
    const shop = await open({ stock: { a: 100 } })
    const poisoned = await shop.hold('poison')
    await shop.sale.confirm(poisoned.id)
    const others = await Promise.all(Array.from({ length: 10 }, (_, i) => shop.hold(`u${i}`)))
    await Promise.all(others.map(({ id }) => shop.sale.confirm(id)))
    const seen = new Seen()
    let failures = 0
    const consumer = follow(shop.sale, {}, (event) => {
      if (event.reservation?.buyer === 'poison' && event.type === 'reserved' && failures < 5) {
        failures++
        // Everybody else has been served before it is tried for the last time.
        if (failures === 5) expect(seen.events).toHaveLength(20)
        throw new Error('not yet')
      }
      seen.note(event)
    })
    await shop.until(() => seen.events.length === 22)
    expect(seen.byReservation().get(poisoned.id)).toEqual([1, 2])
    await shop.until(async () => (await consumer.stats()).parked === 0)
    expect(await consumer.stats()).toMatchObject({ handled: 22, failed: 5, retried: 5, lag: 0, dead: 0 })
  })

  test('the pause doubles, up to a limit, less a random part of up to a half', async () => {
    const shop = await open()
    const tries: number[] = []
    follow(shop.sale, { retryDelayMs: 40, maxRetryDelayMs: 100, maxAttempts: 5 }, () => {
      tries.push(shop.timers.now())
      throw new Error('never')
    })
    await shop.hold('u')
    await shop.until(() => tries.length === 5)
    const pauses = tries.slice(1).map((at, i) => at - tries[i]!)
    for (const [i, most] of [40, 80, 100, 100].entries()) {
      expect(pauses[i]).toBeGreaterThanOrEqual(most / 2 - 2)
      expect(pauses[i]).toBeLessThanOrEqual(most + 5)
    }
  })

  test('given up after `maxAttempts`: told, kept, and the reservation goes on', async () => {
    const shop = await open({ stock: { a: 100 } })
    const { id } = await shop.hold('u')
    await shop.sale.confirm(id)
    const told: [SaleEvent, unknown][] = []
    const seen = new Seen()
    let broken = true
    const options = {
      maxAttempts: 3,
      leaseMs: 600,
      onDeadLetter: (event: SaleEvent, error: unknown) => told.push([event, error]),
    }
    const handler = (event: SaleEvent) => {
      if (broken && event.type === 'reserved') throw new Error('no such product: ✂'.padEnd(2_000, '✂'))
      seen.note(event)
    }
    const consumer = follow(shop.sale, options, handler)
    await shop.until(() => seen.events.length === 1)
    expect(seen.events[0]).toMatchObject({ type: 'confirmed' })
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject([{ id: '0-1-1', type: 'reserved' }, { message: /^no such product/ }])
    await shop.until(async () => (await consumer.stats()).dead === 1)
    const letters = await listed(consumer.deadLetters())
    expect(letters).toMatchObject([{ event: told[0]![0], attempts: 3, error: /^no such product: ✂+$/ }])
    expect(Buffer.byteLength(letters[0]!.error)).toBeLessThanOrEqual(1_024)
    expect(Buffer.byteLength(letters[0]!.error)).toBeGreaterThan(1_000)
    expect(await consumer.stats()).toMatchObject({ dead: 1, parked: 0, lag: 0, failed: 3, handled: 1 })

    // By somebody else than the one who leads.
    broken = false
    const other = follow(shop.handle(), options, handler)
    await expect(other.replay(['0-1-2', '0-2-1', '1-1-1'])).resolves.toBe(0)
    await expect(other.replay(['0-1-1'])).resolves.toBe(1)
    await shop.until(() => seen.events.length === 2)
    expect(seen.events[1]).toEqual(told[0]![0])
    await shop.until(async () => (await consumer.stats()).parked === 0)
    expect(await listed(consumer.deadLetters())).toEqual([])
  })

  test('an event whose reservation is not there any more is reported, and listed, by its id', async () => {
    const shop = await open({ stock: { a: 100 } })
    const { id } = await shop.hold('u')
    await shop.hold('v')
    const told: SaleEvent[] = []
    const seen = new Seen()
    const sale = new FlashSale(shop.id, { engine: without(id, shop.clock.engine), deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    const onDeadLetter = (event: SaleEvent) => told.push(event)
    const consumer = follow(sale, { maxAttempts: 1, onDeadLetter }, seen.note)
    await shop.until(async () => (await consumer.stats()).dead === 1)
    expect(seen.events).toMatchObject([{ type: 'reserved', reservation: { buyer: 'v' } }])
    expect(told).toMatchObject([{ id: '0-1-1', type: 'reserved', reservation: { id, buyer: '', items: [] } }])
    expect(await listed(consumer.deadLetters())).toMatchObject([
      { event: told[0], attempts: 1, error: /event 1 speaks of a reservation/ },
    ])
  })

  test('all that is dead is tried again, or forgotten', async () => {
    const shop = await open({ stock: { a: 1_000 } })
    await Promise.all(Array.from({ length: 250 }, (_, i) => shop.hold(`u${i}`)))
    const seen = new Seen()
    let broken = true
    const consumer = follow(shop.sale, { maxAttempts: 1 }, (event) => {
      if (broken) throw new Error('no')
      seen.note(event)
    })
    await shop.until(async () => (await consumer.stats()).dead === 250)
    const letters = await listed(consumer.deadLetters())
    expect(letters.map(({ event }) => event.sequence)).toEqual(Array.from({ length: 250 }, (_, i) => i + 1))
    expect(await consumer.discard(letters.slice(0, 120).map(({ event }) => event.id))).toBe(120)
    broken = false
    expect(await consumer.replay('all')).toBe(130)
    await shop.until(() => seen.events.length === 130)
    expect(await consumer.discard('all')).toBe(0)
    await shop.until(async () => (await consumer.stats()).parked === 0)
    expect(await consumer.stats()).toMatchObject({ dead: 0, parked: 0, lag: 0, handled: 130, failed: 250 })
  })

  test('a warehouse that is down: so many events fail, then reading waits, and goes on when it is up', async () => {
    const shop = await open({ stock: { a: 20_000 } })
    const count = 12_000
    for (let i = 0; i < count; i += 1_000)
      await Promise.all(Array.from({ length: 1_000 }, (_, k) => shop.hold(`u${i + k}`)))
    const warnings: ConsumerWarning[] = []
    const seen = new Set<string>()
    let up = false
    const onWarning = (warning: ConsumerWarning) => warnings.push(warning)
    const options = { maxParked: 50, maxAttempts: 1_000, maxRetryDelayMs: 200, onWarning }
    const consumer = follow(shop.sale, options, (event) => {
      if (!up) throw new Error('down')
      seen.add(event.id)
    })
    await shop.until(() => warnings.length === 1)
    expect(warnings[0]).toMatchObject({ type: 'parked_limit', partition: 0, parked: 50, dead: 0 })
    await shop.pass(500)
    const { parked, lag, failed } = await consumer.stats()
    expect(parked).toBe(50)
    expect(lag).toBe(count - 50)
    // It was read ahead by some thousands, not by all there are.
    const touched = failed
    expect(touched).toBeGreaterThan(100)
    expect(warnings).toHaveLength(1)
    up = true
    await shop.until(() => seen.size === count)
    await shop.until(async () => (await consumer.stats()).parked === 0)
    expect((await consumer.stats()).handled).toBe(count)
  })

  test('what was parked is taken over with what was tried, and nothing that was done comes again', async () => {
    const shop = await open({ stock: { a: 1_000 } })
    const bad = await shop.hold('bad')
    await shop.sale.confirm(bad.id)
    await Promise.all(Array.from({ length: 100 }, (_, i) => shop.hold(`u${i}`)))
    let attempts = 0
    const seen = new Seen()
    const handler = (event: SaleEvent) => {
      if (event.reservation?.buyer === 'bad' && event.type === 'reserved' && ++attempts < 7)
        throw new Error('no')
      seen.note(event)
    }
    const options = { maxAttempts: 7, retryDelayMs: 50 }
    const first = follow(shop.sale, options, handler)
    await shop.until(() => attempts === 3)
    await first.close()
    expect(seen.events).toHaveLength(100)
    const state = (await shop.sale.consumerGroups())[0]!
    // Its confirmation waits behind it.
    expect(state).toMatchObject({ lag: 0, parked: 2, dead: 0 })
    follow(shop.handle(), options, handler)
    await shop.until(() => seen.events.length === 102)
    expect(attempts).toBe(7)
    expect(new Set(seen.ids).size).toBe(102)
    expect(seen.byReservation().get(bad.id)).toEqual([1, 2])
  })

  test('a handler that takes long holds up the position for a second at most', async () => {
    const shop = await open({ stock: { a: 1_000 } })
    let finish = () => {}
    const gate = new Promise<void>((resolve) => {
      finish = resolve
    })
    const consumer = follow(shop.sale, {}, (event) =>
      event.reservation?.buyer === 'slow' ? gate : undefined,
    )
    const slow = await shop.hold('slow')
    await shop.sale.confirm(slow.id)
    for (let i = 0; i < 30; i++) {
      await shop.hold(`u${i}`)
      await shop.pass(50)
    }
    const [group] = await shop.sale.consumerGroups()
    expect(group!.partitions[0]!.position).toBeGreaterThan(15)
    expect(group!.parked).toBe(2)
    expect((await consumer.stats()).inFlight).toBe(1)
    finish()
    await shop.until(async () => (await consumer.stats()).parked === 0)
    expect(await consumer.stats()).toMatchObject({ handled: 32, lag: 0, failed: 0 })
  })
})
