import { expect, test } from 'vitest'
import { admitted, onBothEngines, type Room } from '../../support/room.js'

const TOKEN = 1_000_000

/** Takes what is in the bucket. */
async function drain(room: Room): Promise<void> {
  const { tokens, tail } = await room.peek()
  const buyers = Array.from({ length: Math.floor(tokens / TOKEN) }, (_, i) => `d${tail + i + 1}`)
  await room.join(...buyers)
  expect(admitted(await room.come(buyers))).toEqual(buyers)
}

onBothEngines((open) => {
  test('exact over ten thousand odd steps, with idle gaps between them', async () => {
    const room = await open({}, { rate: 333, burst: 1 })
    await drain(room)
    await room.pace(333, 2_000)
    const start = room.now()
    let odd = 12_345
    let minTime = start
    for (let step = 1; step <= 10_000; step++) {
      odd = (odd * 1_103_515_245 + 12_345) % 2 ** 31
      // Most of them within a second, some long enough to count as a gap.
      minTime += step % 1_000 === 0 ? 40_000 + (odd % 9_999) : odd % 401
      if (odd % 3 === 0) await room.done('join', [{ buyer: `u${odd % 50}` }], { minTime })
      else if (odd % 7 === 0) await room.done('leave', [{ buyer: `u${odd % 50}`, visitId: 1 }], { minTime })
      else await room.tend({}, { minTime })
      if (step % 500 === 0) expect((await room.tend({}, { minTime })).tokens).toBe((minTime - start) * 333)
    }
    expect((await room.peek()).tokens).toBeGreaterThan(700 * TOKEN)
  })

  test('one token in a thousand seconds comes after a thousand seconds, and not a ms before', async () => {
    const room = await open({}, { rate: 1, burst: 1 })
    await room.join('ann', 'bob')
    expect(admitted(await room.come(['ann', 'bob']))).toEqual(['ann'])
    await room.advance(999_999)
    expect(await room.come('bob')).toMatchObject({ tokens: 999_999, of: { bob: { status: 'waiting' } } })
    await room.advance(1)
    expect(await room.come('bob')).toMatchObject({ tokens: 0, of: { bob: { status: 'admitted' } } })
  })

  test('never above burst, however long nothing happens', async () => {
    const room = await open({}, { rate: 700, burst: 3 })
    await drain(room)
    await room.advance(4_285)
    expect((await room.tend()).tokens).toBe(4_285 * 700)
    await room.advance(1)
    expect((await room.tend()).tokens).toBe(3 * TOKEN)
    await room.advance(1e11)
    expect((await room.tend()).tokens).toBe(3 * TOKEN)
  })

  test('a burst is admitted at once, and then one by one at the rate', async () => {
    const room = await open({}, { rate: 2_000, burst: 5 })
    const crowd = await room.crowd(12)
    expect(admitted(await room.come(crowd))).toEqual(['u1', 'u2', 'u3', 'u4', 'u5'])
    for (let i = 6; i <= 12; i++) {
      await room.advance(499)
      expect(admitted(await room.come(crowd.slice(5)))).not.toContain(`u${i}`)
      await room.advance(1)
      expect(admitted(await room.come(crowd.slice(5)))).toContain(`u${i}`)
    }
    expect(await room.tend()).toMatchObject({ admitted: 12, tokens: 0 })
  })

  test('a denial never charges', async () => {
    const room = await open({}, { rate: 1_000, burst: 1 })
    const crowd = await room.crowd(50)
    expect(await room.come(crowd)).toMatchObject({ tokens: 0, admitted: 1 })
    await room.advance(999)
    for (let i = 0; i < 20; i++)
      expect(await room.come(crowd)).toMatchObject({ tokens: 999_000, admitted: 1 })
    await room.advance(1)
    expect(await room.come(crowd)).toMatchObject({ tokens: 0, admitted: 2 })
  })

  test('rate 0 admits no visitor, not even with a full bucket; the tokens stay', async () => {
    const room = await open({}, { rate: 0, burst: 4 })
    await room.join('ann', 'bob')
    await room.come(['ann', 'bob'])
    await room.advance(50_000)
    expect(await room.come(['ann', 'bob'])).toMatchObject({ admitted: 0, called: 0, tokens: 4 * TOKEN })
    await room.pace(1)
    expect(admitted(await room.come(['ann', 'bob']))).toEqual(['ann', 'bob'])
    expect((await room.tend()).tokens).toBe(2 * TOKEN)
  })

  test('pause admits no visitor and gains no token; resume goes on where it stood', async () => {
    const room = await open({}, { rate: 1_000, burst: 5 })
    await drain(room)
    await room.join('ann', 'bob')
    await room.advance(1_500)
    expect(await room.control({ action: 'pause' })).toEqual({ status: 'controlled' })
    // Until now it was not paused.
    expect(await room.tend()).toMatchObject({ paused: true, tokens: 1_500_000 })
    await room.advance(30_000)
    expect(await room.come(['ann', 'bob'])).toMatchObject({ admitted: 5, tokens: 1_500_000 })
    await room.control({ action: 'pause' })
    await room.advance(1)
    await room.control({ action: 'resume' })
    expect(await room.peek()).toMatchObject({ paused: false, tokens: 1_500_000 })
    await room.control({ action: 'resume' })
    await room.advance(500)
    expect(admitted(await room.come(['ann', 'bob']))).toEqual(['ann', 'bob'])
    expect((await room.tend()).tokens).toBe(0)
  })

  test('a new pace holds from now on; tokens are gained by the old one until now', async () => {
    const room = await open({}, { rate: 1_000, burst: 9 })
    await drain(room)
    await room.advance(1_000)
    await room.pace(3_000)
    expect(await room.peek()).toMatchObject({ pace: { rate: 3_000, burst: 9 }, tokens: TOKEN })
    await room.advance(1_000)
    expect((await room.tend()).tokens).toBe(4 * TOKEN)
    await room.pace(0)
    await room.advance(1_000)
    expect((await room.tend()).tokens).toBe(4 * TOKEN)
  })

  test('a bucket that got smaller keeps what fits, one that got larger keeps what it had', async () => {
    const room = await open({}, { rate: 1_000, burst: 9 })
    await room.pace(1_000, 4)
    expect(await room.peek()).toMatchObject({ pace: { rate: 1_000, burst: 4 }, tokens: 4 * TOKEN })
    await room.pace(1_000, 20)
    expect((await room.peek()).tokens).toBe(4 * TOKEN)
    await room.advance(20_000)
    expect((await room.tend()).tokens).toBe(20 * TOKEN)
  })

  test('a clock that goes backwards takes no token, and brings them at half its pace', async () => {
    const room = await open({}, { rate: 1_000, burst: 9 })
    await drain(room)
    await room.advance(2_000)
    expect((await room.tend()).tokens).toBe(2 * TOKEN)
    await room.advance(-500_000)
    expect((await room.tend()).tokens).toBe(2 * TOKEN)
    await room.advance(1_000)
    expect((await room.tend()).tokens).toBe(2 * TOKEN + 500_000)
    await room.advance(1_001)
    expect((await room.tend()).tokens).toBe(3 * TOKEN)
  })

  test('large rates: exact to the last millionth', async () => {
    const room = await open({}, { rate: 123_456_789, burst: 1 })
    await drain(room)
    await room.pace(123_456_789, 1_000_000)
    await room.advance(1)
    expect((await room.tend()).tokens).toBe(123_456_789)
    await room.advance(1_993)
    expect((await room.tend()).tokens).toBe(123_456_789 * 1_994)
  })
})
