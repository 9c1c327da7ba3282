import { expect, test } from 'vitest'
import { codeOf, onBothEngines } from '../../support/waiting-room.js'

onBothEngines((open) => {
  test('a blocked buyer is told so, in every process, and loses ticket and pass', async () => {
    const door = await open({ ratePerSecond: 1 })
    await door.join('eve', 'ann')
    const { pass } = await door.admitted('eve')
    const other = door.handle()
    await other.ready()
    expect(await door.room.block('eve')).toEqual({ blocked: true })
    expect(await door.room.block('eve')).toEqual({ blocked: false })
    for (const room of [door.room, other]) {
      expect(await room.join('eve')).toEqual({ status: 'blocked' })
      expect(await codeOf(door.poll('eve', room))).toBe('TICKET_INVALID')
      expect(await codeOf(room.enter(pass, 'eve'))).toBe('PASS_INVALID')
    }
    expect(() => door.room.verify(pass, { buyer: 'eve' })).toThrow(
      expect.objectContaining({ code: 'PASS_INVALID' }),
    )
    await door.advance(1_000)
    await door.admitted('ann')
  })

  test('an unblocked buyer joins at the end; what was revoked stays so', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    await door.join('eve', 'ann', 'bob')
    const { pass } = await door.admitted('eve')
    const old = door.ticket('eve')
    await door.room.block('eve')
    expect(await door.room.unblock('eve')).toEqual({ unblocked: true })
    expect(await door.room.unblock('eve')).toEqual({ unblocked: false })
    expect((await door.join('eve'))[0]).toMatchObject({ status: 'joined', position: 3 })
    expect(await codeOf(door.room.poll(old))).toBe('TICKET_INVALID')
    expect(await codeOf(door.room.enter(pass, 'eve'))).toBe('PASS_INVALID')
  })

  test('a process knows revocations as soon as it is ready, and verifies nothing before', async () => {
    const door = await open()
    await door.join('eve')
    const { pass } = await door.admitted('eve')
    await door.room.block('eve')
    const fresh = door.handle()
    expect(() => fresh.verify(pass, { buyer: 'eve' })).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE' }),
    )
    await fresh.ready()
    expect(() => fresh.verify(pass, { buyer: 'eve' })).toThrow(
      expect.objectContaining({ code: 'PASS_INVALID' }),
    )
  })
})
