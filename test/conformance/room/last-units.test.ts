import { expect, test } from 'vitest'
import { FORGET_AT_ONCE, PRESENT_MS, SHOW_MS, TURNS_AGAIN } from '../../../src/engine/room.js'
import { admitted, onBothEngines, type Room } from '../../support/room.js'

const CLAIM_MS = 3_000
const SALE = { sale: 'launch', claimMs: CLAIM_MS }

/** Passes time, with this stock and these visitors present. */
const pass = (room: Room, ms: number, available: number, coming: readonly string[] = []) =>
  room.pass(ms, coming, { stock: room.stock(available, 'open', Number.MAX_SAFE_INTEGER) })

const come = (room: Room, available: number, ...buyers: string[]) =>
  room.come(buyers, { stock: room.stock(available) })

onBothEngines((open) => {
  /** u1 is admitted; u2 has missed a turn, and polls while no token is there. */
  const returned = async (available: number, maxActive: number | null = null) => {
    const room = await open({ ...SALE, maxActive, sale: maxActive === null ? 'launch' : null }, { burst: 1 })
    await room.crowd(30)
    await come(room, available, 'u1', 'u2')
    await pass(room, 1_000, available)
    await room.pace(1)
    await pass(room, CLAIM_MS, available)
    expect(admitted(await come(room, available, 'u3'))).toEqual(['u3'])
    expect((await come(room, available, 'u2')).of).toMatchObject({ u2: { status: 'waiting', ahead: 0 } })
    return room
  }

  const token = async (room: Room, available: number) => {
    await room.pace(1_000_000)
    await room.advance(1)
    await room.pace(1)
    return come(room, available)
  }

  test('one of ten passes may wait for a visitor who is away', async () => {
    const room = await returned(10)
    await pass(room, 20_000, 10, ['u4'])
    expect((await token(room, 10)).turns).toEqual([2])
    await pass(room, 60_000, 10, ['u4'])
    expect((await come(room, 10, 'u2')).of).toMatchObject({ u2: { status: 'admitted' } })
  })

  test('of fewer passes none waits: the visitor who has returned is away after PRESENT_MS', async () => {
    const room = await returned(9)
    await pass(room, PRESENT_MS - 1, 9, ['u4'])
    expect((await token(room, 9)).turns).toEqual([2])
    const later = await returned(9)
    await pass(later, PRESENT_MS + 1, 9, ['u4'])
    expect((await token(later, 9)).turns).toEqual([4])
    // Nothing further was missed, and the next poll with a token admits.
    expect(await come(later, 9, 'u2')).toMatchObject({ missedTurns: 1, of: { u2: { ahead: 0 } } })
    await later.pace(1_000_000)
    await later.advance(1)
    expect((await come(later, 9, 'u5', 'u2')).of).toMatchObject({ u2: { status: 'admitted', number: 2 } })
  })

  test('a turn of a visitor who has returned is kept for claimMs where none may wait', async () => {
    const room = await returned(9)
    expect((await token(room, 9)).turns).toEqual([2])
    await pass(room, CLAIM_MS - 1, 9)
    expect((await come(room, 9)).turns).toEqual([2])
    await room.advance(1)
    expect((await come(room, 9)).turns).toEqual([])
  })

  test('maxActive lets at least one wait', async () => {
    for (const [maxActive, waits] of [
      [3, 1],
      [10, 1],
      [11, 2],
    ] as const) {
      const room = await open({ claimMs: 60_000, maxActive }, { rate: 1, burst: 1 })
      await room.crowd(10)
      await room.come('u1')
      await room.pass(SHOW_MS)
      await room.come(['u2', 'u3'])
      await room.pass(PRESENT_MS + 1)
      await room.pace(1_000_000)
      await room.advance(1)
      await room.pace(1)
      expect(admitted(await room.come('u4'))).toEqual(['u4'])
      await room.leave('u1')
      await room.leave('u4')
      expect(await room.come(['u2', 'u3'])).toMatchObject({ missedTurns: 2 })
      await room.pass(PRESENT_MS + 1)
      await room.pace(1_000_000, 2)
      await room.advance(2)
      await room.pace(1)
      const told = await room.come('u5')
      expect(told.turns.toSorted(), `${maxActive}`).toEqual([2, 3].slice(0, waits))
      expect(admitted(told), `${maxActive}`).toEqual(waits === 1 ? ['u5'] : [])
    }
  })

  test('a turn that waits ends as soon as the last unit would wait with it', async () => {
    const room = await returned(10)
    expect(await token(room, 10)).toMatchObject({ turns: [2], outstanding: 3 })
    await pass(room, 5_000, 10, ['u4'])
    await room.leave('u1')
    await room.leave('u3')
    // One pass is left. No token is needed: the turn that ends gives its own.
    const told = await come(room, 1, 'u4', 'u5')
    expect(told).toMatchObject({
      turns: [],
      outstanding: 1,
      of: { u4: { status: 'admitted' }, u5: { ahead: 0 } },
    })
    // It has not run out, so none of the turns that the visitor may leave is used up.
    const { missedTurns } = told
    for (let poll = 0; poll <= TURNS_AGAIN; poll++)
      expect(await come(room, 1, 'u2')).toMatchObject({
        missedTurns: missedTurns + 1,
        of: { u2: { number: 2, ahead: 0 } },
      })
    await room.leave('u4')
    await token(room, 1)
    expect((await come(room, 1, 'u5', 'u2')).of).toMatchObject({ u2: { status: 'admitted', number: 2 } })
  })

  test('it goes on while no visitor is present, or while the room is full without it', async () => {
    const room = await returned(10)
    await token(room, 10)
    await room.leave('u3')
    expect(await come(room, 1, 'u4')).toMatchObject({ turns: [2], outstanding: 2, of: { u4: { ahead: 0 } } })
    await room.leave('u1')
    await room.leave('u4')
    expect(await pass(room, 60_000, 1)).toMatchObject({ turns: [2], outstanding: 1 })
    expect((await come(room, 1, 'u2')).of).toMatchObject({ u2: { status: 'admitted' } })
  })

  test('its visitor who polls takes it, whichever other visitors poll in that call', async () => {
    const room = await returned(10)
    await token(room, 10)
    await room.leave('u1')
    await room.leave('u3')
    expect((await come(room, 1, 'u4', 'u2')).of).toMatchObject({
      u2: { status: 'admitted', number: 2 },
      u4: { status: 'waiting', ahead: 0 },
    })
  })

  test('several that wait end one by one, those given first, and as many as no longer fit', async () => {
    const room = await open(SALE, { rate: 1_000_000, burst: 3 })
    await room.crowd(60)
    const slow = ['u9', 'u10', 'u11']
    const tokens = async () => {
      await room.pace(1_000_000)
      await room.advance(3)
      await room.pace(1)
    }
    await pass(room, SHOW_MS, 500)
    expect(admitted(await come(room, 500, 'u1', 'u2', 'u3'))).toHaveLength(3)
    await room.pace(1)
    await come(room, 500, ...slow)
    await tokens()
    expect((await come(room, 500)).turns.toSorted()).toEqual([10, 11, 9])
    await pass(room, CLAIM_MS, 500)
    expect(admitted(await come(room, 500, 'u12', 'u13', 'u14'))).toHaveLength(3)
    await come(room, 500, ...slow)
    await pass(room, 30_000, 500)
    await tokens()
    expect((await come(room, 500)).turns.toSorted()).toEqual([10, 11, 9])
    for (const buyer of ['u1', 'u2', 'u3', 'u12', 'u13']) await room.leave(buyer)
    // u14 has a pass, three wait, and three may be outstanding.
    expect(await come(room, 3, 'u20')).toMatchObject({
      ...{ turns: [9], outstanding: 3, of: { u20: { status: 'admitted' } } },
    })
    expect(await come(room, 3, 'u21', 'u22')).toMatchObject({
      ...{ turns: [], outstanding: 3 },
      of: { u21: { status: 'admitted' }, u22: { status: 'waiting' } },
    })
  })

  test('one call forgets a bounded number of visitors, and the next call the others', async () => {
    const room = await open({ claimMs: 60_000 }, { rate: 1, burst: 4_000 })
    const crowd = await room.crowd(FORGET_AT_ONCE + 300)
    await room.pace(1, 1)
    expect(admitted(await room.come('u1'))).toEqual(['u1'])
    await room.pace(1, 4_000)
    await room.pass(SHOW_MS)
    await room.come(crowd.slice(1))
    await room.pass(59_999)
    const ahead = async () => {
      const { of } = await room.come(['u600', 'u1300'])
      return [of.u600, of.u1300].map((told) => told?.status === 'waiting' && told.ahead)
    }
    const names = crowd.slice(1).map((name) => name.slice(1))
    expect(names).toHaveLength(1_299)
    await room.advance(1)
    // All were seen in one ms, so their names decide.
    const kept = new Set([...names.toSorted().slice(FORGET_AT_ONCE), '600', '1300'])
    const before = (number: number) => [...kept].filter((name) => Number(name) < number).length
    expect(await ahead()).toEqual([before(600), before(1_300)])
    expect(await ahead()).toEqual([0, 1])
  })
})
