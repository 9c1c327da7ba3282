import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { FlashSale, memoryEngine, type PollResult, WaitingRoom } from '../../src/index.js'
import { SECRET } from '../support/waiting-room.js'

const closed = (reason: 'sold_out' | 'ended'): PollResult => ({ status: 'closed', reason })

async function all(updates: AsyncIterable<PollResult>): Promise<PollResult[]> {
  const told: PollResult[] = []
  for await (const update of updates) told.push(update)
  return told
}

async function liveRoom(burst = 1) {
  const engine = memoryEngine()
  const sale = new FlashSale('phones', { engine })
  await sale.create({ stock: { a: 100 } })
  const room = new WaitingRoom('launch', { engine, secret: SECRET, ratePerSecond: 20, burst, sale })
  onTestFinished(() => room.close())
  await room.create()
  return { room, sale, engine }
}

test('a live line of watchers, several of one visitor among them: each hears of its turn', async () => {
  const { room } = await liveRoom()
  const joined = await Promise.all(Array.from({ length: 12 }, (_, i) => room.join(`u${i}`)))
  const watchers = [...joined, joined[11]!, joined[11]!].map(({ ticket }) => all(room.updates(ticket)))
  for (const told of await Promise.all(watchers)) {
    expect(told.at(-1)!.status).toBe('admitted')
    const places = told.flatMap((update) => (update.status === 'waiting' ? [update.position] : []))
    expect(places).toEqual([...new Set(places)].toSorted((a, b) => b - a))
  }
})

test('watchers hear that a sale has ended, that they were revoked, and that their handle was closed', async () => {
  const { room, sale, engine } = await liveRoom()
  await room.setRate(0)
  const [ann, bob] = [await room.join('ann'), await room.join('bob')]
  const other = new WaitingRoom('launch', { engine, secret: SECRET, ratePerSecond: 1, sale: 'phones' })
  onTestFinished(() => other.close())
  const ends = [room.updates(ann.ticket), room.updates(bob.ticket), other.updates(bob.ticket)].map(
    (updates) =>
      all(updates).then(
        (told) => told.at(-1),
        (error) => error.code,
      ),
  )
  await delay(50)
  await room.revoke('ann')
  expect(await ends[0]).toBe('PASS_INVALID')
  await other.close()
  expect(await ends[2]).toBe('CLOSED')
  await sale.end()
  expect(await ends[1]).toEqual(closed('ended'))
})

test('a ticket that is none is refused by the iteration, a signal that is none at once', async () => {
  const { room } = await liveRoom()
  const updates = room.updates('nonsense')
  await expect(updates.next()).rejects.toMatchObject({ code: 'PASS_INVALID' })
  for (const signal of [null, 1, {}])
    expect(() => room.updates('nonsense', { signal: signal as never })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
})
