import { describe, expect, test } from 'vitest'
import type { Command, Op, Rules } from '../../src/engine/engine.js'
import type { GroupCommand, GroupOp } from '../../src/engine/groups.js'
import { LAYOUT } from '../../src/engine/layout.js'
import type { RoomCommand, RoomOp } from '../../src/engine/room.js'
import { stored, storeIn } from '../support/layouts.js'
import { idAt, openPort, opOfEach, partitionsOf, rulesOf, TOKEN } from '../support/port-sale.js'
import { Room, usualPace, usualRules } from '../support/room.js'
import { onBothEngines } from '../support/shop.js'

const id = idAt(0, 'ann')
const rules: Rules = rulesOf({})
const ofSale: { [C in Command]: Op<C> } = {
  create: { rules, incarnation: TOKEN, complete: true },
  describe: {},
  rebuild: { rules, incarnation: TOKEN, generation: 2 },
  ...opOfEach(id),
  reserve: { id: idAt(0, 'bob'), buyer: 'bob', cart: [[0, 1]], key: null, holdMs: 1_000 },
  extend: { id, holdMs: 5_000 },
}
const group = { group: 'g', consumer: 'one' }
const ofGroups: { [C in GroupCommand]: GroupOp<C> } = {
  claim: { ...group, leaseMs: 1_000, start: 'beginning' },
  acknowledge: {
    ...{ ...group, epoch: 1, leaseMs: 1_000, position: 1 },
    ...{ park: [], unpark: [], trim: { olderThanMs: 0, maxEvents: 0 } },
  },
  checkpoint: { group: 'ledger', position: 1, trim: { olderThanMs: 0, maxEvents: 0 } },
  groups: {},
  dead: { group: 'g', after: 0 },
  revive: { group: 'g', sequences: [1], action: 'retry' },
  drop: { group: 'g' },
}
const ofRoom: { [C in RoomCommand]: RoomOp<C> } = {
  create: { rules: usualRules, pace: usualPace, seed: 's', commitment: 'c', incarnation: 't' },
  describe: {},
  update: { opensAt: { to: 1 }, tiers: null },
  join: { buyer: 'bob' },
  tend: {
    ...{ visits: [{ buyer: 'ann', visitId: 1, number: 1, rank: 1 }], stock: null, drawn: null },
    ...{ goneVersion: 0, turnsSince: 0, revokedSince: 0 },
  },
  leave: { buyer: 'ann', visitId: 1 },
  revoke: { buyer: 'ann' },
  block: { buyer: 'ann', blocked: true },
  transfer: { buyer: 'ann', visitId: 1, to: 'bob', compared: null },
  spend: { buyer: 'ann', visitId: 1 },
  control: { action: 'pause' },
}
const entriesOf = <C extends string, O>(ops: Record<C, O>) => Object.entries(ops) as [C, O][]

/** Made before there were numbers, and by a version to come. */
const NEXT = LAYOUT + 1
const OTHERS = [0, NEXT]

onBothEngines((_, kind) => {
  /** A sale with a hold that is over and a group that follows it, a moment later. */
  async function openSale() {
    const timed = await kind.make()
    const [at] = await openPort(timed)
    await at!.hold('ann')
    await at!.askGroups('claim', ofGroups.claim)
    await at!.advance(2_000)
    return { timed, at: at! }
  }

  describe.each(OTHERS)('what is stored in layout %i', (layout) => {
    test.each(entriesOf<Command, Op<Command>>(ofSale))(
      'of a sale: %s touches nothing',
      async (command, op) => {
        const { timed, at } = await openSale()
        await storeIn(layout, 'sale', kind, timed)
        const before = await stored(kind, timed)
        const incarnation = ['create', 'describe'].includes(command) ? null : TOKEN
        const answer = { outcome: 'incompatible', now: at.now(), layout, part: 'itself' }
        expect(await at.run(command, [op, op], { incarnation })).toStrictEqual(answer)
        expect(await at.run(command, [op], { incarnation: 'another', minTime: at.now() + 9 })).toStrictEqual(
          answer,
        )
        expect(await at.run(command, [op], { incarnation, bypassFreeze: true })).toStrictEqual(answer)
        expect(await stored(kind, timed)).toEqual(before)
      },
    )

    test.each(entriesOf<GroupCommand, GroupOp<GroupCommand>>(ofGroups))(
      'of a sale or of its groups: %s touches nothing',
      async (command, op) => {
        for (const part of ['sale', 'groups'] as const) {
          const { timed, at } = await openSale()
          await storeIn(layout, part, kind, timed)
          const before = await stored(kind, timed)
          const answer = { outcome: 'incompatible', now: at.now(), layout }
          for (const incarnation of [TOKEN, 'another']) {
            const reply = await at.runGroups(command, [op, op], { incarnation, minTime: at.now() + 9 })
            if (part === 'groups' && incarnation === 'another')
              expect(reply, part).toStrictEqual({ outcome: 'lost', now: at.now() })
            else expect(reply, part).toStrictEqual({ ...answer, part: part === 'sale' ? 'itself' : part })
          }
          expect(await stored(kind, timed), part).toEqual(before)
        }
      },
    )

    test.each(entriesOf<RoomCommand, RoomOp<RoomCommand>>(ofRoom))(
      'of a room: %s touches nothing',
      async (command, op) => {
        const timed = await kind.make()
        const room = await Room.open(timed)
        await room.join('ann')
        await room.come('ann')
        await room.advance(2_000)
        await storeIn(layout, 'room', kind, timed)
        const before = await stored(kind, timed)
        const answer = { outcome: 'incompatible', now: room.now(), layout, part: 'itself' }
        expect(await room.run(command, [op, op])).toStrictEqual(answer)
        expect(
          await room.run(command, [op], { incarnation: 'another', minTime: room.now() + 9 }),
        ).toStrictEqual(answer)
        expect(await stored(kind, timed)).toEqual(before)
      },
    )
  })

  test('groups of another layout leave the sale itself as it is, and one sale says nothing of another', async () => {
    const { timed, at } = await openSale()
    await storeIn(NEXT, 'groups', kind, timed)
    expect(await at.counts()).toBe('10 10 0 0 0')
    expect(await at.hold('bob')).toMatchObject({ state: 'held' })
  })

  test('one partition of another layout says nothing of the others', async () => {
    const timed = await kind.make()
    const [first, second] = await openPort(timed, { partitions: 2 })
    await storeIn(NEXT, 'sale', kind, timed, 1)
    expect(await first!.counts()).toBe('5 5 0 0 0')
    expect(await second!.run('stats', [{}])).toMatchObject({ outcome: 'incompatible', layout: NEXT })
  })

  test('in the layout of this version everything is read again', async () => {
    const { timed, at } = await openSale()
    const before = await stored(kind, timed)
    for (const part of ['sale', 'groups'] as const) {
      await storeIn(NEXT, part, kind, timed)
      await storeIn(LAYOUT, part, kind, timed)
    }
    expect(await stored(kind, timed)).toEqual(before)
    expect(await at.askGroups('groups', {})).toMatchObject({ groups: [{ group: 'g', consumer: 'one' }] })
  })

  test('where nothing is stored, there is no layout to be another', async () => {
    const [none] = partitionsOf(await kind.make())
    expect(await none!.run('stats', [{}])).toStrictEqual({ outcome: 'missing', now: none!.now() })
  })
})
