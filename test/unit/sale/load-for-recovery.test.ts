import { describe, expect, onTestFinished, test } from 'vitest'
import type { Engine } from '../../../src/engine/engine.js'
import type { LogOffset } from '../../../src/engine/port.js'
import { FlashSale } from '../../../src/index.js'
import type { Acknowledged } from '../../../src/sale/acknowledged-reservations.js'
import { AcknowledgementCache } from '../../../src/sale/acknowledgement-cache.js'
import { normalizeRules } from '../../../src/sale/rules.js'
import { FakeLedger } from '../../support/fake-ledger.js'
import { faultyEngine } from '../../support/faulty-engine.js'
import { clockedMemory } from '../../support/test-clock.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const items = [{ sku: 'a', quantity: 1 }]
const SALE = 'launch'

function handle(engine: Engine): FlashSale {
  const sale = new FlashSale(SALE, { engine })
  onTestFinished(() => sale.close())
  return sale
}

async function opened(partitions = 1) {
  const { engine } = await clockedMemory()
  const rules = { stock: { a: 40 }, holdMs: 60_000, partitions }
  const ledger = new FakeLedger()
  /** A ledger that has followed a sale of these rules, with that token. */
  const followed = (incarnation: string, lastSeen: readonly (LogOffset | null)[] = []) => {
    const recoverySource = async () => new AcknowledgementCache()
    ledger.record = { rules: normalizeRules(rules), incarnation, lastSeen, recoverySource }
  }
  return { engine, rules, ledger, followed }
}

async function tokenOf(engine: Engine, partitions: number): Promise<string> {
  const port = engine.partition(SALE, 0, partitions)
  const reply = await port.run('describe', [{}], {
    incarnation: null,
    deadline: Number.MAX_SAFE_INTEGER,
    minTime: 0,
  })
  if (reply.outcome !== 'done') expect.fail(reply.outcome)
  return reply.answers[0]!.incarnation
}

describe('a sale that the ledger has never followed', () => {
  test('cannot be recovered from it, and nothing is asked of the engine', async () => {
    const { engine, ledger } = await opened()
    const asked: string[] = []
    const sale = handle(
      faultyEngine(engine, ({ command }) => {
        asked.push(command)
        return 'answered'
      }),
    )
    await expect(sale.recover({ from: ledger })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'the ledger has never followed the sale "launch"',
    })
    expect(asked).toEqual([])
  })
})

describe.each([1, 4])('a sale of %i that a ledger has followed', (partitions) => {
  test('and that the engine knows nothing of is made by its rules and its token', async () => {
    const { engine, ledger, followed } = await opened(partitions)
    followed('the-token-of-it')
    const sale = handle(engine)
    expect(await sale.recover({ from: ledger })).toEqual({
      restored: 0,
      refused: [],
      forgotten: 0,
      state: 'open',
    })
    expect(await tokenOf(engine, partitions)).toBe('the-token-of-it')
    expect((await sale.stats()).skus.a).toMatchObject({ total: 40, available: 40 })
    for (let i = 0; i < 8; i++)
      expect(await sale.reserve({ buyer: `u${i}`, items })).toMatchObject({ status: 'reserved' })
    expect(await sale.audit()).toMatchObject({ ok: true, reservations: 8 })
  })

  test('goes on from beyond every point of its history that was seen', async () => {
    const { engine, ledger, followed } = await opened(partitions)
    followed(
      'the-token-of-it',
      Array.from({ length: partitions }, (_, i) => ({ generation: 5 + i, sequence: 9, batchId: 'm' })),
    )
    await handle(engine).recover({ from: ledger })
    const port = engine.partition(SALE, 0, partitions)
    const call = { incarnation: 'the-token-of-it', deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
    const reply = await port.run('events', [{ after: 0, reservations: false }], call)
    if (reply.outcome !== 'done') expect.fail(reply.outcome)
    expect(reply.offset!.generation).toBeGreaterThan(4 + partitions)
  })

  test('and that is there with more than was seen needs nothing but its freeze ended', async () => {
    const { engine, rules, ledger, followed } = await opened(partitions)
    const sale = handle(engine)
    await sale.create(rules)
    const { reservation } = (await sale.reserve({ buyer: 'u', items })) as never as {
      reservation: { id: string }
    }
    followed(
      await tokenOf(engine, partitions),
      Array.from({ length: partitions }, () => null),
    )
    const fresh = handle(engine)
    expect(await fresh.recover({ from: ledger })).toMatchObject({ restored: 0, refused: [] })
    expect(await fresh.get(reservation.id)).toMatchObject({ state: 'held' })
  })

  test('is frozen by what the ledger has seen beyond it, before the ledger tells what it has', async () => {
    const { engine, rules, ledger, followed } = await opened(partitions)
    const sale = handle(engine)
    await sale.create(rules)
    followed(
      await tokenOf(engine, partitions),
      Array.from({ length: partitions }, (_, i) =>
        i === partitions - 1 ? { generation: 1, sequence: 99, batchId: 'later' } : null,
      ),
    )
    let found = ''
    const frozen = () =>
      sale.stats().then(
        () => 'sells',
        (error) => error.code,
      )
    ledger.record = {
      ...ledger.record!,
      recoverySource: async () => {
        found = await frozen()
        return new AcknowledgementCache()
      },
    }
    await handle(engine).recover({ from: ledger })
    expect([found, await frozen()]).toEqual(['ROLLBACK_DETECTED', 'sells'])
  })

  test('gets back what the ledger has and the engine has forgotten', async () => {
    const { engine, ledger, followed } = await opened(partitions)
    const before = await opened(partitions)
    const sale = handle(before.engine)
    await sale.create(before.rules)
    const told: Acknowledged[] = []
    for (const buyer of ['u', 'v', 'w']) {
      const result = await sale.reserve({ buyer, items })
      if (result.status !== 'reserved') expect.fail(result.status)
      const { id, createdAt, expiresAt } = result.reservation
      const held = { state: 'held', key: null, createdAt, expiresAt, paymentId: null } as const
      told.push({ reservation: { id, buyer, cart: [[0, 1]], ...held }, refundDue: null, restocked: false })
    }
    followed(await tokenOf(before.engine, partitions))
    async function* furtherPayments() {}
    async function* reservations(kind: string) {
      if (kind === 'held') yield told
    }
    ledger.record = {
      ...ledger.record!,
      recoverySource: async () => ({
        restocks: [],
        moves: [],
        counts: [],
        state: 'paused',
        reservations,
        furtherPayments,
      }),
    }
    const fresh = handle(engine)
    expect(await fresh.recover({ from: ledger })).toEqual({
      restored: 3,
      refused: [],
      forgotten: 0,
      state: 'paused',
    })
    expect(await fresh.stats()).toMatchObject({ state: 'paused', skus: { a: { held: 3, available: 37 } } })
  })

  test('is not this one where another sale has its name', async () => {
    const { engine, rules, ledger, followed } = await opened(partitions)
    await handle(engine).create(rules)
    followed('another')
    await expect(handle(engine).recover({ from: ledger })).rejects.toMatchObject({
      code: 'STATE_LOST',
      message: 'the ledger knows another sale "launch": this one is not it',
    })
  })

  test('is not taken for gone where the engine is away', async () => {
    const { engine, rules, ledger, followed } = await opened(partitions)
    await handle(engine).create(rules)
    followed('another')
    const away = faultyEngine(engine, () => 'refused')
    await expect(handle(away).recover({ from: ledger })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

test('a handle that knows a sale does not take over another of the name from a ledger when its own is gone', async () => {
  const { rules, ledger, followed } = await opened()
  const first = (await opened()).engine
  const second = (await opened()).engine
  let isLost = false
  const engine = withPartitions(first, (port, index) => {
    const replacement = second.partition(SALE, index, 1)
    return { run: (command, ops, call) => (isLost ? replacement : port).run(command, ops, call) }
  })
  const sale = handle(engine)
  await sale.create(rules)
  isLost = true
  followed('another')
  await expect(sale.recover({ from: ledger })).rejects.toMatchObject({ code: 'STATE_LOST' })
})
