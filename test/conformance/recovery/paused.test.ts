import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Port } from '../../../src/engine/port.js'
import { type Engine, FlashSale, type SaleRules, StockholdError } from '../../../src/index.js'
import { MemoryEngine } from '../../../src/memory-engine/memory-engine.js'
import { contextOf } from '../../../src/sale/flash-sale.js'
import type { EngineKind, RedisKind, TimedEngine } from '../../support/engines.js'
import { pass, processesOn } from '../../support/heartbeat.js'
import { ann, operating } from '../../support/operations.js'
import { askPort } from '../../support/removal.js'
import { faultOf } from '../../support/secrets.js'
import { seeded } from '../../support/seeds.js'
import { onBothEngines } from '../../support/shop.js'
import type { ClockedEngine } from '../../support/test-clock.js'
import { withPorts } from '../../support/wrapped-engine.js'

/** How Redis loses what it had acknowledged. */
const losses = ['all partitions', 'the last partition', 'the history', 'the history of the last'] as const
type Loss = (typeof losses)[number]

const order = (buyer: string) => ({ buyer, items: [{ sku: 'mango', quantity: 1 }] })

/** Two processes that have sold, and what Redis has lost since. */
async function stage(
  kind: EngineKind,
  partitions: number,
  loss: Loss | 'nothing',
  times?: (now: number) => Pick<SaleRules, 'opensAt' | 'closesAt'>,
) {
  const timed = await kind.make()
  const worlds = processesOn(timed, 2)
  const [world] = worlds as [ClockedEngine, ClockedEngine]
  /** Decides what becomes of a command that this process sends. */
  let fateOf = (_process: number): Fate => 'answered'
  /** Called after each command that was carried out. */
  let after = async () => {}
  const process = (number: number, { engine }: ClockedEngine): Engine => {
    let isDead = false
    const faulty = (port: Port<never>): Port<never> => ({
      ...port,
      run: async (command, ops, call) => {
        if (isDead) return new Promise(() => {})
        const fate = fateOf(number)
        isDead = fate === 'dies'
        const reply = await port.run(command, ops, call)
        await after()
        if (fate === 'answered') return reply
        throw new StockholdError('UNKNOWN_OUTCOME', 'the reply was lost')
      },
    })
    return withPorts(engine, faulty, true)
  }
  const opened = (engine: Engine) => {
    const sale = new FlashSale('launch', { engine })
    onTestFinished(() => sale.close())
    return sale
  }
  const sales = worlds.map((one, i) => opened(process(i, one)))
  for (const [i, sale] of sales.entries()) {
    await sale.create({ stock: { mango: 40 }, partitions, holdMs: 3_600_000, ...times?.(timed.now()) })
    for (let j = 0; j < 4 && !times; j++)
      expect(await sale.reserve(order(`u-${i}-${j}`))).toMatchObject({ status: 'reserved' })
  }
  await pass(world, 2)
  const { incarnation } = contextOf(sales[0]!).client.partitions
  const lose = async (what: Loss) => {
    for (const index of damagedBy(what, partitions))
      await damage(kind, timed, index, partitions, what, incarnation!)
  }
  if (loss !== 'nothing') await lose(loss)
  const damaged = damagedBy(loss, partitions)
  // The clock stands still until it has answered.
  const observer = world.clock.drive(timed.engine)
  /** Whether a partition is there and not frozen, and whether it sells. */
  const look = async (index: number) => {
    const port = observer.lifecycle!.partition('launch', index, partitions)
    const found = await askPort(port as never, 'inspect' as never, {} as never)
    const { status, frozen, state } = found as { status: string; frozen?: boolean; state?: string }
    const isLive = status === 'found' && frozen === false
    return { isLive, sells: isLive && state === 'open' }
  }
  /** No partition sells once one of those that were lost, or frozen, is back. */
  const check = async () => {
    const all = await Promise.all(Array.from({ length: partitions }, (_, index) => look(index)))
    if (damaged.some((index) => all[index]!.isLive) && all.some(({ sells }) => sells))
      throw new Error(`it sells: ${JSON.stringify(all)}`)
  }
  const watch = (fate: (process: number) => Fate) => {
    const seen: { error?: unknown } = {}
    fateOf = fate
    after = async () => {
      const error = await check().catch((found) => found)
      seen.error ??= error
    }
    return seen
  }
  const outside = () => process(2, { ...world, engine: world.clock.drive(timed.engine, true) })
  /** Partitions are as old as they were before the pause. */
  const forgetPauses = async (indices: readonly number[]) => {
    for (const index of indices) {
      const port = timed.engine.partition('launch', index, partitions)
      const call = { incarnation: incarnation!, deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
      const reply = await port.run('control', [{ action: 'resume' }], { ...call, bypassFreeze: true })
      expect(reply.outcome).toBe('done')
    }
  }
  const forgetPause = () => forgetPauses([partitions - 1])
  return { world, sales, outside, watch, lose, look, timed, forgetPause, forgetPauses }
}

type Fate = 'answered' | 'reply lost' | 'dies'

function damagedBy(loss: Loss | 'nothing', partitions: number): number[] {
  return Array.from({ length: partitions }, (_, i) => i).slice(loss.includes('last') ? -1 : 0)
}

async function damage(
  kind: EngineKind,
  timed: TimedEngine,
  index: number,
  partitions: number,
  loss: Loss,
  incarnation: string,
): Promise<void> {
  if (loss.includes('history')) {
    const lastSeen = { generation: 1, sequence: 1_000, batchId: 'lost' }
    const call = { incarnation, deadline: Number.MAX_SAFE_INTEGER, minTime: 0, lastSeen }
    const reply = await timed.engine.partition('launch', index, partitions).run('stats', [{}], call)
    expect(reply.outcome).toBe('rolled_back')
  } else if (kind.name === 'memory') {
    expect((timed.engine as MemoryEngine).partitions.delete(`${index}:launch`)).toBe(true)
  } else {
    const client = (kind as RedisKind).client()
    const name = partitions === 1 ? 'launch' : `launch:${index}`
    const keys = await client.keys(`{${timed.prefix}:${name}*`)
    expect(await client.del(...keys)).toBeGreaterThan(0)
  }
}

/** Redis has lost every request, and with it every process that had beaten. */
async function loseRequests(kind: EngineKind, timed: TimedEngine): Promise<void> {
  if (kind.name === 'memory') {
    const engine = timed.engine as MemoryEngine
    engine.heartbeats = new MemoryEngine(Date.now, () => 0).heartbeats
  } else {
    const client = (kind as RedisKind).client()
    const keys = await client.keys(`{${timed.prefix}:heartbeat*`)
    expect(await client.del(...keys)).toBeGreaterThan(0)
  }
}

onBothEngines((_, kind) => {
  describe.each([1, 4])('over %i partitions', (partitions) => {
    /** Lets time pass until the call has ended; `undefined`: it never does. */
    async function ended<T>(world: ClockedEngine, call: Promise<T>): Promise<T | undefined> {
      let isOver = false
      const end = () => {
        isOver = true
      }
      call.then(end, end)
      for (let i = 0; i < 90 && !isOver; i++) await pass(world, 1)
      return isOver ? call : undefined
    }

    test.each(losses)(
      'a sale that lost %s is paused before it could sell, and its stock is corrected',
      async (loss) => {
        const { world, sales, outside, watch } = await stage(kind, partitions, loss)
        const seen = watch(() => 'answered')
        const operations = operating(outside())
        const everywhere = { waitFor: 2, timeoutMs: 60_000 }
        const recovered = await ended(
          world,
          operations.recover('launch', { from: 'replay', paused: true, everywhere }, ann),
        )
        expect(recovered!.result).toMatchObject({
          state: 'paused',
          restored: 8,
          processes: { resumed: true },
        })
        expect(seen.error).toBeUndefined()
        expect(await sales[0]!.reserve(order('v'))).toEqual({ status: 'paused' })
        expect(
          (await operations.restock('launch', { sku: 'mango', quantity: -30, key: 'k' }, ann)).result,
        ).toMatchObject({ applied: -30 })
        watch(() => 'answered').error = undefined
        expect((await operations.resume('launch', ann)).result).toEqual({ state: 'open' })
        expect((await sales[0]!.stats()).skus.mango).toMatchObject({ total: 10, available: 2, held: 8 })
      },
    )

    test.each(losses)('one handle recovers a sale that lost %s, and has it paused', async (loss) => {
      const { sales, watch } = await stage(kind, partitions, loss)
      const seen = watch(() => 'answered')
      expect(await sales[0]!.recover({ from: 'replay', paused: true })).toMatchObject({ state: 'paused' })
      expect(seen.error).toBeUndefined()
      expect(await sales[1]!.reserve(order('v'))).toEqual({ status: 'paused' })
      expect(await sales[0]!.recover({ from: 'accept', paused: true })).toMatchObject({ state: 'paused' })
      expect(await sales[0]!.resume()).toBe('open')
      expect(await sales[1]!.reserve(order('v'))).toMatchObject({ status: 'reserved' })
    })

    test('replies are lost and processes die at any step: it never sells, and the same command again completes it', async () => {
      const steps = fc.record({
        loss: fc.constantFrom(...losses),
        step: fc.integer({ min: 0, max: partitions * 60 }),
        fate: fc.constantFrom<Fate>('reply lost', 'dies'),
      })
      await fc.assert(
        fc.asyncProperty(steps, async ({ loss, step, fate }) => {
          const { world, outside, watch } = await stage(kind, partitions, loss)
          let count = 0
          const seen = watch(() => (count++ === step ? fate : 'answered'))
          const everywhere = { waitFor: 2, timeoutMs: 20_000 }
          for (let attempt = 0; ; attempt++) {
            if (attempt === 5) expect.fail('it is never recovered')
            const operations = operating(outside())
            // The process that died is waited for no more.
            const options = { from: 'replay', paused: true, unfreeze: true, everywhere } as const
            const done = await ended(
              world,
              operations.recover('launch', options, ann).catch(() => undefined),
            )
            if (done?.result.state === 'paused') break
          }
          if (seen.error) throw seen.error
        }),
        seeded(kind.name === 'memory' ? 60 : 30),
      )
    })

    test.each(['the history', 'the history of the last'] as const)(
      'a sale that lost %s is paused while it is frozen, and stays so when it is unfrozen',
      async (loss) => {
        const { world, sales, outside } = await stage(kind, partitions, loss)
        const operations = operating(outside())
        expect((await operations.pause('launch', ann)).result).toEqual({ state: 'paused' })
        expect(await sales[0]!.pause()).toBe('paused')
        await faultOf(operations.resume('launch', ann), 'ROLLBACK_DETECTED')
        expect(await operations.show('launch')).toMatchObject({ state: 'frozen' })
        const everywhere = { waitFor: 2, timeoutMs: 60_000 }
        const { result } = (await ended(
          world,
          operations.recover('launch', { from: 'replay', everywhere }, ann),
        ))!
        expect(result).toMatchObject({ state: 'paused', processes: { resumed: true } })
        expect(await sales[1]!.reserve(order('v'))).toEqual({ status: 'paused' })
      },
    )

    test('the loss itself may be found by the pause', async () => {
      const { sales } = await stage(kind, partitions, 'nothing')
      const { history } = contextOf(sales[0]!).client.partitions.session(0)
      history.advanceTo({ ...history.lastSeen!, sequence: 2_000, batchId: 'lost' })
      expect(await sales[0]!.pause()).toBe('paused')
      await faultOf(sales[1]!.stats(), 'ROLLBACK_DETECTED')
      expect(await sales[1]!.recover({ from: 'accept' })).toMatchObject({ state: 'paused' })
    })

    test('the state of the sale is told, whatever it is', async () => {
      const { world, sales } = await stage(kind, partitions, 'the history')
      expect(await sales[0]!.recover({ from: 'replay', unfreeze: false })).toMatchObject({ state: 'frozen' })
      expect(await sales[0]!.recover({ from: 'replay' })).toMatchObject({ state: 'open' })
      await sales[0]!.end()
      const everywhere = { waitFor: 2, timeoutMs: 60_000 }
      expect(
        await ended(world, sales[0]!.recover({ from: 'replay', paused: true, everywhere })),
      ).toMatchObject({
        state: 'ended',
      })
      await faultOf(sales[0]!.recover({ from: 'replay', paused: true, unfreeze: false }), 'INVALID_ARGUMENT')
    })
  })

  test('if Redis loses the request, and with it the pause, the sale is paused at once again', async () => {
    const { world, outside, look, timed, forgetPauses } = await stage(kind, 4, 'the last partition')
    const operations = operating(outside())
    const live = [0, 1, 2]
    const selling = () => Promise.all(live.map(async (index) => (await look(index)).sells))
    expect(await selling()).toEqual([true, true, true])
    const everywhere = { waitFor: 3, timeoutMs: 20_000 }
    const call = operations.recover('launch', { from: 'replay', paused: true, everywhere }, ann)
    await pass(world, 1)
    expect(await selling()).toEqual([false, false, false])
    await forgetPauses(live)
    await loseRequests(kind, timed)
    expect(await selling()).toEqual([true, true, true])
    await pass(world, 2)
    expect(await selling()).toEqual([false, false, false])
    for (let i = 0; i < 30; i++) await pass(world, 1)
    expect((await call).result).toMatchObject({ processes: { lacking: 1, resumed: false } })
  })

  test.each(['pause', 'end'] as const)(
    'a partition that is made again obeys the %s of the others',
    async (action) => {
      const { sales, lose } = await stage(kind, 4, 'nothing')
      const state = await sales[0]!.pause()
      if (action === 'end') expect(await sales[0]!.end()).toBe('ended')
      else expect(state).toBe('paused')
      await lose('the last partition')
      await sales[1]!.recover({ from: 'accept' })
      const buyers = Array.from({ length: 40 }, (_, i) => `v-${i}`)
      const answers = await Promise.all(buyers.map((buyer) => sales[1]!.reserve(order(buyer))))
      const expected = action === 'end' ? 'ended' : 'paused'
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([expected]))
    },
  )

  /** What each of many buyers is told, over all partitions. */
  async function told(sale: FlashSale): Promise<Set<string>> {
    const buyers = Array.from({ length: 40 }, (_, i) => `w-${i}`)
    return new Set(
      (await Promise.all(buyers.map((buyer) => sale.reserve(order(buyer))))).map(({ status }) => status),
    )
  }

  const lost = ['the last partition', 'the history of the last'] as const

  test.each(lost)(
    '%s lost: a sale that was paused before it opens is paused when it has opened',
    async (loss) => {
      const times = (now: number) => ({ opensAt: now + 60_000 })
      const { world, sales, lose, forgetPause } = await stage(kind, 4, 'nothing', times)
      expect(await sales[0]!.pause()).toBe('not_started')
      await lose(loss)
      if (loss === 'the history of the last') await forgetPause()
      expect(await sales[1]!.recover({ from: 'accept' })).toMatchObject({ state: 'not_started' })
      await pass(world, 61)
      expect(await told(sales[1]!)).toEqual(new Set(['paused']))
    },
  )

  test.each(lost.flatMap((loss) => (['pause', 'end'] as const).map((action) => ({ loss, action }))))(
    '$loss lost after closesAt: the $action is kept when the sale is opened again',
    async ({ loss, action }) => {
      const times = (now: number) => ({ closesAt: now + 60_000 })
      const { world, sales, lose, timed, forgetPause } = await stage(kind, 4, 'nothing', times)
      await sales[0]![action]()
      await pass(world, 61)
      await lose(loss)
      if (loss === 'the history of the last' && action === 'pause') await forgetPause()
      expect(await sales[1]!.recover({ from: 'accept' })).toMatchObject({ state: 'ended' })
      await sales[1]!.update({ closesAt: timed.now() + 600_000 })
      expect(await told(sales[1]!)).toEqual(new Set([action === 'pause' ? 'paused' : 'ended']))
    },
  )

  test('a sale that closes while it is recovered is opened again by a later closesAt', async () => {
    for (let step = 0, isPast = false; !isPast; step++) {
      const times = (now: number) => ({ closesAt: now + 60_000 })
      const { world, sales, lose, timed, watch } = await stage(kind, 4, 'nothing', times)
      await lose('the last partition')
      let count = 0
      let closing: Promise<void> | undefined
      watch(() => {
        if (count++ === step) closing = world.advance(61_000)
        return 'answered'
      })
      // A call may wait, since the time of the server has moved on.
      await world.clock.during(sales[1]!.recover({ from: 'accept' }))
      isPast = closing === undefined
      await closing
      watch(() => 'answered')
      await world.clock.during(sales[1]!.update({ closesAt: timed.now() + 600_000 }))
      expect(await world.clock.during(told(sales[1]!)), `step ${step}`).toEqual(new Set(['reserved']))
    }
  })

  test('a sale that was closed by its time is paused by a recovery, and is so when it is opened again', async () => {
    const times = (now: number) => ({ closesAt: now + 60_000 })
    const { world, sales, lose, timed } = await stage(kind, 4, 'nothing', times)
    await pass(world, 61)
    await lose('all partitions')
    expect(await sales[0]!.recover({ from: 'replay', paused: true })).toMatchObject({ state: 'ended' })
    await sales[0]!.update({ closesAt: timed.now() + 600_000 })
    expect(await told(sales[0]!)).toEqual(new Set(['paused']))
  })

  test('no process has recovered it: a partition that has forgotten the pause is paused all the same', async () => {
    const { world, sales, outside, lose, forgetPause } = await stage(kind, 4, 'nothing')
    await sales[0]!.pause()
    await Promise.all(sales.map((sale) => sale.close()))
    await lose('the history of the last')
    await forgetPause()
    const everywhere = { waitFor: 2, timeoutMs: 5_000 }
    const options = { from: 'replay', unfreeze: true, everywhere } as const
    const asked = operating(outside()).recover('launch', options, ann)
    for (let i = 0; i < 30; i++) await pass(world, 1)
    expect((await asked).result).toMatchObject({ state: 'paused', processes: { resumed: true } })
    const engine = outside()
    const sale = new FlashSale('launch', { engine })
    onTestFinished(() => sale.close())
    expect(await told(sale)).toEqual(new Set(['paused']))
  })

  test('partitions that still sell are paused at once, while the processes are waited for', async () => {
    const { world, sales, outside } = await stage(kind, 4, 'the history of the last')
    const everywhere = { waitFor: 3, timeoutMs: 5_000 }
    const options = { from: 'replay', paused: true, everywhere } as const
    const asked = operating(outside()).recover('launch', options, ann)
    for (let i = 0; i < 30; i++) await pass(world, 1)
    expect((await asked).result).toMatchObject({ state: 'frozen', processes: { resumed: false } })
    const buyers = Array.from({ length: 40 }, (_, i) => sales[0]!.reserve(order(`v-${i}`)))
    const outcomes = (await Promise.allSettled(buyers)).map((one) =>
      one.status === 'fulfilled' ? one.value.status : one.reason.code,
    )
    expect(new Set(outcomes)).toEqual(new Set(['paused', 'ROLLBACK_DETECTED']))
  })
})
