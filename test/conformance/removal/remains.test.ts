import { expect, onTestFinished, test } from 'vitest'
import type { Command, Engine, Op } from '../../../src/engine/engine.js'
import { FlashSale } from '../../../src/index.js'
import { partitionForBuyer } from '../../../src/sale/partitions.js'
import { type Fate, leftIn, removingBy } from '../../support/removal.js'
import { anyTime, onBothEngines } from '../../support/shop.js'

const PARTITIONS = 3
const rules = { stock: { a: 9 }, holdMs: 1_000, partitions: PARTITIONS }

onBothEngines((_, kind) => {
  const handle = (engine: Engine) => {
    const sale = new FlashSale('launch', { engine, deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    return sale
  }
  /** Asks a partition, with nothing between it and the test. */
  async function ask<C extends Command>(
    engine: Engine,
    index: number,
    command: C,
    op: Op<C>,
    incarnation: string | null = null,
  ) {
    const port = engine.partition('launch', index, PARTITIONS)
    await port.ready()
    return port.run(command, [op], { ...anyTime, incarnation })
  }
  /** Eight buyers whose reservations a partition holds. */
  function buyersOf(incarnation: string, index: number): string[] {
    const buyers = Array.from({ length: 200 }, (_, i) => `u${i}`)
    return buyers.filter((buyer) => partitionForBuyer(incarnation, buyer, PARTITIONS) === index).slice(0, 8)
  }
  async function described(engine: Engine) {
    const reply = await ask(engine, 0, 'describe', {})
    if (reply.outcome !== 'done') expect.fail(reply.outcome)
    return reply.answers[0]!
  }

  test('a partition that a late creator has made of a removed sale is erased by the next creator', async () => {
    const timed = await kind.make()
    const old = handle(timed.engine)
    await old.create(rules)
    const { incarnation, rules: stored } = await described(timed.engine)
    await old.end()
    expect(await old.destroy()).toStrictEqual({ status: 'destroyed' })
    for (const index of [1, 2]) {
      await ask(timed.engine, index, 'create', { rules: stored, incarnation, complete: true })
      expect(await leftIn(kind, timed)).toBeGreaterThan(0)
      const next = handle(timed.engine)
      expect(await next.create(rules)).toStrictEqual({ created: true })
      expect(await next.audit()).toMatchObject({ ok: true, skus: { a: { total: 9, available: 9 } } })
      await expect(old.stats()).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await next.end()
      expect(await next.destroy()).toStrictEqual({ status: 'destroyed' })
      expect(await leftIn(kind, timed)).toBe(0)
    }
  })

  test('a handle of a removed sale is told so by a partition that a late creator has made of it', async () => {
    const timed = await kind.make()
    const [old, other] = [handle(timed.engine), handle(timed.engine)]
    await old.create(rules)
    const { incarnation, rules: stored } = await described(timed.engine)
    for (let i = 0; i < 8; i++) await old.reserve({ buyer: `u${i}`, items: [{ sku: 'a', quantity: 1 }] })
    await old.end()
    await other.stats()
    expect(await other.destroy({ force: true })).toStrictEqual({ status: 'destroyed' })
    for (const index of [1, 2])
      await ask(timed.engine, index, 'create', { rules: stored, incarnation, complete: true })
    for (let i = 0; i < 8; i++)
      await expect(old.reserve({ buyer: `u${i}`, items: [{ sku: 'a', quantity: 1 }] })).rejects.toMatchObject(
        { code: 'NOT_FOUND' },
      )
  })

  test.each(['nothing', 'no event'])(
    'a handle that has seen %s of a partition sells no unit there that a late creator has made again',
    async (seen) => {
      const timed = await kind.make()
      const creator = handle(timed.engine)
      await creator.create(rules)
      const old = handle(timed.engine)
      await (seen === 'nothing' ? old.rules() : old.stats())
      const { incarnation, rules: stored } = await described(timed.engine)
      await creator.end()
      expect(await creator.destroy()).toStrictEqual({ status: 'destroyed' })
      const next = handle(timed.engine)
      await next.create({ stock: { b: 1 } })
      for (const index of [1, 2]) {
        await ask(timed.engine, index, 'create', { rules: stored, incarnation, complete: true })
        const asked = buyersOf(incarnation, index).map((buyer) =>
          old.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }] }),
        )
        for (const answer of await Promise.allSettled(asked))
          expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'NOT_FOUND' } })
      }
      await next.end()
      expect(await next.destroy()).toStrictEqual({ status: 'destroyed' })
      expect(await leftIn(kind, timed)).toBe(0)
    },
  )

  /** A handle that has seen nothing of partition 1, which a late creator has made again. */
  async function madeAgain(fateOf: (command: string) => Fate) {
    const timed = await kind.make()
    const creator = handle(timed.engine)
    await creator.create(rules)
    const old = handle(removingBy(timed.engine, fateOf))
    await old.rules()
    const { incarnation, rules: stored } = await described(timed.engine)
    await creator.end()
    expect(await creator.destroy()).toStrictEqual({ status: 'destroyed' })
    await ask(timed.engine, 1, 'create', { rules: stored, incarnation, complete: true })
    const buyers = buyersOf(incarnation, 1)
    const reserve = (i: number) => old.reserve({ buyer: buyers[i]!, items: [{ sku: 'a', quantity: 1 }] })
    return { reserve, left: () => leftIn(kind, timed) }
  }

  test('remains that could not be erased are erased with the next call', async () => {
    let fate: Fate = 'refused'
    const { reserve, left } = await madeAgain((command) => (command === 'erase' ? fate : 'answered'))
    await expect(reserve(0)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.not.stringContaining('is gone with it'),
    })
    expect(await left()).toBeGreaterThan(0)
    fate = 'answered'
    await expect(reserve(1)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await left()).toBe(0)
  })

  test('remains that were believed while the index was away are found once it answers', async () => {
    let fate: Fate = 'refused'
    const { reserve, left } = await madeAgain((command) => (command === 'find' ? fate : 'answered'))
    expect(await reserve(0)).toMatchObject({ status: 'reserved' })
    expect(await reserve(1)).toMatchObject({ status: 'reserved' })
    fate = 'answered'
    // It waits for no answer of the index any more.
    await reserve(2).catch(() => {})
    await expect.poll(left).toBe(0)
    await expect(reserve(3)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a partition of a sale that is not removed stays, though partition 0 is lost', async () => {
    const timed = await kind.make()
    const sale = handle(timed.engine)
    await sale.create(rules)
    const { incarnation } = await described(timed.engine)
    const port = timed.engine.lifecycle!.partition('launch', 0, PARTITIONS)
    await port.run('erase', [{ incarnation }], { ...anyTime, incarnation: null })
    const left = await leftIn(kind, timed)
    await expect(handle(timed.engine).create(rules)).rejects.toMatchObject({ code: 'STATE_LOST' })
    expect(await leftIn(kind, timed)).toBe(left)
  })

  test('a sealed partition is not rebuilt, and is as it was once its seal is ended', async () => {
    const timed = await kind.make()
    const sale = handle(timed.engine)
    await sale.create(rules)
    const held = await sale.reserve({ buyer: 'ann', items: [{ sku: 'a', quantity: 2 }] })
    if (held.status !== 'reserved') expect.fail(held.status)
    await sale.end()
    const { incarnation, rules: stored } = await described(timed.engine)
    for (let index = 0; index < PARTITIONS; index++) {
      const port = timed.engine.lifecycle!.partition('launch', index, PARTITIONS)
      const call = { ...anyTime, incarnation: null }
      const seal = { incarnation, attempt: 1, force: true, dry: false }
      expect(await port.run('seal', [seal], call)).toMatchObject({ answers: [{ status: 'sealed' }] })
      const op = { rules: stored, incarnation, generation: 9 }
      expect(await ask(timed.engine, index, 'rebuild', op)).toMatchObject({ outcome: 'lost' })
      await port.run('unseal', [{ incarnation, attempt: 2 }], call)
    }
    expect(await sale.get(held.reservation.id)).toStrictEqual(held.reservation)
    expect(await sale.audit()).toMatchObject({ ok: true, skus: { a: { held: 2 } } })
  })
})
