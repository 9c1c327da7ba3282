import { expect, test } from 'vitest'
import type { Trim } from '../../../src/engine/groups.js'
import { Follower } from '../../support/group-consumer.js'
import { idAt, openPort, type PortPartition } from '../../support/port-sale.js'
import { onBothEngines } from '../../support/shop.js'

const AGE = 10_000
const trim: Trim = { olderThanMs: AGE, maxEvents: 1_000_000 }

/** So many calls a ms apart, each of which writes two events. */
async function write(at: PortPartition, calls: number, from = 0): Promise<void> {
  for (let call = from; call < from + calls; call++) {
    const orders = [0, 1].map((i) => ({
      id: idAt(0, `b${call}`, i),
      ...{ buyer: `b${call}`, cart: [[0, 1]] as const, key: null, holdMs: 50 },
    }))
    await at.done('reserve', orders)
    await at.done(
      'confirm',
      orders.map(({ id }) => ({ id, buyer: null, paymentId: null, final: true })),
    )
    await at.advance(1)
  }
}

onBothEngines((_open, kind) => {
  /**
   * Five ms of two entries with two events each: 20 events. They are just old enough when the time
   * has come.
   */
  const open = async (calls = 5) => {
    const [at] = await openPort(await kind.make(), { stock: { a: 10_000 }, maxHoldMs: AGE })
    await write(at!, calls)
    const one = new Follower(at!, 'one')
    await one.take()
    const ripe = async () => {
      await at!.advance(AGE)
      await at!.stats()
    }
    return { at: at!, one, ripe }
  }
  const acknowledge = async (one: Follower, position: number, rest: Partial<Trim> = {}) => {
    const answer = await one.acknowledge({ position, trim: { ...trim, ...rest } })
    if (answer.status !== 'acknowledged') expect.fail(answer.status)
    return answer.first
  }

  test('what every group has dealt with goes, whole entries only', async () => {
    const { at, one, ripe } = await open()
    const all = await at.events()
    await ripe()
    const positions = [0, 1, 2, 3, 5, 4, 9]
    const firsts: number[] = []
    for (const position of positions) firsts.push(await acknowledge(one, position))
    expect(firsts).toEqual([1, 1, 3, 3, 5, 5, 9])
    expect(await at.events()).toEqual(all.slice(8))
    expect(await at.events(9)).toEqual(all.slice(9))
    expect((await at.askGroups('groups', {})).first).toBe(9)
    expect((await at.done('get', [{ id: idAt(0, 'b0') }])).sequence).toBe(20)
  })

  test.each([
    [0, 19],
    [1, 19],
    [2, 17],
    [3, 13],
  ])('by a checkpoint whatever is %i ms old, as by a lease', async (olderThanMs, first) => {
    const { at, one } = await open()
    await at.stats()
    await one.acknowledge({ position: 20 })
    expect(await one.checkpoint(20, { olderThanMs, maxEvents: 1_000_000 })).toMatchObject({
      status: 'checkpointed',
      first,
    })
  })

  test('nothing goes that another group has not dealt with', async () => {
    const { at, one, ripe } = await open()
    const other = new Follower(at, 'two', 'other')
    await other.take()
    await ripe()
    expect(await acknowledge(one, 20)).toBe(1)
    await other.acknowledge({ position: 6 })
    expect(await acknowledge(one, 20)).toBe(7)
    await new Follower(at, 'x', 'ledger').checkpoint(7)
    await other.acknowledge({ position: 20 })
    expect(await acknowledge(one, 20)).toBe(7)
    await at.askGroups('drop', { group: 'ledger' })
    expect(await acknowledge(one, 20)).toBe(19)
  })

  test('the latest entry stays, though every group has handled it', async () => {
    const { at, one, ripe } = await open()
    await ripe()
    expect(await acknowledge(one, 20, { maxEvents: 0 })).toBe(19)
    expect(await at.events()).toHaveLength(2)
    await at.hold('u')
    expect(await at.events()).toHaveLength(3)
  })

  test('only what is old enough, to the millisecond', async () => {
    const { at, one } = await open()
    await at.advance(AGE - 6)
    await at.stats()
    expect(await acknowledge(one, 20, { maxEvents: 0 })).toBe(1)
    const firsts: number[] = []
    for (let ms = 0; ms < 3; ms++) {
      await at.advance(1)
      firsts.push(await acknowledge(one, 20, { maxEvents: 0 }))
    }
    expect(firsts).toEqual([5, 9, 13])
    expect(await acknowledge(one, 20, { olderThanMs: 2 * AGE, maxEvents: 0 })).toBe(13)
  })

  test('keeps the latest events; older ones are trimmed though no group has handled them', async () => {
    const { at, one, ripe } = await open()
    await ripe()
    const firsts: number[] = []
    for (const maxEvents of [21, 20, 19, 18, 17, 16, 9]) firsts.push(await acknowledge(one, 0, { maxEvents }))
    // An entry goes if that many are left without it.
    expect(firsts).toEqual([1, 1, 1, 3, 3, 5, 11])
    expect((await at.events()).length).toBe(10)
    expect(await one.state()).toMatchObject({ position: 0 })
  })

  test('a group behind what is left begins with the oldest there is', async () => {
    const { at, one, ripe } = await open()
    await ripe()
    await acknowledge(one, 0, { maxEvents: 4 })
    const { events } = await at.ask('events', { after: 0, reservations: true })
    expect(events.map(({ sequence }) => sequence)).toEqual([17, 18, 19, 20])
  })

  test('nothing goes while an expired hold waits to be swept', async () => {
    const { at, one } = await open()
    await at.hold('u', [[0, 1]], { holdMs: AGE })
    await at.advance(AGE)
    expect(await acknowledge(one, 21)).toBe(1)
    await at.stats()
    expect(await acknowledge(one, 22)).toBe(22)
  })

  test('at most a hundred entries at once', async () => {
    const { one, ripe } = await open(60)
    await ripe()
    expect(await acknowledge(one, 240)).toBe(201)
    expect(await acknowledge(one, 240)).toBe(239)
  })

  test('in the same step as the position, and not by a fenced consumer', async () => {
    const { at, one, ripe } = await open()
    await ripe()
    const two = new Follower(at, 'two')
    expect(await two.acknowledge({ epoch: 1, position: 20, trim })).toEqual({ status: 'fenced' })
    const gone = new Follower(at, 'one', 'nobody')
    expect(await gone.acknowledge({ epoch: 1, position: 20, trim })).toEqual({ status: 'gone' })
    expect((await at.askGroups('groups', {})).first).toBe(1)
    expect(await one.acknowledge({ position: 20 })).toMatchObject({ first: 1 })
    expect(await acknowledge(one, 0)).toBe(19)
  })

  test('a checkpoint trims too, in its own step', async () => {
    const { at, one, ripe } = await open()
    await one.acknowledge({ position: 20 })
    const ledger = new Follower(at, 'x', 'ledger')
    await ripe()
    expect(await ledger.checkpoint(4, trim)).toEqual({ status: 'checkpointed', first: 5 })
    expect(await ledger.checkpoint(3, trim)).toEqual({ status: 'checkpointed', first: 5 })
    const late = { deadline: at.now() - 1 }
    const op = { group: 'ledger', position: 4, trim }
    expect(await at.askGroups('checkpoint', op, late)).toEqual({ status: 'checkpointed', first: 5 })
    const more = { ...op, position: 9 }
    expect(await at.askGroups('checkpoint', more, late)).toEqual({ status: 'retry' })
    expect(await ledger.checkpoint(9, { ...trim, maxEvents: 4 })).toEqual({
      status: 'checkpointed',
      first: 17,
    })
  })

  test('a parked event outlives the trimming', async () => {
    const { at, one, ripe } = await open()
    const park = [await one.parked(1), await one.parked(2, { retryAt: null })]
    await one.acknowledge({ park })
    await ripe()
    await acknowledge(one, 20)
    expect((await one.take()).parked).toEqual([park[0]])
    expect(await one.dead()).toEqual([park[1]])
    await at.askGroups('revive', { group: 'g', sequences: [2], action: 'retry' })
    expect((await one.take()).parked[1]?.event).toEqual(park[1]!.event)
  })

  test('a sale goes on as if nothing had been trimmed', async () => {
    const { at, one, ripe } = await open()
    const before = await at.ask('get', { id: idAt(0, 'b0') })
    await ripe()
    await acknowledge(one, 20)
    expect(await at.ask('get', { id: idAt(0, 'b0') })).toEqual(before)
    await at.ask('refund', { id: idAt(0, 'b0'), restock: true })
    await write(at, 2, 90)
    await at.hold('u')
    await at.advance(1_000)
    expect(await at.counts()).toBe('10000 9987 0 13 0')
    expect((await at.events()).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 13 }, (_, i) => i + 19),
    )
  })

  test('where events are trimmed it cannot be told whether a process has seen them', async () => {
    const { at, one, ripe } = await open()
    await ripe()
    const foreign = (sequence: number) => ({ lastSeen: { generation: 1, sequence, batchId: 'unheard of' } })
    expect((await at.run('get', [{ id: idAt(0, 'b0') }], foreign(4))).outcome).toBe('rolled_back')
    await acknowledge(one, 4)
    expect((await at.run('stats', [{}], foreign(4))).outcome).toBe('done')
    expect((await at.run('stats', [{}], foreign(5))).outcome).toBe('rolled_back')
  })

  test('a sale without events: the next one is the first', async () => {
    const [at] = await openPort(await kind.make())
    const one = new Follower(at!, 'one')
    expect((await at!.askGroups('groups', {})).first).toBe(1)
    await one.take()
    expect(await acknowledge(one, 5)).toBe(1)
    expect(await one.state()).toMatchObject({ position: 0 })
  })
})
