/** The client for browsers against the routes, over a network that loses requests and replies. */
import { expect, test } from 'vitest'
import type { PageRequest } from '../../../src/client/page.js'
import { saleClientOn } from '../../../src/client/sale-client.js'
import { FakeBrowser } from '../../support/client/fake-page.js'
import { memoryKind } from '../../support/engines.js'
import { standards, unreadable } from '../../support/http/frameworks.js'
import { HttpShop } from '../../support/http/shop.js'
import { clocked } from '../../support/test-clock.js'

/** Of one message: which is lost, and how. */
interface Fault {
  readonly at: number
  readonly loses: 'the request' | 'the reply'
}

/** A shop, and a browser on its clock that keeps cookies as browsers do. */
async function opened({ fault, buyerOf = () => 'ann' }: { fault?: Fault; buyerOf?: () => string } = {}) {
  const browser = new FakeBrowser()
  const time = clocked(await memoryKind().make(), browser.clock)
  const shop = await HttpShop.open(standards, time, { room: {}, routes: { basePath: '/shop' } })
  const cookies = new Map<string, string>()
  let sent = 0
  const server = async (url: string, { method, headers, body }: PageRequest) => {
    const lost = fault?.at === sent++ ? fault.loses : undefined
    if (lost === 'the request') throw new TypeError('Failed to fetch')
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
    const ofPage = { 'sec-fetch-site': 'same-origin', 'x-buyer': buyerOf(), cookie }
    const response = await shop.served.fetch(url, { method, headers: { ...headers, ...ofPage }, body })
    if (lost === 'the reply') throw new TypeError('Failed to fetch')
    for (const set of response.headers.getSetCookie()) {
      const [, name, value] = /^(.*?)=(.*?);/.exec(set)!
      if (value === '') cookies.delete(name!)
      else cookies.set(name!, value!)
    }
    return response
  }
  const page = browser.open(server, { events: true })
  const client = saleClientOn(page, { url: '/shop' })
  const during = <T>(call: Promise<T>) => browser.clock.during(call)
  return { shop, client, during, cookies, sent: () => sent }
}

/** The way of a buyer; what it is told. */
async function wayOfABuyer({ client, during, shop, cookies }: Awaited<ReturnType<typeof opened>>) {
  const told: unknown[] = []
  const sale = await during(client.sale())
  if (!sale.code) told.push(sale.skus.map(({ sku, available }) => [sku, available]))
  const joined = await during(client.join())
  told.push(joined.code ?? joined.position)
  const end = await during(client.wait())
  told.push(end.code ?? end.status)
  const held = await during(client.reserve({ items: [{ sku: 'phone', quantity: 1 }] }))
  if (held.code) throw new Error(held.code)
  const amended = await during(client.amend(held.id, { items: [{ sku: 'phone', quantity: 2 }] }))
  told.push(amended.code ?? amended.items)
  const extended = await during(client.extend(held.id))
  told.push(extended.code ?? extended.expiresInMs)
  const mine = await during(client.reservations())
  if (!mine.code) told.push(mine.reservations.map(({ id, state }) => [id === held.id, state]))
  const released = await during(client.release(held.id))
  told.push(released.code ?? released.state)
  const read = await during(client.reservation(held.id))
  told.push(read.code ?? read.state)
  const left = await during(client.leave())
  told.push(left.code ?? 'left', [...cookies.keys()])
  const { available, held: units } = (await shop.sale.stats()).skus.phone!
  return [...told, available, units]
}

const rightly = [
  [
    ['phone', 10],
    ['phone-case', 5],
  ],
  1,
  'admitted',
  [{ sku: 'phone', quantity: 2 }],
  600_000,
  [[true, 'held']],
  'released',
  'released',
  'left',
  [],
  10,
  0,
]

test('a buyer joins, waits, reserves, amends, extends, releases and leaves', async () => {
  const world = await opened()
  expect(await wayOfABuyer(world)).toEqual(rightly)
  expect(world.sent()).toBe(10)
  expect(world.shop.errors).toEqual([])
})

const faults = Array.from({ length: 10 }, (_, at) =>
  (['the request', 'the reply'] as const).map((loses): Fault => ({ at, loses })),
).flat()

test.each(faults)('the same, when the network loses $loses of step $at', async (fault) => {
  const world = await opened({ fault })
  expect(await wayOfABuyer(world)).toEqual(rightly)
  expect(world.sent()).toBe(11)
})

test.each(unreadable)('a visitor goes on waiting while `identify` has %s', async (failure) => {
  let failures = 0
  const buyerOf = () => (failures > 0 && failures-- ? failure : 'ann')
  const { shop, client, during, cookies, sent } = await opened({ buyerOf })
  await during(client.join())
  const before = [...cookies]
  failures = 2
  expect(await during(client.wait())).toMatchObject({ status: 'admitted' })
  expect(sent()).toBe(4)
  expect([...cookies].slice(0, 1)).toEqual(before)
  expect(shop.errors).toMatchObject([{ code: 'UNAVAILABLE' }, { code: 'UNAVAILABLE' }])
})

test('refusals have the codes of the table', async () => {
  const { client, during, shop } = await opened()
  const items = [{ sku: 'phone', quantity: 1 }]
  expect(await during(client.wait())).toMatchObject({ code: 'TICKET_INVALID' })
  expect(await during(client.reserve({ items }))).toMatchObject({ code: 'pass_rejected' })
  await shop.room!.block('ann')
  expect(await during(client.join())).toMatchObject({ code: 'blocked' })
  await shop.room!.unblock('ann')
  await during(client.join())
  await during(client.wait())
  const tooMany = [{ sku: 'phone', quantity: 3 }]
  expect(await during(client.reserve({ items: tooMany }))).toMatchObject({ code: 'limit_exceeded', limit: 2 })
  await shop.sale.end()
  expect(await during(client.reserve({ items }))).toMatchObject({ code: 'ended' })
  expect(await during(client.reservation('none'))).toMatchObject({ code: 'not_found' })
})
