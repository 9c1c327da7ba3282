import { describe, expect, onTestFinished, test } from 'vitest'
import { FlashSale } from '../../../src/index.js'
import { sourceOf } from '../../../src/sale/flash-sale.js'
import { faultyEngine } from '../../support/faulty-engine.js'
import { clockedMemory } from '../../support/test-clock.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const items = [{ sku: 'a', quantity: 1 }]

/** A sale, and handles that note what they send. */
async function opened(partitions: number, stock = 40) {
  const timed = await clockedMemory()
  const sent: string[] = []
  const watched = faultyEngine(timed.engine, ({ partition, command }) => {
    sent.push(`${command} ${partition}`)
    return 'answered'
  })
  const handle = () => {
    const sale = new FlashSale('launch', { engine: watched })
    onTestFinished(() => sale.close())
    return sale
  }
  const rules = { stock: { a: stock }, holdMs: 60_000, partitions }
  const sale = handle()
  await sale.create(rules)
  sent.length = 0
  return { ...timed, rules, sale, handle, sent, take: () => sent.splice(0) }
}

async function hold(sale: FlashSale, buyer: string) {
  const result = await sale.reserve({ buyer, items })
  if (result.status !== 'reserved') expect.fail(result.status)
  return result.reservation
}

describe.each([1, 2, 4])('a handle that has made no call yet, of a sale of %i', (partitions) => {
  const first = async () => {
    const stage = await opened(partitions)
    const held = await hold(stage.sale, 'u')
    return { ...stage, held, source: sourceOf(stage.handle()), home: Number(stage.take()[0]!.split(' ')[1]) }
  }

  test('gives consumers and ledgers what they need to know of the sale', async () => {
    const { source } = await first()
    expect(await source.describe()).toMatchObject({ rules: { partitions }, incarnation: expect.any(String) })
  })

  test('reads events', async () => {
    const { source, home } = await first()
    expect((await source.read(home, 0)).events).toMatchObject([{ type: 'reserved' }])
  })

  test('reads all reservations', async () => {
    const { source, home, held } = await first()
    expect(await source.scan(home, '')).toMatchObject({ reservations: [{ id: held.id }] })
  })

  test('reads one reservation', async () => {
    const { source, home, held } = await first()
    expect(await source.reservation(home, held.id)).toMatchObject({ id: held.id, state: 'held' })
    const other = held.id.endsWith('-') ? 'A' : '-'
    expect(await source.reservation(home, `${held.id.slice(0, -1)}${other}`)).toBeUndefined()
  })

  test('sweeps', async () => {
    const { source, home, held } = await first()
    expect(await source.sweep(home)).toBe(held.expiresAt)
  })

  test('asks for groups', async () => {
    const { source, home } = await first()
    expect(await source.ask(home, 'groups', {})).toMatchObject({ groups: [] })
  })
})

describe('holds that expire', () => {
  test('of others are swept, once this handle knows a sale of one partition', async () => {
    const { handle, sale, clock, advance, take, sent } = await opened(1)
    await hold(sale, 'u')
    await sale.close()
    const fresh = handle()
    await fresh.stats()
    take()
    await clock.advance(499)
    expect(sent).toEqual([])
    await advance(60_000)
    await clock.advance(251)
    expect(take()).toEqual(['sweep 0'])
    expect((await sourceOf(fresh).read(0, 0)).events.map(({ type }) => type)).toEqual(['reserved', 'expired'])
  })

  test('of others are swept where this handle follows the events, by one sweeper however often it reads', async () => {
    const { handle, clock, take } = await opened(4)
    const source = sourceOf(handle())
    for (let i = 0; i < 5; i++) await source.read(2, 0)
    expect(clock.keptAliveBy).toBe(0)
    take()
    await clock.advance(751)
    expect(take()).toEqual(['sweep 2'])
  })

  test('in partitions that this handle does not use are left to others', async () => {
    const { handle, clock, take } = await opened(4)
    await handle().stats()
    take()
    await clock.advance(120_000)
    expect(take()).toEqual([])
  })

  test('are swept no more by a handle that was closed', async () => {
    const { sale, clock, take } = await opened(4)
    for (const buyer of ['u', 'v', 'w', 'x', 'y']) await hold(sale, buyer)
    await sale.close()
    take()
    await clock.advance(120_000)
    expect(take()).toEqual([])
    expect(clock.keptAliveBy).toBe(0)
  })
})

describe('units in other partitions', () => {
  test.each([2, 3])('are sold to a buyer whose partition, one of %i, has none left', async (partitions) => {
    const { sale, clock } = await opened(partitions, 2 * partitions)
    const results = await clock.during(
      Promise.all(
        Array.from({ length: 2 * partitions + 1 }, (_, i) => sale.reserve({ buyer: `u${i}`, items })),
      ),
    )
    expect(results.filter(({ status }) => status === 'reserved')).toHaveLength(2 * partitions)
    expect(results.filter(({ status }) => status === 'sold_out')).toHaveLength(1)
    expect(await clock.during(sale.audit())).toMatchObject({ ok: true, reservations: 2 * partitions })
  })
})

describe('a sale that this handle has seen', () => {
  test.each([1, 4])('of %i, and in whose place there is another, is lost', async (partitions) => {
    const [one, other] = [await opened(partitions), await opened(partitions)]
    let isOther = false
    const engine = withPartitions(one.engine, (port, index) => {
      const replacement = other.engine.partition('launch', index, partitions)
      return { run: (command, ops, call) => (isOther ? replacement : port).run(command, ops, call) }
    })
    const sale = new FlashSale('launch', { engine })
    onTestFinished(() => sale.close())
    await sale.stats()
    isOther = true
    const lost = {
      code: 'STATE_LOST',
      message: expect.stringMatching(/^the sale "launch" has lost its state/),
    }
    await expect(sale.create(one.rules)).rejects.toMatchObject(lost)
  })
})

test('an abort that came before the call is told, also where the answer is known without asking', async () => {
  const { sale, take } = await opened(1, 1)
  await hold(sale, 'u')
  expect(await sale.reserve({ buyer: 'v', items })).toMatchObject({ status: 'sold_out' })
  take()
  const reason = new Error('no longer wanted')
  await expect(sale.reserve({ buyer: 'v', items }, { signal: AbortSignal.abort(reason) })).rejects.toBe(
    reason,
  )
  expect(take()).toEqual([])
})
