import { expect, onTestFinished, test } from 'vitest'
import { joined } from '../../../scripts/lib/joined.js'
import type { Engine } from '../../../src/engine/engine.js'
import { FlashSale, type StockholdError, WaitingRoom } from '../../../src/index.js'
import { dyingRemover, leftIn, removingBy, roomsOf } from '../../support/removal.js'
import { onBothEngines } from '../../support/shop.js'

const destroyed = { status: 'destroyed' }
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    (error: StockholdError) => error.code,
  )

onBothEngines((_, kind) => {
  const handle = (engine: Engine, rest: { ratePerSecond?: number; sale?: FlashSale } = {}) => {
    const given = { engine, secret: 's'.repeat(32), ratePerSecond: 1, deadlineMs: 20_000 }
    const room = new WaitingRoom('launch', { ...given, ...rest })
    onTestFinished(() => room.close())
    return room
  }

  test('of a removed room nothing is left, and other handles hear NOT_FOUND', async () => {
    const timed = await kind.make()
    const room = handle(timed.engine)
    await room.create()
    const { ticket } = await joined(room.join('ann'))
    await room.block('bob')
    const other = handle(timed.engine)
    await other.stats()
    expect(await room.destroy()).toStrictEqual(destroyed)
    expect(await leftIn(kind, timed)).toBe(0)
    expect(await roomsOf(timed.engine)).toEqual([])
    for (const one of [room, other, handle(timed.engine)]) {
      expect(await codeOf(one.join('cat'))).toBe('NOT_FOUND')
      expect(await codeOf(one.stats())).toBe('NOT_FOUND')
      expect(await codeOf(one.pause())).toBe('NOT_FOUND')
    }
    expect(await codeOf(other.leave(ticket))).toBe('NOT_FOUND')
    expect(await codeOf(other.create())).toBe('NOT_FOUND')
    expect(await room.destroy()).toStrictEqual(destroyed)
    expect(await other.destroy()).toStrictEqual(destroyed)
    expect(await codeOf(handle(timed.engine).destroy())).toBe('NOT_FOUND')
  })

  test('the name is free for another room, which handles of the removed one do not touch', async () => {
    const timed = await kind.make()
    const room = handle(timed.engine)
    await room.create()
    await joined(room.join('ann'))
    await room.destroy()
    const next = handle(timed.engine)
    expect(await next.create({ order: 'random', opensAt: timed.now() + 1_000 })).toStrictEqual({
      created: true,
    })
    expect(await codeOf(room.join('ann'))).toBe('NOT_FOUND')
    expect(await room.destroy()).toStrictEqual(destroyed)
    expect(await next.stats()).toMatchObject({ state: 'not_open', waiting: 0 })
    expect(await roomsOf(timed.engine)).toMatchObject([{ id: 'launch', state: 'not_open' }])
  })

  test('a room and a sale of one name are removed apart', async () => {
    const timed = await kind.make()
    const sale = new FlashSale('launch', { engine: timed.engine, deadlineMs: 60_000 })
    onTestFinished(() => sale.close())
    await sale.create({ stock: { a: 1 } })
    const room = handle(timed.engine, { sale })
    await room.create()
    await sale.end()
    expect(await sale.destroy()).toStrictEqual(destroyed)
    expect(await roomsOf(timed.engine)).toMatchObject([{ id: 'launch' }])
    expect(await joined(room.join('ann'))).toMatchObject({ status: 'joined' })
    expect(await room.destroy()).toStrictEqual(destroyed)
    expect(await leftIn(kind, timed)).toBe(0)
  })

  test('after a crash at any step, and after any lost reply, the room can be removed', async () => {
    for (let steps = 1; ; steps++) {
      const timed = await kind.make()
      const room = handle(timed.engine)
      await room.create()
      const remover = dyingRemover(timed.engine, steps)
      await codeOf(handle(remover.engine).destroy())
      if (!remover.isDead()) {
        expect(steps).toBeGreaterThan(4)
        break
      }
      // Its rules differ: they are compared with a room that is there.
      const next = handle(timed.engine)
      const made = await codeOf(next.create({ order: 'random', opensAt: timed.now() + 9 }))
      expect(['answered', 'RULES_CONFLICT']).toContain(made)
      expect(await codeOf(room.join('ann'))).toBe(made === 'answered' ? 'NOT_FOUND' : 'answered')
      expect(await room.destroy()).toStrictEqual(destroyed)
      expect(await leftIn(kind, timed)).toBe(made === 'answered' ? 1 : 0)
    }
    for (let lost = 1; ; lost++) {
      const timed = await kind.make()
      await handle(timed.engine).create()
      let calls = 0
      const room = handle(removingBy(timed.engine, () => (++calls === lost ? 'reply lost' : 'answered')))
      await codeOf(room.destroy())
      if (calls < lost) break
      await room.destroy().catch((error) => expect(error).toMatchObject({ code: 'NOT_FOUND' }))
      expect(await leftIn(kind, timed)).toBe(0)
    }
  })
})
