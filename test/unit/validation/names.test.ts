import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FlashSale } from '../../../src/index.js'
import { engineKinds } from '../../support/engines.js'

/** Names that some layer below might take for something else. */
const names = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'NOSCRIPT',
  'NOSCRIPT No matching script. Please use EVAL.',
  'MOVED 1 x:1',
  'TRYAGAIN',
  '-ERR',
  '{a}b',
  '{}',
  'a}{b',
  'a:b',
  '%41',
  'a\nb',
  '\r\n',
  '\r\n$-1\r\n',
  '\0',
  'a\0b',
  '\u0080\u00ff',
  '\ufeff',
  '\uffff',
  'caf\u00e9',
  'cafe\u0301',
  '😀👩‍👩‍👧',
  '0',
  '-1',
  '1e3',
  '007',
  'null',
  'undefined',
  'true',
  ' ',
  ' a ',
  '"',
  "'",
  '\\',
  '@TIME@',
  '*',
  '[a]',
  'x'.repeat(31),
  'x'.repeat(32),
  'x'.repeat(256),
  'ü'.repeat(128),
  '😀'.repeat(64),
]

for (const kind of engineKinds()) {
  describe(`${kind.name} engine`, () => {
    beforeAll(kind.start)
    afterAll(kind.stop)

    test('every name comes back exactly as it went in, as a SKU, a buyer, a key and a payment', async () => {
      const { engine } = await kind.make()
      const sale = new FlashSale('sale', { engine, deadlineMs: 60_000 })
      const stock = Object.fromEntries(names.map((sku, i) => [sku, i + 1]))
      Object.defineProperty(stock, '__proto__', { value: 1, enumerable: true })
      await sale.create({ stock, limitPerBuyer: 100 })
      const other = new FlashSale('sale', { engine, deadlineMs: 60_000 })
      expect(Object.keys((await other.stats()).skus).sort()).toEqual([...names].sort())
      for (const [i, name] of names.entries()) {
        const request = { buyer: name, key: name, items: [{ sku: name, quantity: 1 }] }
        const held = await sale.reserve(request)
        if (held.status !== 'reserved') expect.fail(`${JSON.stringify(name)}: ${held.status}`)
        expect(held).toMatchObject({ replayed: false, reservation: request })
        const { id } = held.reservation
        expect(await other.reserve(request)).toStrictEqual({ ...held, replayed: true })
        expect(await other.confirm(id, { buyer: 'somebody else' })).toEqual({ status: 'not_found' })
        expect(await other.confirm(id, { buyer: name, paymentId: name })).toMatchObject({
          status: 'confirmed',
        })
        const confirmed = { ...held.reservation, state: 'confirmed', paymentId: name }
        expect(await sale.get(id)).toStrictEqual(confirmed)
        expect(Object.getOwnPropertyDescriptor((await sale.stats()).skus, name)?.value).toMatchObject({
          total: i + 1,
          confirmed: 1,
        })
        const restock = { sku: name, quantity: 2, key: name }
        expect(await sale.restock(restock)).toStrictEqual({
          status: 'restocked',
          sku: name,
          applied: 2,
          replayed: false,
        })
        expect(await other.restock(restock)).toMatchObject({ sku: name, applied: 2, replayed: true })
      }
      const audit = await other.audit()
      expect(audit).toMatchObject({ ok: true, reservations: names.length })
      expect(Object.keys(audit.skus).sort()).toEqual([...names].sort())
      await sale.close()
      await other.close()
    })

    test('every name is the name of a sale of its own', async () => {
      const { engine } = await kind.make()
      for (const [i, name] of names.entries()) {
        const sale = new FlashSale(name, { engine, deadlineMs: 60_000 })
        expect(await sale.create({ stock: { a: i } })).toEqual({ created: true })
        await sale.close()
      }
      for (const [i, name] of names.entries()) {
        const sale = new FlashSale(name, { engine, deadlineMs: 60_000 })
        expect((await sale.stats()).skus.a).toMatchObject({ total: i })
        expect(sale.id).toBe(name)
        await sale.close()
      }
    })

    test('NFC and NFD forms are different buyers, with limits and keys of their own', async () => {
      const { engine } = await kind.make()
      const sale = new FlashSale('sale', { engine, deadlineMs: 60_000 })
      await sale.create({ stock: { a: 9 }, limitPerBuyer: 1 })
      for (const buyer of ['caf\u00e9', 'cafe\u0301']) {
        const result = await sale.reserve({ buyer, items: [{ sku: 'a', quantity: 1 }], key: 'k' })
        expect(result).toMatchObject({ status: 'reserved', replayed: false, reservation: { buyer } })
      }
      await sale.close()
    })
  })
}
