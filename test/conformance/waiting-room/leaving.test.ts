import { expect, test } from 'vitest'
import { codeOf, entered, onBothEngines, positions } from '../../support/waiting-room.js'

onBothEngines((open) => {
  test('a visitor who leaves frees the place: the next moves up, and the ticket is no longer valid', async () => {
    const door = await open()
    const crowd = await door.crowd(4)
    await door.admitted('u1')
    const far = door.handle()
    await door.waiting('u2', far)
    expect(await door.room.leave(door.ticket('u2'))).toEqual({ left: true })
    expect(await door.room.leave(door.ticket('u2'))).toEqual({ left: false })
    for (const room of [door.room, far, door.handle()])
      expect(await codeOf(room.poll(door.ticket('u2')))).toBe('TICKET_INVALID')
    expect(positions(await door.come(crowd.slice(2)))).toEqual([1, 2])
    expect(await door.room.stats()).toMatchObject({ waiting: 2 })
  })

  test('on a process that has never seen them, far from the front too', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    await door.crowd(300)
    const far = door.handle()
    await door.waiting('u250', far)
    expect(await door.handle().leave(door.ticket('u250'))).toEqual({ left: true })
    for (const room of [far, door.room, door.handle()])
      expect(await codeOf(room.poll(door.ticket('u250')))).toBe('TICKET_INVALID')
  })

  test('a visitor who comes back after leaving stands at the end, and the old ticket stays invalid', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    await door.crowd(5)
    await door.admitted('u1')
    const old = door.ticket('u3')
    await door.room.leave(old)
    const [again] = await door.join('u3')
    expect(again!.ticket).not.toBe(old)
    expect(again!.position).toBe(4)
    for (const room of [door.room, door.handle()]) {
      expect(await codeOf(room.poll(old))).toBe('TICKET_INVALID')
      // The old ticket ends nothing of the new stay.
      expect(await room.leave(old)).toEqual({ left: false })
      expect(await door.waiting('u3', room)).toMatchObject({ position: 4 })
    }
  })

  test('leaving during polls: each of them answers or says that the place is gone', async () => {
    const door = await open({ ratePerSecond: 0.001, burst: 2 })
    await door.crowd(30)
    const far = door.handle()
    const told = Array.from({ length: 20 }, (_, i) => door.poll('u5', i % 2 ? far : door.room))
    const left = door.room.leave(door.ticket('u5'))
    const results = await Promise.allSettled(told)
    for (const result of results) {
      if (result.status === 'fulfilled') expect(result.value.status).toBe('waiting')
      else expect(result.reason).toMatchObject({ code: 'TICKET_INVALID' })
    }
    expect(await left).toEqual({ left: true })
    expect(await codeOf(door.poll('u5'))).toBe('TICKET_INVALID')
  })

  test('leaving with a pass ends the pass, here and in other processes within a second', async () => {
    const door = await open({ burst: 2 })
    const far = door.live()
    await door.timers.during(far.stats())
    await door.join('ann', 'bob')
    const { pass } = await door.admitted('ann')
    expect(far.verify(pass, { buyer: 'ann' })).toMatchObject({ buyer: 'ann' })
    expect(await door.room.leave(door.ticket('ann'))).toEqual({ left: true })
    await door.timers.advance(1_000)
    expect(() => far.verify(pass, { buyer: 'ann' })).toThrow(
      expect.objectContaining({ code: 'PASS_INVALID' }),
    )
    expect(await door.room.stats()).toMatchObject({ outstanding: 0, waiting: 1 })
  })

  test('a revoked place is gone, the next moves up, and joining again is allowed', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    await door.crowd(4)
    await door.admitted('u1')
    expect(await door.room.revoke('u2')).toEqual({ revoked: true })
    expect(await door.room.revoke('u2')).toEqual({ revoked: false })
    expect(await door.room.revoke('nobody')).toEqual({ revoked: false })
    expect(await codeOf(door.poll('u2'))).toBe('TICKET_INVALID')
    expect(await door.waiting('u3')).toMatchObject({ position: 1 })
    expect((await door.join('u2'))[0]).toMatchObject({ position: 3 })
    expect(await door.waiting('u2')).toMatchObject({ position: 3 })
  })

  test('any call can be the first of a handle', async () => {
    const door = await open()
    await door.crowd(3)
    expect(await door.handle().revoke('u1')).toEqual({ revoked: true })
    expect(await door.handle().leave(door.ticket('u2'))).toEqual({ left: true })
    await door.handle().pause()
    expect(await door.handle().stats()).toMatchObject({ state: 'paused', waiting: 1 })
    await door.handle().setRate(5)
    await door.handle().resume()
    expect(await door.handle().stats()).toMatchObject({ state: 'open', ratePerSecond: 5 })
  })

  test('a revoked pass: at once where it was revoked, elsewhere within a second', async () => {
    const door = await open()
    await door.join('ann')
    const { pass } = await door.admitted('ann')
    // One that has only ever verified passes, and one that looks around already.
    const idle = door.live()
    const busy = door.live()
    await door.timers.during(busy.stats())
    expect(busy.verify(pass, { buyer: 'ann' }).buyer).toBe('ann')
    try {
      idle.verify(pass, { buyer: 'ann' })
    } catch {
      // It has not heard of the server's time yet, and this machine's is another in these tests.
    }
    expect(await door.room.revoke('ann')).toEqual({ revoked: true })
    const refused = expect.objectContaining({ code: 'PASS_INVALID' })
    expect(() => door.room.verify(pass, { buyer: 'ann' })).toThrow(refused)
    await door.timers.advance(1_000)
    for (const room of [idle, busy]) expect(() => room.verify(pass, { buyer: 'ann' })).toThrow(refused)
    expect(await door.timers.during(codeOf(door.poll('ann', busy)))).toBe('TICKET_INVALID')
  })

  test('a buyer who was revoked and is admitted again has a valid pass, and the old one stays revoked', async () => {
    const door = await open({ burst: 2 })
    await door.join('ann')
    const old = await door.admitted('ann')
    await door.room.revoke('ann')
    await door.join('ann')
    const fresh = await door.admitted('ann')
    for (const room of [door.room, door.handle()]) {
      await room.stats()
      expect(room.verify(fresh.pass, { buyer: 'ann' })).toMatchObject({ buyer: 'ann' })
      expect(() => room.verify(old.pass, { buyer: 'ann' })).toThrow()
    }
  })

  test('a turn given up goes to the next at once: no token is lost', async () => {
    const door = await open({ ratePerSecond: 1, burst: 3 })
    const crowd = await door.crowd(9)
    expect(entered(await door.come(crowd))).toEqual(['u1', 'u2', 'u3'])
    await door.advance(2_000)
    // Two tokens: u4 and u5, who were here two seconds ago, have turns by now, and go.
    expect(await door.room.stats()).toMatchObject({ outstanding: 5, tokens: 0 })
    await door.room.leave(door.ticket('u4'))
    await door.room.revoke('u5')
    expect(entered(await door.come(crowd.slice(5)))).toEqual(['u6', 'u7'])
    expect(await door.room.stats()).toMatchObject({ admitted: 5, waiting: 2, missedTurns: 0 })
  })
})
