import { describe, expect, test } from 'vitest'
import { LAYOUT } from '../../../src/engine/layout.js'
import type { RemovalCommands, RoomRemovalCommands } from '../../../src/engine/removal.js'
import { stored, storeIn } from '../../support/layouts.js'
import { openPort, TOKEN } from '../../support/port-sale.js'
import { Room } from '../../support/room.js'
import { anyTime, onBothEngines } from '../../support/shop.js'

type Command = keyof RemovalCommands

onBothEngines((_, kind) => {
  /** A partition of a sale that is over, and the port that removes it. */
  async function ended() {
    const timed = await kind.make()
    const [at] = await openPort(timed)
    await at!.ask('control', { action: 'end' })
    const port = timed.engine.lifecycle!.partition('sale', 0, 1)
    const run = <C extends Command>(command: C, op: RemovalCommands[C]['op']) =>
      port.run(command, [op], { incarnation: null, ...anyTime })
    const seal = async (attempt: number, rest: { incarnation?: string; dry?: boolean } = {}) => {
      const reply = await run('seal', { incarnation: TOKEN, attempt, force: false, dry: false, ...rest })
      return reply.outcome === 'done' ? reply.answers[0]!.status : reply.outcome
    }
    return { timed, at: at!, run, seal }
  }

  test('a dry seal tells what a seal would do, and changes nothing', async () => {
    const { timed, at, run, seal } = await ended()
    const before = await stored(kind, timed)
    expect(await seal(1, { dry: true })).toBe('sealed')
    expect(await seal(0, { dry: true })).toBe('sealed')
    expect(await stored(kind, timed)).toEqual(before)
    const found = { status: 'found', state: 'ended', attempt: 0, sealed: false }
    expect(await run('inspect', {})).toMatchObject({ answers: [found] })
    expect(await seal(1)).toBe('sealed')
    expect(await at.run('stats', [{}])).toMatchObject({ outcome: 'lost' })
  })

  test('an attempt seals once more, an earlier one never', async () => {
    const { run, seal } = await ended()
    expect([await seal(2), await seal(2), await seal(1)]).toEqual(['sealed', 'sealed', 'superseded'])
    expect(await seal(3, { incarnation: 'another' })).toBe('gone')
    expect(await run('unseal', { incarnation: TOKEN, attempt: 3 })).toMatchObject({
      answers: [{ status: 'unsealed' }],
    })
    expect([await seal(3), await seal(4)]).toEqual(['superseded', 'sealed'])
  })

  test('of several attempts in one batch, those before the latest one are superseded', async () => {
    const { timed, seal } = await ended()
    const port = timed.engine.lifecycle!.partition('sale', 0, 1)
    const ops = [2, 1, 2].map((attempt) => ({ incarnation: TOKEN, attempt, force: false, dry: false }))
    expect(await port.run('seal', ops, { incarnation: null, ...anyTime })).toMatchObject({
      answers: [{ status: 'sealed' }, { status: 'superseded' }, { status: 'sealed' }],
    })
    expect(await seal(1)).toBe('superseded')
  })

  describe.each([0, LAYOUT + 1])('a partition in layout %i', (layout) => {
    test.each<[Command, RemovalCommands[Command]['op']]>([
      ['inspect', {}],
      ['seal', { incarnation: TOKEN, attempt: 1, force: true, dry: false }],
      ['unseal', { incarnation: TOKEN, attempt: 1 }],
      ['erase', { incarnation: TOKEN }],
    ])('is not removed: %s touches nothing', async (command, op) => {
      const { timed, at, run } = await ended()
      await storeIn(layout, 'sale', kind, timed)
      const before = await stored(kind, timed)
      expect(await run(command, op)).toMatchObject({ outcome: 'incompatible', now: at.now(), layout })
      expect(await stored(kind, timed)).toEqual(before)
    })

    test('nor is a room', async () => {
      const timed = await kind.make()
      const { token } = await Room.open(timed)
      await storeIn(layout, 'room', kind, timed)
      const before = await stored(kind, timed)
      const port = timed.engine.lifecycle!.room('launch')
      const erasure: RoomRemovalCommands['erase']['op'] = { incarnation: token }
      for (const [command, op] of [
        ['inspect', {}],
        ['erase', erasure],
      ] as const) {
        const reply = await port.run(command, [op as never], { incarnation: null, ...anyTime })
        expect(reply).toMatchObject({ outcome: 'incompatible', layout })
      }
      expect(await stored(kind, timed)).toEqual(before)
    })
  })
})
