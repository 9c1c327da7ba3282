import { expect, test } from 'vitest'
import { codeOf, onBothEngines } from '../../support/waiting-room.js'

onBothEngines((open) => {
  test('a guest logs in while waiting: the account has the place, with a ticket of its own', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    await door.join('first', 'guest', 'bob')
    await door.admitted('first')
    const old = door.ticket('guest')
    const told = await door.room.transfer(old, { to: 'ann' })
    expect(told).toMatchObject({ status: 'transferred', position: 1 })
    if (told.status !== 'transferred') return
    const { ticket } = told
    expect(await door.room.transfer(old, { to: 'ann' })).toMatchObject({
      status: 'transferred',
      ticket,
      position: 1,
    })
    for (const room of [door.room, door.handle()]) {
      expect(await room.poll(ticket)).toMatchObject({ status: 'waiting', position: 1 })
      expect(await codeOf(room.poll(old))).toBe('TICKET_INVALID')
      expect(await room.join('ann')).toMatchObject({ ticket, position: 1 })
      expect(await room.poll(door.ticket('bob'))).toMatchObject({ position: 2 })
    }
    expect(await codeOf(door.room.transfer(old, { to: 'eve' }))).toBe('TICKET_INVALID')
    await door.room.setRate(1, { burst: 1 })
    await door.advance(1_000)
    expect(await door.room.poll(ticket)).toMatchObject({ status: 'admitted' })
  })

  test('a pass goes along: the account can use it, the guest cannot', async () => {
    const door = await open()
    await door.join('guest')
    const { pass, expiresAt } = await door.admitted('guest')
    const told = await door.room.transfer(door.ticket('guest'), { to: 'ann' })
    if (told.status !== 'transferred') return expect.fail(told.status)
    expect(told).toEqual({
      status: 'transferred',
      ticket: told.ticket,
      position: 0,
      etaMs: 0,
      pollAfterMs: 0,
    })
    for (const room of [door.room, door.handle()]) {
      const polled = await room.poll(told.ticket)
      if (polled.status !== 'admitted') return expect.fail(polled.status)
      expect(polled.expiresAt).toBe(expiresAt)
      await room.enter(polled.pass, 'ann')
      expect(await codeOf(room.enter(polled.pass, 'guest'))).toBe('PASS_INVALID')
      expect(await codeOf(room.enter(pass, 'guest'))).toBe('PASS_INVALID')
    }
  })

  test('a pass of the account that was revoked before does not revoke the one that comes along', async () => {
    const door = await open({ burst: 9 })
    await door.join('guest')
    await door.admitted('guest')
    await door.join('x', 'ann')
    await door.admitted('x')
    await door.admitted('ann')
    await door.room.revoke('ann')
    const told = await door.room.transfer(door.ticket('guest'), { to: 'ann' })
    if (told.status !== 'transferred') return expect.fail(told.status)
    const polled = await door.room.poll(told.ticket)
    if (polled.status !== 'admitted') return expect.fail(polled.status)
    await door.room.enter(polled.pass, 'ann')
  })

  test('the account waits too: the better place stays', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    await door.join('first', 'ann', 'guest', 'bob')
    await door.admitted('first')
    const ticket = door.ticket('ann')
    expect(await door.room.transfer(door.ticket('guest'), { to: 'ann' })).toMatchObject({
      ticket,
      position: 1,
    })
    expect(await door.room.transfer(ticket, { to: 'bob' })).toMatchObject({ position: 1 })
    expect(await door.room.stats()).toMatchObject({ waiting: 1 })
  })

  test('after a draw the lower rank counts, and not the lower number', async () => {
    const door = await open({ ratePerSecond: 0 }, { opensAt: 1_800_000_000_000, order: 'random' })
    const crowd = await door.crowd(12)
    await door.advance(1_800_000_000_000 - door.now())
    await door.room.stats()
    const before = await Promise.all(
      crowd.map(async (buyer) => ({ buyer, at: (await door.waiting(buyer)).position })),
    )
    const [first, second] = before.toSorted((a, b) => a.at - b.at)
    for (const [from, to] of [[first!, second!]] as const) {
      const told = await door.room.transfer(door.ticket(from.buyer), { to: to.buyer })
      expect(told).toMatchObject({ status: 'transferred', position: 1 })
    }
    expect((await door.room.stats()).waiting).toBe(11)
  })

  test('with `buyer`, only the ticket of that buyer is transferred', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    await door.join('first', 'guest')
    await door.admitted('first')
    const ticket = door.ticket('guest')
    expect(await codeOf(door.room.transfer(ticket, { to: 'ann', buyer: 'eve' }))).toBe('TICKET_INVALID')
    expect(await door.waiting('guest')).toMatchObject({ position: 1 })
    const told = await door.room.transfer(ticket, { to: 'ann', buyer: 'guest' })
    if (told.status !== 'transferred') return expect.fail(told.status)
    expect(told.position).toBe(1)
    expect(await door.room.transfer(ticket, { to: 'ann', buyer: 'guest' })).toMatchObject({
      ...{ status: 'transferred', ticket: told.ticket, position: 1 },
    })
  })

  test('to a blocked buyer nothing changes', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    await door.join('first', 'guest')
    await door.admitted('first')
    await door.room.block('eve')
    expect(await door.room.transfer(door.ticket('guest'), { to: 'eve' })).toEqual({ status: 'blocked' })
    expect(await door.waiting('guest')).toMatchObject({ position: 1 })
  })
})
