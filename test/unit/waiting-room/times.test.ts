import { describe, expect, test } from 'vitest'
import { GAP_MS, PRESENT_MS, SHOW_MS, STOCK_MS, TOKEN } from '../../../src/engine/room.js'
import { memoryKind } from '../../support/engines.js'
import { Room } from '../../support/room.js'

/** A room of the memory engine with a crowd in line. */
async function opened(size: number, rules: object = {}, pace: object = {}) {
  const room = await Room.open(await memoryKind().make(), rules, pace)
  await room.crowd(size)
  return room
}

test('the times that are documented are what they are documented to be', () => {
  expect({ TOKEN, SHOW_MS, PRESENT_MS, STOCK_MS, GAP_MS }).toEqual({
    ...{ TOKEN: 1_000_000, SHOW_MS: 2_000, PRESENT_MS: 3_000, STOCK_MS: 1_000, GAP_MS: 2_000 },
  })
})

describe('at the door', () => {
  test('a visitor who joined is called up after 2 seconds, before coming', async () => {
    const room = await opened(5)
    await room.advance(1_999)
    expect((await room.tend()).called).toBe(0)
    await room.advance(1)
    expect((await room.tend()).called).toBeGreaterThan(0)
  })

  test.each([
    [3_000, 1],
    [3_001, 0],
  ])('a visit %i ms ago is worth %i turn', async (ms, turns) => {
    const room = await opened(2, {}, { rate: 1, burst: 1 })
    await room.come(['u1', 'u2'])
    for (let left = ms; left > 0; left -= 1_000) {
      if (left <= 1_000) await room.pace(1_000_000)
      await room.advance(Math.min(left, 1_000))
      await room.tend()
    }
    expect((await room.peek()).turns).toHaveLength(turns)
  })

  test.each([
    [2_000, 1],
    [2_001, 0],
  ])('after %i ms without a tick, %i of the visitors who came before are left', async (ms, turns) => {
    const room = await opened(2, {}, { rate: 1, burst: 1 })
    await room.come(['u1', 'u2'])
    await room.pace(1_000_000)
    await room.advance(ms)
    expect((await room.tend()).turns).toHaveLength(turns)
  })

  test.each([
    [1_000, 1],
    [1_001, 0],
  ])('a reading of the stock %i ms ago lets %i in', async (ms, inside) => {
    const room = await opened(1, { sale: 'launch' })
    const stock = room.stock(10)
    await room.tend({ stock })
    await room.advance(ms)
    await room.come('u1')
    expect((await room.peek()).admitted).toBe(inside)
  })
})

test('no visitor is called beyond 64 more than were called 2 seconds ago, in a queue of any length', async () => {
  const room = await opened(500)
  expect((await room.tend()).called).toBe(0)
  await room.advance(2_000)
  expect((await room.tend()).called).toBe(64)
  // Whoever was called just now has had no time to come.
  for (const ms of [0, 1, 998, 1_000]) {
    await room.advance(ms)
    expect((await room.tend()).called).toBe(64)
  }
  await room.advance(1)
  expect((await room.tend()).called).toBeGreaterThan(64)
})
