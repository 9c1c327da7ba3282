import { expect, test } from 'vitest'
import { joined } from '../../../scripts/lib/joined.js'
import { codeOf, entered, onBothEngines, positions } from '../../support/waiting-room.js'

onBothEngines((open) => {
  test('the same rules again change nothing, other rules are RULES_CONFLICT, on every handle', async () => {
    const door = await open({ claimMs: 5_000 })
    const other = door.handle()
    for (const room of [door.room, other, other]) {
      expect(await room.create()).toEqual({ created: false })
      expect(await codeOf(room.create({ opensAt: 978_307_200_000 }))).toBe('RULES_CONFLICT')
    }
    expect(await codeOf(door.handle({ claimMs: 5_001 }).create())).toBe('RULES_CONFLICT')
    expect(await codeOf(door.handle({ sale: 'phones' }).create())).toBe('RULES_CONFLICT')
    // The rate is no rule: it can be changed while the room is open.
    expect(await door.handle({ ratePerSecond: 9, burst: 4 }).create()).toEqual({ created: false })
    expect(await door.room.stats()).toMatchObject({ ratePerSecond: 1, burst: 1, state: 'open' })
  })

  test('a room that was not created is NOT_FOUND, until a process creates it', async () => {
    const door = await open()
    const elsewhere = door.handle()
    await elsewhere.close()
    const { WaitingRoom } = await import('../../../src/index.js')
    const none = new WaitingRoom('none', { engine: door.engine, secret: 's'.repeat(32), ratePerSecond: 1 })
    for (const call of [
      () => none.join('ann'),
      () => none.stats(),
      () => none.pause(),
      () => none.revoke('ann'),
    ])
      expect(await codeOf(call())).toBe('NOT_FOUND')
    await none.create()
    expect(await none.join('ann')).toMatchObject({ position: 1 })
    await none.close()
  })

  test('first come, first served: places count up, and each is told its own', async () => {
    const door = await open()
    const all = await door.join('ann', 'bob', 'cid')
    expect(all.map(({ position }) => position)).toEqual([1, 2, 3])
    expect(new Set(all.map(({ ticket }) => ticket)).size).toBe(3)
    expect(await door.room.stats()).toMatchObject({ waiting: 3, admitted: 0, missedTurns: 0 })
  })

  test('the same buyer has one place and one ticket, from two processes', async () => {
    const door = await open()
    const other = door.handle()
    const [ann] = await door.join('ann')
    await door.join('bob')
    const again = await other.join('ann')
    expect(again).toMatchObject({ ticket: ann!.ticket, position: 1 })
    expect(await other.join('bob')).toMatchObject({ ticket: door.ticket('bob'), position: 2 })
    expect((await door.room.stats()).waiting).toBe(2)
  })

  test('500 joins of one buyer at once, from five processes: one place', async () => {
    const door = await open()
    const rooms = [door.room, ...Array.from({ length: 4 }, () => door.handle())]
    const all = await Promise.all(Array.from({ length: 500 }, (_, i) => joined(rooms[i % 5]!.join('ann'))))
    expect(new Set(all.map(({ ticket }) => ticket)).size).toBe(1)
    expect(all.every(({ position }) => position <= 1)).toBe(true)
    expect((await door.room.stats()).waiting).toBe(1)
    await door.join('bob')
    expect(await door.room.stats()).toMatchObject({ waiting: 2 })
  })

  test('names are taken as they are: NFC and NFD are two buyers, and odd ones come through', async () => {
    const door = await open({ burst: 20 })
    const names = ['é', 'e\u0301', '__proto__', '0', ' ', '😀'.repeat(64), 'a:b', '"', '\0', 'constructor']
    await door.join(...names)
    expect((await door.room.stats()).waiting).toBe(names.length)
    const told = await door.come(names)
    expect(entered(told).toSorted()).toEqual(names.toSorted())
    for (const name of names) {
      const result = told[name]!
      if (result.status !== 'admitted') expect.fail(result.status)
      expect(door.room.verify(result.pass, { buyer: name })).toMatchObject({ buyer: name })
    }
  })

  test('admission goes by the queue, also when polls come in reverse order and from two processes', async () => {
    const door = await open({ burst: 3 })
    const crowd = await door.crowd(9)
    const other = door.handle()
    const told = await door.come(crowd.toReversed())
    expect(entered(told).toSorted()).toEqual(['u1', 'u2', 'u3'])
    expect(positions(await door.come(crowd.slice(3)))).toEqual([1, 2, 3, 4, 5, 6])
    await door.advance(1_000)
    expect(entered(await door.come(crowd.toReversed(), other)).toSorted()).toEqual(['u1', 'u2', 'u3', 'u4'])
    await door.advance(2_000)
    // Only one token fits into the bucket at a time where the burst was lowered.
    await door.room.setRate(1, { burst: 1 })
    expect(entered(await door.come(crowd.slice(4).toReversed(), other))).toEqual(['u5'])
  })

  test('one by one in reverse order: no visitor overtakes within the time that all have to come', async () => {
    const door = await open({ burst: 2 })
    const crowd = await door.crowd(5)
    for (const buyer of ['u5', 'u4', 'u3', 'u2']) expect((await door.waiting(buyer)).status).toBe('waiting')
    await door.admitted('u1')
    await door.admitted('u2')
    expect(entered(await door.come(crowd))).toEqual(['u1', 'u2'])
  })

  test("a visitor with a pass keeps it: polls give the same one, a join answers that it is the visitor's turn", async () => {
    const door = await open({ passMs: 60_000 })
    await door.join('ann')
    const { pass, expiresAt } = await door.admitted('ann')
    expect(expiresAt).toBe(door.now() + 60_000)
    await door.advance(59_999)
    expect(await door.admitted('ann')).toEqual({ status: 'admitted', pass, expiresAt })
    expect(await door.admitted('ann', door.handle())).toEqual({ status: 'admitted', pass, expiresAt })
    const [again] = await door.join('ann')
    expect(again).toEqual({ status: 'joined', ticket: again!.ticket, position: 0, etaMs: 0, pollAfterMs: 0 })
    expect((await door.room.stats()).admitted).toBe(1)
  })

  test('a pass that ran out: a new place at the end, with the same ticket', async () => {
    const door = await open({ passMs: 2_000, ratePerSecond: 0.001 })
    await door.join('ann', 'bob')
    const ticket = door.ticket('ann')
    await door.admitted('ann')
    await door.advance(2_000)
    expect(await door.waiting('ann')).toMatchObject({ position: 2 })
    expect((await door.join('ann'))[0]).toMatchObject({ ticket, position: 2 })
    expect(await door.waiting('ann', door.handle())).toMatchObject({ position: 2 })
    expect(await door.waiting('bob')).toMatchObject({ position: 1 })
  })
})
