import { expect, test } from 'vitest'
import { shuffledRank } from '../../../src/waiting-room/draw.js'
import {
  codeOf,
  type Entrance,
  entered,
  onBothEngines,
  positions,
  START,
} from '../../support/waiting-room.js'

const TIERS = { tiers: ['members', 'public'] }

/** Joins the tier, and keeps the ticket. */
async function join(door: Entrance, buyer: string, tier?: string, room = door.room) {
  const told = await room.join(buyer, { tier })
  if (told.status !== 'joined') expect.fail(told.status)
  door.tickets.set(buyer, told.ticket)
  return told
}

onBothEngines((open) => {
  test('members go before the public, and positions count them in', async () => {
    const door = await open({ ratePerSecond: 1 }, TIERS)
    await join(door, 'first', 'members')
    await door.admitted('first')
    for (const buyer of ['p1', 'p2']) await join(door, buyer)
    for (const buyer of ['m1', 'm2', 'm3']) await join(door, buyer, 'members')
    await door.room.setRate(0.001)
    const all = ['p1', 'p2', 'm1', 'm2', 'm3']
    await door.come(all)
    expect(positions(await door.come(all))).toEqual([4, 5, 1, 2, 3])
    expect(positions(await door.come(all, door.handle()))).toEqual([4, 5, 1, 2, 3])
    expect(await door.room.stats()).toMatchObject({
      waiting: 5,
      tiers: [
        { tier: 'members', waiting: 3, drawn: null },
        { tier: 'public', waiting: 2, drawn: null },
      ],
    })
    await door.room.setRate(1)
    const order: string[] = []
    for (let second = 0; second < 8; second++) {
      await door.advance(1_000)
      order.push(...entered(await door.come(all.filter((buyer) => !order.includes(buyer)))))
    }
    expect(order).toEqual(['m1', 'm2', 'm3', 'p1', 'p2'])
  })

  test('far from the head, positions of the public count all members, also those who left', async () => {
    const door = await open({ ratePerSecond: 0 }, TIERS)
    for (let i = 1; i <= 200; i++) await join(door, `m${i}`, 'members')
    for (let i = 1; i <= 100; i++) await join(door, `p${i}`)
    await door.advance(300)
    expect(positions(await door.come(['m200', 'p1', 'p100']))).toEqual([200, 201, 300])
    await door.room.leave(door.ticket('m7'))
    await door.room.leave(door.ticket('p70'))
    await door.advance(300)
    expect(positions(await door.come(['m200', 'p1', 'p100']))).toEqual([199, 200, 298])
    expect(positions(await door.come(['m6', 'p100'], door.handle()))).toEqual([6, 298])
  })

  test('a visitor becomes a member while waiting: the old ticket tells the same place, in every process', async () => {
    const door = await open({ ratePerSecond: 0 }, TIERS)
    await join(door, 'm1', 'members')
    for (const buyer of ['p1', 'p2', 'p3']) await join(door, buyer)
    const old = door.ticket('p2')
    const other = door.handle()
    expect(positions(await door.come(['p1', 'p2', 'p3'], other))).toEqual([2, 3, 4])
    expect(await join(door, 'p2', 'members')).toMatchObject({ position: 2 })
    for (const room of [door.room, other, door.handle()]) {
      expect(await room.poll(old)).toMatchObject({ status: 'waiting', position: 2 })
      expect(positions(await door.come(['p2', 'p1', 'p3'], room))).toEqual([2, 3, 4])
    }
    expect(await join(door, 'p2', 'public')).toMatchObject({ position: 2, ticket: door.ticket('p2') })
    await door.room.leave(old)
    for (const room of [door.room, door.handle()]) expect(await codeOf(room.poll(old))).toBe('TICKET_INVALID')
  })

  test('a pass revoked in one tier says nothing of a visit in another', async () => {
    const door = await open({ ratePerSecond: 10, burst: 10 }, TIERS)
    await join(door, 'ann')
    const { pass } = await door.admitted('ann')
    await door.room.revoke('ann')
    expect(() => door.room.verify(pass, { buyer: 'ann' })).toThrow('taken back')
    await join(door, 'ann', 'members')
    const again = await door.admitted('ann')
    expect(door.room.verify(again.pass, { buyer: 'ann' })).toMatchObject({ visitId: 2 })
  })

  test('a guest logs in: the better tier stays', async () => {
    const door = await open({ ratePerSecond: 0 }, TIERS)
    await join(door, 'guest')
    await join(door, 'ann', 'members')
    const told = await door.room.transfer(door.ticket('guest'), { to: 'ann' })
    expect(told).toMatchObject({ status: 'transferred', position: 1 })
    expect(await door.room.stats()).toMatchObject({ tiers: [{ waiting: 1 }, { waiting: 0 }] })
  })

  test('what no tier can be is refused', async () => {
    const door = await open({}, TIERS)
    const { room } = door
    for (const tier of ['vip', '', 7, null])
      expect(await codeOf(room.join('ann', { tier: tier as string }))).toBe('INVALID_ARGUMENT')
    for (const tiers of [[], 'members', ['a', 'a'], [...'abcdefghi'], [7], ['members'], null])
      expect(await codeOf(room.update({ tiers: tiers as string[] }))).toBe('INVALID_ARGUMENT')
    for (const update of [{ tier: ['a'] }, { opensAt: 5 }, null])
      expect(await codeOf(room.update(update as object))).toBe('INVALID_ARGUMENT')
    expect(await codeOf(door.handle().create())).toBe('RULES_CONFLICT')
    expect(await codeOf((await open()).room.join('ann', { tier: 'members' }))).toBe('INVALID_ARGUMENT')
  })

  test('a draw in each tier, which every visitor can verify', async () => {
    const opensAt = START + 10_000
    const door = await open({ ratePerSecond: 1_000, burst: 20 }, { ...TIERS, order: 'random', opensAt })
    for (let i = 1; i <= 5; i++) {
      await join(door, `p${i}`)
      await join(door, `m${i}`, 'members')
    }
    expect(positions(await door.come(['m1', 'p1']))).toEqual([5, 10])
    await door.advance(10_000)
    const { draw, tiers } = await door.room.stats()
    expect(tiers.map(({ drawn }) => drawn)).toEqual([5, 5])
    expect(draw!.count).toBe(10)
    await door.room.setRate(0, { burst: 1 })
    for (const tier of ['m', 'p'])
      for (let i = 1; i <= 5; i++) {
        const claims = JSON.parse(
          Buffer.from(door.ticket(`${tier}${i}`).split('.')[1]!, 'base64url').toString(),
        )
        expect((claims.n ?? claims.visitId) % 2 ** 40).toBe(i)
        const rank = shuffledRank(draw!.seed!, 5, i)
        expect(positions(await door.come([`${tier}${i}`]))).toEqual([tier === 'm' ? rank : 5 + rank])
      }
  })

  test('rules change while the room runs, for every process with its next call', async () => {
    const opensAt = START + 60_000
    const door = await open({ ratePerSecond: 1 }, { opensAt })
    const other = door.handle()
    await door.crowd(2)
    expect(await other.update({ opensAt: new Date(START + 1_000), tiers: TIERS.tiers })).toEqual({
      ...{ revision: 1, replayed: false },
    })
    expect(await door.room.update({ opensAt: START + 1_000, tiers: TIERS.tiers })).toMatchObject({
      ...{ revision: 1, replayed: true },
    })
    expect(await door.waiting('u1')).toMatchObject({ position: 1 })
    expect(await door.room.stats()).toMatchObject({ state: 'not_open', opensAt: START + 1_000 })
    await join(door, 'm1', 'members', other)
    await door.advance(1_000)
    expect(entered(await door.come(['u1', 'm1', 'u2']))).toEqual(['m1'])
    await other.update({ opensAt: START + 100_000 })
    await door.advance(30_000)
    const told = await door.waiting('u1')
    expect(told.etaMs).toBeGreaterThan(60_000)
    await door.room.update({ opensAt: null })
    await door.advance(1_000)
    expect(entered(await door.come(['u2', 'u1'], other))).toEqual(['u1'])
    expect(await door.handle().create({ opensAt })).toEqual({ created: false })
  })
})
