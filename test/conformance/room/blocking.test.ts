import { expect, test } from 'vitest'
import { admitted, late, onBothEngines } from '../../support/room.js'

const blocked = { status: 'blocked' }

onBothEngines((open) => {
  test('a blocked buyer loses the place, and gets none until unblocked', async () => {
    const room = await open({}, { rate: 1 })
    await room.crowd(3)
    await room.come('u1')
    expect(await room.block('u2')).toEqual({ status: 'changed' })
    expect(await room.tend()).toMatchObject({ waiting: 1, goneVersion: 1 })
    expect((await room.come('u2')).of).toEqual({ u2: { status: 'gone' } })
    expect((await room.done('join', [{ buyer: 'u2' }, { buyer: 'new' }, { buyer: 'u2' }])).answers).toEqual([
      blocked,
      { status: 'placed', number: 4, visitId: 4, expiresAt: null },
      blocked,
    ])
    expect(await room.block('u2', false)).toEqual({ status: 'changed' })
    expect(await room.join('u2')).toEqual([5])
  })

  test('the pass is revoked, a turn gives its token back', async () => {
    const room = await open({}, { rate: 1, burst: 2 })
    await room.crowd(3)
    await room.pace(1, 1)
    await room.come(['u1', 'u2'])
    await room.pace(1_000_000)
    await room.advance(1)
    expect((await room.tend()).turns).toEqual([2])
    await room.pace(1)
    await room.block('u2')
    expect(admitted(await room.come('u3'))).toEqual(['u3'])
    await room.block('u1')
    expect(await room.peek()).toMatchObject({
      outstanding: 1,
      revoked: [{ buyer: 'u1', visitId: 1 }],
    })
  })

  test('a buyer who never came can be blocked; again, and unblocked again, changes nothing', async () => {
    const room = await open()
    const answers = ['changed', 'unchanged', 'changed', 'unchanged'].map((status) => ({ status }))
    const ops = [true, true, false, false].map((is) => ({ buyer: 'eve', blocked: is }))
    expect((await room.done('block', ops)).answers).toEqual(answers)
    await room.block('eve')
    expect(await room.ask('join', { buyer: 'eve' })).toEqual(blocked)
    expect(await room.tend()).toMatchObject({ waiting: 0, tail: 0 })
  })

  test('too late: what is so already is answered, the rest is to be asked again', async () => {
    const room = await open()
    await room.join('ann')
    await room.block('eve')
    const ops = ['eve', 'ann'].flatMap((buyer) => [true, false].map((is) => ({ buyer, blocked: is })))
    expect((await room.done('block', ops, late)).answers.map(({ status }) => status)).toEqual([
      'unchanged',
      'retry',
      'retry',
      'unchanged',
    ])
    expect(await room.ask('join', { buyer: 'eve' }, late)).toEqual(blocked)
    expect(await room.ask('join', { buyer: 'ann' }, late)).toMatchObject({ status: 'placed', number: 1 })
  })

  test('a thousand blocked buyers cost the others nothing', async () => {
    const room = await open()
    for (let from = 0; from < 1_000; from += 250)
      await room.done(
        'block',
        Array.from({ length: 250 }, (_, i) => ({ buyer: `bot${from + i}`, blocked: true })),
      )
    const buyers = ['bot0', 'ann', 'bot999', 'bot1000']
    const { answers } = await room.done(
      'join',
      buyers.map((buyer) => ({ buyer })),
    )
    expect(answers.map(({ status }) => status)).toEqual(['blocked', 'placed', 'blocked', 'placed'])
  })
})
