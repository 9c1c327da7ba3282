import { expect, test } from 'vitest'
import { WaitingRoom } from '../../../src/index.js'
import { methodsOf, Told } from '../../support/telemetry.js'
import { onBothEngines } from '../../support/waiting-room.js'

onBothEngines((open) => {
  test('every method of a room is told once, with its status', async () => {
    const door = await open({ ratePerSecond: 1 }, {}, 'told-room')
    const { room } = door
    const told = new Told('told-room')
    const commands = new Set<string>()
    const step = async <T>(expected: string, run: () => T | Promise<T>): Promise<T> => {
      const before = told.calls.length
      const result = await (async () => run())().catch(() => undefined as T)
      const calls = told.calls.slice(before)
      expect(calls.map(Told.line)).toEqual([expected])
      expect(told.events.get(calls[0]!)!.filter((event) => event === 'start')).toHaveLength(1)
      expect(calls[0]).toMatchObject({ sale: null, room: 'told-room', partition: null })
      commands.add(calls[0]!.command)
      return result
    }
    await step('verify UNAVAILABLE', () => door.handle().verify('pass', { buyer: 'u' }))
    expect(told.events.get(told.calls[0]!)).toEqual(['start', 'error', 'end'])
    await step('create not_created', () => room.create())
    await step('ready ok', () => room.ready())
    const { ticket } = (await step('join joined', () => room.join('ann'))) as { ticket: string }
    const { ticket: second } = (await step('join joined', () => room.join('bob'))) as { ticket: string }
    const polled = await step('poll admitted', () => room.poll(ticket))
    const { pass } = polled as { pass: string }
    await step('verify ok memory', () => room.verify(pass, { buyer: 'ann' }))
    expect(told.events.get(told.calls.at(-1)!)).toEqual(['start', 'end'])
    await step('poll waiting', () => room.poll(second))
    await step('poll TICKET_INVALID', () => room.poll('no ticket'))
    await step('transfer transferred', () => room.transfer(second, { to: 'cid' }))
    await step('leave left', () => room.leave(ticket))
    await step('leave TICKET_INVALID', () => room.leave('no ticket'))
    await step('setRate ok', () => room.setRate(2))
    await step('pause ok', () => room.pause())
    await step('resume ok', () => room.resume())
    await step('stats ok', () => room.stats())
    await step('revoke revoked', () => room.revoke('cid'))
    await step('revoke not_revoked', () => room.revoke('cid'))
    await step('block blocked', () => room.block('dan'))
    await step('join blocked', () => room.join('dan'))
    await step('unblock unblocked', () => room.unblock('dan'))
    await step('update INVALID_ARGUMENT', () => room.update({ opensAt: 1 }))
    await step('destroy destroyed', () => room.destroy())
    await step('stats NOT_FOUND', () => room.stats())
    expect([...commands].sort()).toEqual(methodsOf(WaitingRoom, ['updates', 'enter', 'close']))
  })

  test('a poll that the process answers by its state is told as answered from memory', async () => {
    const door = await open({ ratePerSecond: 1 }, {}, 'told-polls')
    const buyers = await door.crowd(200)
    const told = new Told('told-polls')
    for (let i = 0; i < 60; i++) await door.poll(buyers.at(-1)!)
    const lines = told.calls.map(Told.line)
    expect(new Set(lines)).toEqual(new Set(['poll waiting', 'poll waiting memory']))
    const asked = told.calls.filter(({ fromMemory }) => !fromMemory)
    expect(new Set(told.batches.flatMap(({ calls }) => calls))).toEqual(new Set(asked))
  })

  test('the request for several visitors names all of their polls', async () => {
    const door = await open({ ratePerSecond: 1 }, {}, 'told-tend')
    const buyers = await door.crowd(3)
    const told = new Told('told-tend')
    await door.come(buyers)
    expect(told.calls.map(({ command }) => command)).toEqual(['poll', 'poll', 'poll'])
    const [tend] = told.batches.filter(({ calls }) => calls.length > 0)
    expect(tend).toMatchObject({ command: 'tend', size: 1, room: 'told-tend', outcome: 'done' })
    expect(new Set(tend!.calls)).toEqual(new Set(told.calls))
  })

  test('each reading of the room tells its state and its rates', async () => {
    const door = await open({ ratePerSecond: 2, burst: 4 }, {}, 'told-rates')
    const told = new Told('told-rates')
    await door.join('ann', 'bob', 'cid')
    await door.admitted('ann')
    await door.room.setRate(5)
    await door.room.stats()
    expect(told.admissions.at(-1)).toMatchObject({
      ...{ room: 'told-rates', sale: null, state: 'open', admitted: 1, ratePerSecond: 5, capacity: null },
      ...{ waiting: 2, missedTurns: 0, serverTime: door.now() },
    })
    await door.room.pause()
    await door.room.stats()
    expect(told.admissions.at(-1)).toMatchObject({ state: 'paused' })
  })

  test('a room that reads the stock of its sale makes no call of the sale', async () => {
    const door = await open({ sale: 'told-stock', ratePerSecond: 1 }, {}, 'told-front')
    await door.sale('told-stock').create({ stock: { a: 5 } })
    const told = new Told('told-stock')
    await door.room.stats()
    expect(told.calls).toMatchObject([{ command: 'stats', room: 'told-front', sale: 'told-stock' }])
    expect(told.batches.map(({ command, sale }) => [command, sale])).toContainEqual(['stats', 'told-stock'])
  })
})
