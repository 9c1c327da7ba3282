import { expect, test } from 'vitest'
import { admitted, onBothEngines } from '../../support/room.js'

const plenty = { rate: 100_000, burst: 50 }

onBothEngines((open) => {
  test('never more outstanding than maxActive, however many tokens there are', async () => {
    const room = await open({ maxActive: 3 }, plenty)
    const crowd = await room.crowd(10)
    expect(await room.come(crowd)).toMatchObject({ outstanding: 3, capacity: null, tokens: 47_000_000 })
    expect(admitted(await room.come(crowd))).toEqual(['u1', 'u2', 'u3'])
  })

  test('a pass makes room when it runs out, is given up or revoked, and not before', async () => {
    const room = await open({ maxActive: 2, passMs: 2_000 }, plenty)
    const crowd = await room.crowd(10)
    expect(admitted(await room.come(crowd))).toEqual(['u1', 'u2'])
    await room.leave('u1')
    expect(admitted(await room.come(crowd.slice(1)))).toEqual(['u2', 'u3'])
    await room.advance(1_000)
    await room.revoke('u2')
    expect(admitted(await room.come(crowd.slice(2)))).toEqual(['u3', 'u4'])
    await room.advance(999)
    expect(admitted(await room.come(crowd.slice(4)))).toEqual([])
    await room.advance(1)
    expect(admitted(await room.come(crowd.slice(4)))).toEqual(['u5'])
    // Of u4 and u5.
    expect(await room.peek()).toMatchObject({ outstanding: 2 })
  })

  test('without a sale a used pass stays outstanding, because its buyer is still there', async () => {
    const room = await open({ maxActive: 1 }, plenty)
    await room.crowd(2)
    await room.come('u1')
    await room.spend('u1')
    expect(await room.come('u2')).toMatchObject({ outstanding: 1, of: { u2: { status: 'waiting' } } })
  })

  test('a turn counts like a pass, and makes room when it runs out', async () => {
    const room = await open({ maxActive: 1, claimMs: 2_000 }, { rate: 1, burst: 2 })
    await room.crowd(3)
    await room.pace(1, 2)
    await room.come('u1')
    await room.come(['u2', 'u3'])
    await room.leave('u1')
    expect(await room.tend()).toMatchObject({ turns: [2], outstanding: 1 })
    await room.pass(1_999, ['u3'])
    expect((await room.come('u3')).of).toMatchObject({ u3: { status: 'waiting' } })
    await room.advance(1)
    expect((await room.come('u3')).of).toMatchObject({ u3: { status: 'admitted' } })
  })

  test('with a sale both limits hold, and a used pass makes room with the next reading of the stock', async () => {
    const coupled = { sale: 'launch', maxActive: 3 }
    for (const [available, most] of [
      [2, 2],
      [9, 3],
    ] as const) {
      const room = await open(coupled, plenty)
      const crowd = await room.crowd(10)
      const tended = await room.come(crowd, { stock: room.stock(available) })
      expect(tended).toMatchObject({ outstanding: most, capacity: available })
      expect(admitted(tended)).toEqual(crowd.slice(0, most))
      await room.spend('u1')
      expect(admitted(await room.come(crowd.slice(most)))).toEqual([])
      await room.advance(1)
      const next = await room.come(crowd.slice(most), { stock: room.stock(available) })
      expect(admitted(next)).toEqual([`u${most + 1}`])
    }
  })
})
