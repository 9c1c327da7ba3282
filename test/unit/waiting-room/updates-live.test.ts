import { expect, onTestFinished, test } from 'vitest'
import { joined } from '../../../scripts/lib/joined.js'
import { FlashSale, memoryEngine, type PollResult, WaitingRoom } from '../../../src/index.js'
import { SECRET } from '../../support/waiting-room.js'

async function all(updates: AsyncIterable<PollResult>): Promise<PollResult[]> {
  const told: PollResult[] = []
  for await (const update of updates) told.push(update)
  return told
}

async function liveRoom(burst = 1) {
  const engine = memoryEngine()
  const sale = new FlashSale('phones', { engine, deadlineMs: 60_000 })
  await sale.create({ stock: { a: 100 } })
  const patient = { engine, secret: SECRET, deadlineMs: 60_000 }
  const room = new WaitingRoom('launch', { ...patient, ratePerSecond: 20, burst, sale })
  onTestFinished(() => engine.close())
  onTestFinished(() => room.close())
  await room.create()
  return { room, sale, engine }
}

test('a live line of watchers, several of one visitor among them: each hears of its turn', async () => {
  const { room } = await liveRoom()
  const visitors = await Promise.all(Array.from({ length: 12 }, (_, i) => joined(room.join(`u${i}`))))
  const watchers = [...visitors, visitors[11]!, visitors[11]!].map(({ ticket }) => all(room.updates(ticket)))
  for (const told of await Promise.all(watchers)) {
    expect(told.at(-1)!.status).toBe('admitted')
    const places = told.flatMap((update) => (update.status === 'waiting' ? [update.position] : []))
    expect(places).toEqual([...new Set(places)].toSorted((a, b) => b - a))
  }
})

test('watchers hear that a sale has ended and that they were revoked; those of a closed handle hear no more', async () => {
  const { room, sale, engine } = await liveRoom()
  await room.setRate(0)
  const [ann, bob] = [await joined(room.join('ann')), await joined(room.join('bob'))]
  const other = new WaitingRoom('launch', {
    ...{ engine, secret: SECRET, ratePerSecond: 1, sale: 'phones', deadlineMs: 60_000 },
  })
  onTestFinished(() => other.close())
  const told: PollResult[][] = [[], [], []]
  const watchers = [room.updates(ann.ticket), room.updates(bob.ticket), other.updates(bob.ticket)]
  const ends = watchers.map(async (updates, i) => {
    for await (const update of updates) told[i]!.push(update)
  })
  await expect.poll(() => told.every(({ length }) => length > 0)).toBe(true)
  await room.revoke('ann')
  await expect(ends[0]).rejects.toMatchObject({ code: 'TICKET_INVALID' })
  await other.close()
  await ends[2]
  expect(told[2]!.at(-1)).toMatchObject({ status: 'waiting' })
  expect(() => other.updates(bob.ticket)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  await sale.end()
  await ends[1]
  expect(told[1]!.at(-1)).toEqual({ status: 'closed', reason: 'ended' })
})

test('what is no ticket, or no signal, is refused at once', async () => {
  const { room } = await liveRoom()
  for (const ticket of ['nonsense', undefined, {}])
    expect(() => room.updates(ticket as never)).toThrow(expect.objectContaining({ code: 'TICKET_INVALID' }))
  for (const signal of [null, 1, {}])
    expect(() => room.updates('nonsense', { signal: signal as never })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
})
