import { expect, test } from 'vitest'
import { onRedis } from '../support/engines.js'
import { idIn, onBothEngines, order, Shop } from '../support/shop.js'

onBothEngines((open) => {
  test('two buyers in one bucket: limits and keys stay separate', async () => {
    const shop = await open({ limitPerBuyer: 2 })
    const [u1, v1, u2] = [idIn('same', 1), idIn('same', 2), idIn('same', 3)]
    const { answers } = await shop.done('reserve', [
      order(u1, { buyer: 'u', key: 'k' }),
      order(v1, { buyer: 'v', key: 'k', cart: [[0, 2]] }),
      order(u2, { buyer: 'u' }),
      order(idIn('same', 4), { buyer: 'u' }),
      order(idIn('same', 5), { buyer: 'v' }),
      order(idIn('same', 6), { buyer: 'w', cart: [[0, 3]] }),
    ])
    expect(answers).toMatchObject([
      { status: 'reserved', reservation: { id: u1, buyer: 'u' }, replayed: false },
      { status: 'reserved', reservation: { id: v1, buyer: 'v' }, replayed: false },
      { status: 'reserved', reservation: { id: u2 } },
      { status: 'limit_exceeded', taken: 2 },
      { status: 'limit_exceeded', taken: 2 },
      { status: 'limit_exceeded', taken: 0 },
    ])
    const again = await shop.done('reserve', [
      order(idIn('same', 7), { buyer: 'u', key: 'k' }),
      order(idIn('same', 8), { buyer: 'v', key: 'k', cart: [[0, 2]] }),
      order(idIn('same', 9), { buyer: 'w', key: 'k' }),
    ])
    expect(again.answers).toMatchObject([
      { status: 'reserved', reservation: { id: u1 }, replayed: true },
      { status: 'reserved', reservation: { id: v1 }, replayed: true },
      { status: 'reserved', reservation: { id: idIn('same', 9), buyer: 'w' }, replayed: false },
    ])
    expect(await shop.ask('release', { id: u1, buyer: 'v' })).toEqual({ status: 'not_found' })
    expect(await shop.ask('release', { id: u1, buyer: 'u' })).toMatchObject({ status: 'released' })
    expect(await shop.ask('confirm', { id: v1, buyer: 'v', paymentId: null, final: true })).toMatchObject({
      status: 'confirmed',
    })
    expect(await shop.counts()).toBe('10 6 2 2')
    expect(await shop.audited()).toBe(4)
  })

  test('two buyers in one bucket: late payments count against their own limit', async () => {
    const shop = await open({ limitPerBuyer: 1 })
    await shop.done('reserve', [
      order(idIn('same', 1), { buyer: 'u' }),
      order(idIn('same', 2), { buyer: 'v', holdMs: 9_000 }),
    ])
    await shop.advance(1_000)
    expect(
      await shop.ask('confirm', { id: idIn('same', 1), buyer: 'u', paymentId: null, final: true }),
    ).toMatchObject({
      status: 'confirmed',
      late: true,
    })
    expect(await shop.ask('get', { id: idIn('same', 2) })).toMatchObject({ reservation: { state: 'held' } })
    expect(await shop.audited()).toBe(2)
  })

  test('equal nonces in different buckets are different reservations', async () => {
    const shop = await open()
    const [first, second] = [idIn('one', 1), idIn('two', 1)]
    await shop.done('reserve', [order(first, { buyer: 'u' }), order(second, { buyer: 'v' })])
    await shop.ask('release', { id: first, buyer: null })
    expect(await shop.ask('get', { id: second })).toMatchObject({
      reservation: { id: second, state: 'held' },
    })
    expect(await shop.audited()).toBe(2)
  })

  test('one buyer with more than 1,000 reservations', async () => {
    const shop = await open({ stock: { a: 10_000 }, limitPerBuyer: 5_000, holdMs: 60_000 })
    const count = 1_500
    const holds = await Promise.all(
      Array.from({ length: count }, (_, i) => shop.hold('u', 2, { key: `k${i}` })),
    )
    expect(await shop.counts()).toBe('10000 7000 3000 0')
    expect(await shop.reserve('u', 2_001)).toMatchObject({ status: 'limit_exceeded', taken: 3_000 })
    for (const i of [0, 700, 1_100, count - 1]) {
      expect(await shop.sale.get(holds[i]!.id)).toStrictEqual(holds[i])
      expect(await shop.reserve('u', 2, { key: `k${i}` })).toMatchObject({
        reservation: { id: holds[i]!.id },
        replayed: true,
      })
    }
    await Promise.all(holds.slice(0, 100).map(({ id }) => shop.sale.confirm(id)))
    await Promise.all(holds.slice(100, 300).map(({ id }) => shop.sale.release(id)))
    expect(await shop.counts()).toBe('10000 7400 2400 200')
    await shop.advance(60_000)
    expect(await shop.counts()).toBe('10000 9800 0 200')
    expect(await shop.sale.confirm(holds[count - 1]!.id)).toMatchObject({ status: 'confirmed', late: true })
    expect(await shop.reserve('u', 2, { key: 'k1400' })).toMatchObject({ status: 'key_spent' })
    expect(await shop.audited()).toBe(count)
  })

  test('one buyer with more than 1,000 reservations that have no limit', async () => {
    const shop = await open({ stock: { a: 2_000 } })
    const holds = await Promise.all(Array.from({ length: 1_200 }, () => shop.hold('u')))
    await Promise.all(holds.slice(0, 600).map(({ id }) => shop.sale.release(id)))
    expect(await shop.counts()).toBe('2000 1400 600 0')
    expect(await shop.audited()).toBe(1_200)
  })
})

onRedis('how Redis keeps them', (kind) => {
  async function opened() {
    const shop = new Shop(await kind.make(), 'launch')
    await shop.sale.create({ stock: { a: 1_000 } })
    const client = kind.client()
    const [key] = await client.keys('*:launch:0}:meta')
    const buckets = key!.replace(/meta$/, 'buckets')
    const hold = async (from: number, to: number) => {
      for (let i = from; i <= to; i++) await shop.hold(`buyer ${i}`)
      return [await client.object('ENCODING', buckets), await client.hlen(buckets)]
    }
    return { shop, client, hold }
  }

  test('a few as a list, which is small; many as a table, which finds them at once', async () => {
    const { shop, client, hold } = await opened()
    expect(await hold(1, 63)).toEqual(['listpack', 63])
    expect(await hold(64, 64)).toEqual(['hashtable', 64])
    expect(await hold(65, 80)).toEqual(['hashtable', 80])
    expect(await shop.audited()).toBe(80)
    await client.flushall()
  })

  test('where nothing may be deleted, as a list until there are more: nothing is left half done', async () => {
    const { shop, client, hold } = await opened()
    await client.call('ACL', 'SETUSER', 'default', '-hdel')
    expect(await hold(1, 70)).toEqual(['listpack', 70])
    expect(await shop.audited()).toBe(70)
    await client.call('ACL', 'SETUSER', 'default', '+hdel')
    await client.flushall()
  })
})
