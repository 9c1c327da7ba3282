import { expect, test } from 'vitest'
import { late, onBothEngines } from '../../support/room.js'

const TOKEN = 1_000_000

onBothEngines((open) => {
  test('after the deadline a tick answers how all visitors stand, and moves nothing', async () => {
    const room = await open({ passMs: 4_000, sale: 'launch' }, { rate: 1_000, burst: 1 })
    await room.crowd(4)
    const stock = room.stock(9)
    await room.come(['u1', 'u2', 'u3'], { stock })
    await room.advance(1_000)
    await room.tend({ stock: room.stock(9) })
    const before = await room.peek()
    expect(before).toMatchObject({ turns: [2], tokens: 0, admitted: 1 })
    await room.advance(999)
    const visits = ['u1', 'u2', 'u3', 'u4'].map((buyer) => room.visit(buyer))
    const other = [room.visit('u3', { number: 9 }), room.visit('u3', { visitId: 9 })]
    const call = { visits: [...visits, ...other], stock: room.stock(0, 'ended') }
    const answered = await room.tend(call, late)
    expect(answered.visits).toEqual([
      { status: 'admitted', number: 1, expiresAt: room.now() + 2_001 },
      { status: 'waiting', number: 2, ahead: null },
      { status: 'waiting', number: 3, ahead: 0 },
      { status: 'waiting', number: 4, ahead: null },
      { status: 'waiting', number: 3, ahead: 0 },
      { status: 'gone' },
    ])
    expect(await room.peek()).toEqual(before)
    // A pass that has run out is none, but the new place is for later.
    await room.advance(2_001)
    expect((await room.tend({ visits: [room.visit('u1')] }, late)).visits).toEqual([
      { status: 'waiting', number: 1, ahead: null },
    ])
    expect(await room.peek()).toMatchObject({ tail: 4, closed: null, tokens: 0 })
  })

  test('after the deadline no control; what is so already is said to be', async () => {
    const room = await open({}, { rate: 5, burst: 7 })
    const tooLate = (op: Parameters<typeof room.control>[0]) => room.ask('control', op, late)
    expect(await tooLate({ action: 'pause' })).toEqual({ status: 'retry' })
    expect(await tooLate({ action: 'resume' })).toEqual({ status: 'controlled' })
    expect(await tooLate({ action: 'pace', rate: 6, burst: null })).toEqual({ status: 'retry' })
    expect(await tooLate({ action: 'pace', rate: 5, burst: 8 })).toEqual({ status: 'retry' })
    expect(await tooLate({ action: 'pace', rate: 5, burst: null })).toEqual({ status: 'controlled' })
    expect(await tooLate({ action: 'pace', rate: 5, burst: 7 })).toEqual({ status: 'controlled' })
    expect(await room.tend()).toMatchObject({ paused: false, pace: { rate: 5, burst: 7 } })
  })

  test('a deadline that is now is not past', async () => {
    const room = await open()
    const deadline = room.now()
    expect(await room.ask('join', { buyer: 'ann' }, { deadline })).toMatchObject({ status: 'placed' })
    await room.advance(1)
    expect(await room.ask('join', { buyer: 'bob' }, { deadline })).toEqual({ status: 'retry' })
    // A deadline is a moment of the server's clock, wherever its time is.
    const minTime = room.now() + 5
    expect(await room.ask('join', { buyer: 'bob' }, { deadline: room.now(), minTime })).toMatchObject({
      status: 'placed',
    })
    expect(await room.ask('join', { buyer: 'cat' }, { deadline: room.now() - 1 })).toEqual({
      status: 'retry',
    })
  })

  test('what did not happen for its deadline loses no time', async () => {
    const room = await open({}, { rate: 1_000, burst: 3 })
    await room.crowd(3)
    await room.come(['u1', 'u2', 'u3'])
    await room.advance(700)
    await room.tend({}, late)
    await room.ask('leave', { buyer: 'u1', visitId: 1 }, late)
    await room.advance(300)
    expect((await room.tend()).tokens).toBe(TOKEN)
  })

  test('every command that comes again in the same ms answers the same, and changes nothing', async () => {
    const room = await open({ sale: 'launch' }, { rate: 1_000, burst: 3 })
    const crowd = await room.crowd(8)
    const twice = async <T>(act: () => Promise<T>, sameAnswer = true) => {
      const first = await act()
      const state = await room.peek()
      const second = await act()
      if (sameAnswer) expect(second).toEqual(first)
      expect(await room.peek()).toEqual(state)
      return first
    }
    await twice(() => room.join('u3', 'new', 'new'))
    const stock = room.stock(5)
    await twice(() => room.come(crowd, { stock }))
    await room.advance(1_000)
    await twice(() => room.tend({ stock: room.stock(5) }))
    await twice(() => room.come(['u4', 'u5']))
    await twice(() => room.spend('u1'))
    await twice(() => room.leave('u6'), false)
    await twice(() => room.leave('u2'), false)
    await twice(() => room.revoke('u7'), false)
    await twice(() => room.block('u8'), false)
    await twice(() => room.block('u8', false), false)
    await twice(() => room.transfer('u5', 'account', 5))
    await twice(() => room.transfer('u1', 'another', 1))
    await twice(() => room.pace(2_000, 5))
    await twice(() => room.pace(3_000))
    await twice(() => room.control({ action: 'pause' }))
    await room.control({ action: 'resume' })
    await room.tend()
    await twice(() => room.control({ action: 'resume' }))
    await twice(() => room.tend({ stock: room.stock(0, 'sold_out') }))
    await twice(() => room.create({ sale: 'launch' }))
  })

  test('several tends in one batch: each after the one before', async () => {
    const room = await open({}, { rate: 1_000, burst: 2 })
    await room.crowd(3)
    const usual = { stock: null, goneVersion: 0, turnsSince: 0, revokedSince: 0, drawn: null }
    const tend = (...buyers: string[]) => ({ ...usual, visits: buyers.map((buyer) => room.visit(buyer)) })
    const { answers } = await room.done('tend', [tend('u2'), tend('u1'), tend('u3', 'u2'), tend('u2')])
    expect(answers.map(({ visits }) => visits.map(({ status }) => status))).toEqual([
      ['waiting'],
      ['admitted'],
      ['waiting', 'admitted'],
      ['admitted'],
    ])
    expect(answers.map(({ admitted }) => admitted)).toEqual([0, 1, 2, 2])
  })
})
