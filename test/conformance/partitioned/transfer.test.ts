import { expect, test } from 'vitest'
import type { Command } from '../../../src/engine/engine.js'
import type { FlashSale } from '../../../src/index.js'
import { mintId } from '../../../src/sale/partitions.js'
import { onBothPartitioned, type PartitionedShop } from '../../support/partitioned.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const a = (quantity: number) => [{ sku: 'a', quantity }]

/** A hold of two units in partition 1, and a receiver in partition 2. */
async function onTheWay(shop: PartitionedShop) {
  const [guest, ann] = [await shop.buyerIn(1), await shop.buyerIn(2)]
  const result = await shop.sale.reserve({ buyer: guest, items: a(2), key: 'k' })
  if (result.status !== 'reserved') expect.fail(result.status)
  return { guest, ann, held: result.reservation, id: result.reservation.id }
}

/** A process that dies after so many calls; with `lost`, the answer of the last one is lost too. */
function dying(shop: PartitionedShop, steps: number, lost: boolean): FlashSale {
  let left = steps
  const dead = () => Promise.reject(new Error('killed'))
  return shop.handle(
    withPartitions(shop.clock.engine, (partition) => ({
      ready: () => partition.ready(),
      async run(command, ops, call) {
        if (left-- <= 0) return dead()
        const reply = await partition.run(command, ops, call)
        return lost && left === 0 ? dead() : reply
      },
    })),
  )
}

/** What is tried after the death of a process, and what must come of it. */
const sequels: Record<string, (shop: PartitionedShop, of: Awaited<ReturnType<typeof onTheWay>>) => unknown> =
  {
    async 'the same transfer'({ sale }, { id, ann, guest, held }) {
      const moved = await sale.transfer(id, { to: ann, from: guest })
      if (moved.status !== 'transferred') expect.fail(moved.status)
      const reservation = { ...held, id: moved.reservation.id, buyer: ann, key: null }
      expect(moved.reservation).toStrictEqual(reservation)
      expect(await sale.get(id)).toStrictEqual(reservation)
    },
    async 'a payment'({ sale }, { id }) {
      const paid = await sale.confirm(id, { paymentId: 'p' })
      expect(paid).toMatchObject({ status: 'confirmed', replayed: false })
      expect(await sale.confirm(id, { paymentId: 'p' })).toStrictEqual({ ...paid, replayed: true })
    },
    async 'a release'({ sale }, { id }) {
      expect(await sale.release(id)).toMatchObject({ status: 'released', replayed: false })
      expect((await sale.stats()).skus.a).toMatchObject({ available: 10, held: 0 })
    },
    async 'another cart'({ sale }, { id }) {
      expect(await sale.amend(id, { items: a(3) })).toMatchObject({ reservation: { items: a(3) } })
    },
    async 'a transfer to another buyer'(shop, { id }) {
      const bob = await shop.buyerIn(3)
      expect(await shop.sale.transfer(id, { to: bob })).toMatchObject({ reservation: { buyer: bob } })
    },
    async 'the key'({ sale }, { guest, held }) {
      const again = await sale.reserve({ buyer: guest, items: a(2), key: 'k' })
      expect(again).toMatchObject({ status: 'reserved', replayed: true })
      expect(again).toMatchObject({ reservation: { createdAt: held.createdAt, expiresAt: held.expiresAt } })
    },
    async 'its expiry'(shop, { id }) {
      await shop.advance(1_000)
      const buyer = await shop.buyerIn(0)
      expect(await shop.sale.reserve({ buyer, items: a(10) })).toMatchObject({ status: 'reserved' })
      expect(await shop.sale.get(id)).toMatchObject({ state: 'expired' })
    },
    async 'a buyer who wants the rest'(shop) {
      const buyer = await shop.buyerIn(0)
      expect(await shop.sale.reserve({ buyer, items: a(9) })).toMatchObject({ status: 'sold_out' })
      expect(await shop.sale.reserve({ buyer, items: a(8) })).toMatchObject({ status: 'reserved' })
    },
  }

onBothPartitioned((open) => {
  test('the units are counted once, and for both buyers on the way', async () => {
    const shop = await open({ limitPerBuyer: 2 })
    const { guest, ann, id, held } = await onTheWay(shop)
    const newId = mintId(await shop.token(), ann, shop.partitions)
    const wish = { receiver: ann, newId, from: guest }
    const left = await shop.ask(1, 'transfer', { id, wish })
    if (left.status !== 'departed') expect.fail(left.status)
    const { departure } = left
    expect(left).toMatchObject({ to: newId, receiver: ann, departure: { late: false } })
    expect((await shop.counts(1)).inTransit).toBe(2)
    expect(await shop.ask(1, 'transfer', { id, wish: null })).toStrictEqual(left)
    expect(await shop.ask(1, 'transfers', {})).toMatchObject({ departing: [id], sent: [[1_026, [[0, 2]]]] })
    const moved = { status: 'moved', id, next: newId, to: newId, receiver: ann, settled: false }
    const told = { confirm: { buyer: null, paymentId: null, final: true }, release: { buyer: null } }
    expect(await shop.ask(1, 'confirm', { id, ...told.confirm })).toStrictEqual(moved)
    expect(await shop.ask(1, 'release', { id, ...told.release })).toStrictEqual(moved)
    expect(await shop.sale.reserve({ buyer: guest, items: a(1) })).toMatchObject({
      ...{ status: 'limit_exceeded', taken: 2, reservations: [id] },
    })
    const arrival = { id: newId, receiver: ann, departure }
    const arrived = await shop.ask(2, 'arrive', arrival)
    expect(arrived).toMatchObject({ status: 'arrived', reservation: { id: newId, buyer: ann, key: null } })
    expect(await shop.ask(2, 'arrive', arrival)).toStrictEqual(arrived)
    expect(await shop.counts(2)).toMatchObject({ held: 2, inTransit: -2 })
    const limited = { status: 'limit_exceeded', taken: 2 }
    expect(await shop.sale.reserve({ buyer: guest, items: a(1) })).toMatchObject(limited)
    expect(await shop.sale.reserve({ buyer: ann, items: a(1) })).toMatchObject(limited)
    const settlement = { id, to: newId, arrived: true, latest: null }
    expect(await shop.ask(1, 'settle', settlement)).toEqual({ status: 'settled' })
    expect(await shop.ask(1, 'settle', { ...settlement, arrived: false })).toEqual({ status: 'settled' })
    expect(await shop.ask(1, 'transfers', {})).toMatchObject({ departing: [] })
    expect(await shop.ask(1, 'transfer', { id, wish })).toStrictEqual({ ...moved, settled: true })
    expect(await shop.sale.reserve({ buyer: guest, items: a(1) })).toMatchObject({ status: 'reserved' })
    expect(await shop.sale.reserve({ buyer: ann, items: a(1) })).toMatchObject(limited)
    expect(await shop.sale.get(id)).toStrictEqual({ ...held, id: newId, buyer: ann, key: null })
    await shop.audited()
  })

  test('declined by the receiver: the hold comes back, and can be transferred later', async () => {
    const shop = await open({ limitPerBuyer: 2, holdMs: 60_000 })
    const { guest, ann, id, held } = await onTheWay(shop)
    const other = await shop.sale.reserve({ buyer: ann, items: a(1) })
    if (other.status !== 'reserved') expect.fail(other.status)
    expect(await shop.sale.transfer(id, { to: ann })).toEqual({
      ...{ status: 'limit_exceeded', sku: 'a', limit: 2, taken: 1, reservations: [other.reservation.id] },
    })
    expect(await shop.sale.get(id)).toStrictEqual(held)
    expect(await shop.counts(1)).toMatchObject({ held: 2, inTransit: 0 })
    expect(await shop.sale.reserve({ buyer: guest, items: a(1) })).toMatchObject({ taken: 2 })
    await shop.sale.release(other.reservation.id)
    expect(await shop.sale.transfer(id, { to: ann })).toMatchObject({ status: 'transferred' })
    await shop.advance(60_000)
    expect((await shop.sale.stats()).skus.a).toMatchObject({ available: 10, held: 0, inTransit: 0 })
    await shop.audited()
  })

  test('a declined transfer stays declined, also when another process asks again', async () => {
    const shop = await open({ limitPerBuyer: 2 })
    const { guest, ann, id } = await onTheWay(shop)
    const other = await shop.sale.reserve({ buyer: ann, items: a(1) })
    if (other.status !== 'reserved') expect.fail(other.status)
    const newId = mintId(await shop.token(), ann, shop.partitions)
    const wish = { receiver: ann, newId, from: guest }
    const left = await shop.ask(1, 'transfer', { id, wish })
    if (left.status !== 'departed') expect.fail(left.status)
    const arrival = { id: newId, receiver: ann, departure: left.departure }
    const refused = await shop.ask(2, 'arrive', arrival)
    expect(refused).toMatchObject({ status: 'limit_exceeded', taken: 1 })
    // The connection may deliver it twice.
    expect(await shop.ask(2, 'arrive', arrival)).toEqual(refused)
    await shop.sale.release(other.reservation.id)
    expect(await shop.ask(2, 'arrive', arrival)).toEqual({ status: 'declined' })
    expect(await shop.sale.confirm(id)).toMatchObject({
      status: 'confirmed',
      reservation: { id, buyer: guest },
    })
    expect(await shop.sale.transfer(id, { to: ann })).toMatchObject({
      ...{ status: 'transferred', reservation: { state: 'confirmed' } },
    })
    await shop.audited()
  })

  test('the end of an earlier transfer that is told late is none of the next one', async () => {
    const shop = await open({ limitPerBuyer: 2, holdMs: 60_000 })
    const { guest, ann, id } = await onTheWay(shop)
    const wishTo = async (receiver: string) => {
      const newId = mintId(await shop.token(), receiver, shop.partitions)
      return { receiver, newId, from: guest }
    }
    const [first, second] = [await wishTo(ann), await wishTo(await shop.buyerIn(3))]
    await shop.ask(1, 'transfer', { id, wish: first })
    const settlement = { id, to: first.newId, arrived: false, latest: null }
    expect(await shop.ask(1, 'settle', settlement)).toEqual({ status: 'settled' })
    const left = await shop.ask(1, 'transfer', { id, wish: second })
    if (left.status !== 'departed') expect.fail(left.status)
    for (const arrived of [false, true])
      expect(await shop.ask(1, 'settle', { ...settlement, arrived })).toEqual({ status: 'settled' })
    expect(await shop.ask(1, 'transfers', {})).toMatchObject({ departing: [id] })
    expect(await shop.counts(1)).toMatchObject({ held: 0, inTransit: 2 })
    const arrival = { id: second.newId, receiver: second.receiver, departure: left.departure }
    expect(await shop.ask(3, 'arrive', arrival)).toMatchObject({ status: 'arrived' })
    expect(await shop.sale.get(id)).toMatchObject({ id: second.newId, buyer: second.receiver })
    await shop.ask(1, 'settle', settlement)
    expect(await shop.sale.get(id)).toMatchObject({ id: second.newId, buyer: second.receiver })
    await shop.audited()
  })

  test('a hold that comes back after its time has expired', async () => {
    const shop = await open({ limitPerBuyer: 2 })
    const { ann, guest, id } = await onTheWay(shop)
    await shop.sale.reserve({ buyer: ann, items: a(1), holdMs: 60_000 })
    const newId = mintId(await shop.token(), ann, shop.partitions)
    await shop.ask(1, 'transfer', { id, wish: { receiver: ann, newId, from: guest } })
    await shop.advance(1_000)
    for (let i = 0; i < 3; i++) await shop.ask(1, 'sweep', {})
    expect(await shop.sale.get(id)).toMatchObject({ id, state: 'expired' })
    expect((await shop.sale.stats()).skus.a).toMatchObject({ available: 9, held: 1, inTransit: 0 })
    await shop.audited()
  })

  for (const [name, sequel] of Object.entries(sequels)) {
    test.each([false, true])(`a process dies at each step (answer lost: %s); then ${name}`, async (lost) => {
      for (let steps = 1; ; steps++) {
        const shop = await open({ limitPerBuyer: 10 })
        const of = await onTheWay(shop)
        const wish = { to: of.ann, from: of.guest }
        const result = await dying(shop, steps, lost)
          .transfer(of.id, wish)
          .catch(() => undefined)
        await sequel(shop, of)
        await shop.audited()
        if (result) break
        expect(steps).toBeLessThan(20)
      }
    })
  }

  test('at once to several receivers: one has it, and every call is answered', async () => {
    for (let round = 0; round < 5; round++) {
      const shop = await open({ limitPerBuyer: 2 })
      const { guest, id } = await onTheWay(shop)
      const receivers = [await shop.buyerIn(0), await shop.buyerIn(2), await shop.buyerIn(1)]
      const handles = [shop.sale, shop.handle(), shop.handle()]
      const answers = await Promise.all(
        receivers.map((to, i) => handles[i]!.transfer(id, { to, from: guest })),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual(['not_found', 'not_found', 'transferred'])
      const won = receivers[answers.findIndex(({ status }) => status === 'transferred')]
      expect(await shop.sale.get(id)).toMatchObject({ buyer: won })
      expect((await shop.sale.stats()).skus.a).toMatchObject({ available: 8, held: 2, inTransit: 0 })
      await shop.audited()
    }
  })

  test('transfers, payments, releases and buyers at once', async () => {
    const shop = await open({ stock: { a: 12 }, limitPerBuyer: 3, holdMs: 60_000 })
    const handles = [shop.sale, shop.handle(), shop.handle()]
    const buyers = await Promise.all([0, 1, 2, 3, 0, 1, 2, 3].map((partition) => shop.buyerIn(partition)))
    const ids: string[] = []
    for (const buyer of buyers.slice(0, 6)) {
      const result = await shop.sale.reserve({ buyer, items: a(2) })
      if (result.status === 'reserved') ids.push(result.reservation.id)
    }
    const jobs: Promise<unknown>[] = []
    for (let i = 0; i < 60; i++) {
      const [sale, id] = [handles[i % 3]!, ids[(i * 5) % ids.length]!]
      jobs.push(sale.transfer(id, { to: buyers[(i * 3) % buyers.length]! }))
      if (i % 7 === 0) jobs.push(sale.confirm(id, { paymentId: `p${i % 2}` }))
      if (i % 11 === 0) jobs.push(sale.release(id))
      if (i % 5 === 0) jobs.push(sale.reserve({ buyer: buyers[i % buyers.length]!, items: a(1) }))
    }
    await Promise.all(jobs)
    await shop.audited()
    const { total, available, held, confirmed, inTransit } = (await shop.sale.stats()).skus.a!
    expect([total, inTransit]).toEqual([12, 0])
    expect(available + held + confirmed).toBe(12)
    for (const id of ids) expect(await shop.sale.get(id)).toBeDefined()
  })

  test('a hold that is transferred while an amend collects units for it', async () => {
    const shop = await open({ limitPerBuyer: 10 })
    const { ann, id } = await onTheWay(shop)
    let amends = 0
    const engine = withPartitions(shop.clock.engine, (partition) => ({
      async run(command, ops, call) {
        if (command === 'amend' && ++amends === 2) await shop.sale.transfer(id, { to: ann })
        return partition.run(command, ops, call)
      },
    }))
    const amended = await shop.handle(engine).amend(id, { items: a(7) })
    expect(amended).toMatchObject({ status: 'amended', reservation: { buyer: ann, items: a(7) } })
    expect(amends).toBeGreaterThan(2)
    await shop.audited()
  })

  test('a reservation on its way is in use: the sale is not removed, and a payment reaches it', async () => {
    const shop = await open()
    const { ann, id } = await onTheWay(shop)
    const newId = mintId(await shop.token(), ann, shop.partitions)
    await shop.ask(1, 'transfer', { id, wish: { receiver: ann, newId, from: null } })
    await shop.sale.end()
    expect(await shop.handle().destroy()).toStrictEqual({ status: 'in_use' })
    expect(await shop.sale.confirm(id)).toMatchObject({ status: 'confirmed', reservation: { id: newId } })
    expect(await shop.sale.destroy()).toStrictEqual({ status: 'destroyed' })
  })

  test('from partition to partition and back: the first id stays good', async () => {
    const shop = await open()
    const { guest, ann, id } = await onTheWay(shop)
    const commands: Command[] = []
    const engine = withPartitions(shop.clock.engine, (partition) => ({
      run(command, ops, call) {
        commands.push(command)
        return partition.run(command, ops, call)
      },
    }))
    let present = id
    for (const to of [ann, guest, ann, guest, ann]) {
      const moved = await shop.sale.transfer(present, { to })
      if (moved.status !== 'transferred') expect.fail(moved.status)
      present = moved.reservation.id
    }
    const sale = shop.handle(engine)
    expect((await sale.get(id))?.id).toBe(present)
    commands.length = 0
    expect(await sale.confirm(id)).toMatchObject({ status: 'confirmed', reservation: { id: present } })
    expect(commands).toEqual(['confirm', 'confirm'])
    await shop.audited()
  })
})
