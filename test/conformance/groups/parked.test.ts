import { expect, test } from 'vitest'
import { Follower } from '../../support/group-consumer.js'
import { idAt, openPort } from '../../support/port-sale.js'
import { onBothEngines } from '../../support/shop.js'

onBothEngines((_open, kind) => {
  /** A sale with so many events, and who follows it. */
  const open = async (events = 5) => {
    const [at] = await openPort(await kind.make(), { stock: { a: 1_000 } })
    const orders = Array.from({ length: events }, (_, i) => ({
      id: idAt(0, `b${i}`),
      ...{ buyer: `b${i}`, cart: [[0, 1]] as const, key: null, holdMs: 10_000 },
    }))
    await at!.done('reserve', orders)
    const one = new Follower(at!, 'one')
    await one.take()
    return { at: at!, one }
  }

  test('a claim answers all parked events, oldest first, whether or not they are due', async () => {
    const { at, one } = await open()
    const [second, third, fifth] = await Promise.all([2, 3, 5].map((n) => one.parked(n)))
    await one.acknowledge({ position: 4, park: [third!, second!] })
    await one.acknowledge({ position: 5, park: [{ ...fifth!, retryAt: at.now() }] })
    expect((await one.take()).parked).toEqual([second, third, { ...fifth, retryAt: at.now() }])
    expect(await one.state()).toMatchObject({ position: 5, parked: 3, dead: 0 })
    await at.advance(1_000)
    expect((await new Follower(at, 'two').take()).parked).toHaveLength(3)
  })

  test('events of every kind are kept as they were', async () => {
    const [at, other] = await openPort(await kind.make(), { stock: { a: 30 }, partitions: 2 })
    const one = new Follower(at!, 'one')
    const [released, paid, late, dropped] = await Promise.all(['u', 'v', 'w', 'x'].map((u) => at!.hold(u)))
    await at!.ask('release', { id: released!.id, buyer: null })
    for (const id of [released!.id, paid!.id])
      await at!.ask('confirm', { id, buyer: null, paymentId: 'p', final: true })
    await at!.ask('refund', { id: paid!.id, restock: false })
    await at!.ask('extend', { id: late!.id, holdMs: 5_000 })
    await at!.ask('restock', { sku: 0, quantity: -2, key: 'k', final: true })
    await at!.ask('send', { to: 1, wants: [[0, 99]], received: [] })
    await at!.ask('receive', { from: 1, sent: [[0, 2]] })
    for (const action of ['pause', 'resume', 'end'] as const) await at!.ask('control', { action })
    await at!.advance(1_000)
    await at!.stats()
    await at!.ask('confirm', { id: dropped!.id, buyer: null, paymentId: null, final: true })
    await other!.stats()
    const events = await at!.events()
    expect(new Set(events.map(({ type }) => type)).size).toBe(14)
    await one.take()
    const park = events.map((event, i) => ({
      event,
      attempts: i,
      retryAt: i % 3 ? null : i,
      error: `${i} ä`,
    }))
    await one.acknowledge({ park })
    expect((await one.take()).parked).toEqual(park.filter(({ retryAt }) => retryAt !== null))
    expect(await one.dead()).toEqual(park.filter(({ retryAt }) => retryAt === null))
  })

  test('parked again: with the attempts made since, alive or dead', async () => {
    const { one } = await open()
    const first = await one.parked(2)
    await one.acknowledge({ position: 5, park: [first, await one.parked(4)] })
    const again = { ...first, attempts: 2, retryAt: first.retryAt! + 9, error: 'still none' }
    await one.acknowledge({ park: [again] })
    expect((await one.take()).parked).toEqual([again, await one.parked(4)])
    const dead = { ...again, attempts: 3, retryAt: null }
    await one.acknowledge({ park: [dead] })
    expect((await one.take()).parked).toEqual([await one.parked(4)])
    expect(await one.dead()).toEqual([dead])
    expect(await one.state()).toMatchObject({ parked: 1, dead: 1 })
    await one.acknowledge({ park: [again] })
    expect(await one.dead()).toEqual([])
    expect(await one.state()).toMatchObject({ parked: 2, dead: 0 })
  })

  test('unparked by sequence, alive or dead; what is not parked is no matter', async () => {
    const { one } = await open()
    const park = await Promise.all([1, 2, 3].map((n) => one.parked(n, n === 3 ? { retryAt: null } : {})))
    await one.acknowledge({ park })
    expect(await one.acknowledge({ unpark: [2, 3, 4, 99] })).toMatchObject({ status: 'acknowledged' })
    expect((await one.take()).parked).toEqual([park[0]])
    expect(await one.dead()).toEqual([])
    // In one step: what is parked and unparked at once is parked no more.
    await one.acknowledge({ park: [park[1]!], unpark: [1, 2] })
    expect(await one.state()).toMatchObject({ parked: 0, dead: 0 })
  })

  test('long words and odd letters of an error are kept', async () => {
    const { one } = await open()
    for (const error of ['', 'ä'.repeat(512), '\u0000\ud83d\ude00"\\\n']) {
      const parked = await one.parked(1, { error, attempts: 2 ** 31 })
      await one.acknowledge({ park: [parked] })
      expect((await one.take()).parked).toEqual([parked])
    }
  })

  test('dead events come in pages of a hundred, oldest first', async () => {
    const { one } = await open(230)
    const park = await Promise.all(
      Array.from({ length: 230 }, (_, i) => one.parked(i + 1, { retryAt: i % 2 ? null : 7 })),
    )
    await one.acknowledge({ park: park.toReversed() })
    const first = await one.dead()
    expect(first.map(({ event }) => event.sequence)).toEqual(Array.from({ length: 100 }, (_, i) => 2 * i + 2))
    expect(first[0]).toEqual(park[1])
    const rest = await one.dead(200)
    expect(rest.map(({ event }) => event.sequence)).toEqual(Array.from({ length: 15 }, (_, i) => 2 * i + 202))
    expect(await one.dead(201)).toEqual(rest)
    expect(await one.dead(230)).toEqual([])
    expect(await one.state()).toMatchObject({ parked: 115, dead: 115 })
    expect(await new Follower(one.at, 'one', 'nobody').dead()).toEqual([])
  })

  test('retried or discarded: tried again at once from the first attempt, or forgotten; only dead letters, each once', async () => {
    const { at, one } = await open()
    const park = await Promise.all([1, 2, 3, 4].map((n) => one.parked(n, n > 1 ? { retryAt: null } : {})))
    await one.acknowledge({ park })
    await at.advance(100)
    const revive = (sequences: number[], action: 'retry' | 'discard', deadline?: number) =>
      at.askGroups('revive', { group: 'g', sequences, action }, deadline ? { deadline } : {})
    const late = at.now() - 1
    expect(await revive([2], 'retry', late)).toEqual({ status: 'retry' })
    expect(await revive([1, 5], 'discard', late)).toEqual({ status: 'revived', count: 0 })
    expect(await revive([3, 1, 2, 2, 5, 99], 'retry')).toEqual({ status: 'revived', count: 2 })
    const revived = [park[1]!, park[2]!].map((one) => ({ ...one, attempts: 0, retryAt: at.now() }))
    expect((await one.take()).parked).toEqual([park[0], ...revived])
    expect(await one.dead()).toEqual([park[3]])
    expect(await revive([1, 2, 3], 'discard')).toEqual({ status: 'revived', count: 0 })
    expect(await revive([4, 4], 'discard')).toEqual({ status: 'revived', count: 1 })
    expect(await one.state()).toMatchObject({ parked: 3, dead: 0 })
    expect(await revive([], 'retry')).toEqual({ status: 'revived', count: 0 })
    const nobody = { group: 'nobody', sequences: [1], action: 'retry' as const }
    expect(await at.askGroups('revive', nobody)).toEqual({ status: 'revived', count: 0 })
  })
})
