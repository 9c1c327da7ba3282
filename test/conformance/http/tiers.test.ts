import { expect, onTestFinished, test } from 'vitest'
import { saleRoutes } from '../../../src/http.js'
import { FlashSale, WaitingRoom } from '../../../src/index.js'
import { memoryKind } from '../../support/engines.js'

test.each([null, '', undefined])('a household, a tier and a guest that are %j are none', async (none) => {
  const { engine } = await memoryKind().make()
  const options = { engine, deadlineMs: 60_000 }
  const secret = 's'.repeat(32)
  const room = new WaitingRoom('none', { ...options, secret, ratePerSecond: 0, sale: 'none' })
  const sale = new FlashSale('none', { ...options, waitingRoom: room })
  await sale.create({ stock: { phone: 5 }, limitPerHousehold: 1 })
  await room.create({ tiers: ['members', 'public'] })
  const errors: unknown[] = []
  const found = { buyer: 'ann', household: none, tier: none, guest: none }
  // As the columns of a database are read.
  const identify = () => found as { buyer: string }
  const routes = saleRoutes({ sale, room, identify, onError: (error) => errors.push(error) })
  onTestFinished(async () => {
    await routes.close()
    await room.close()
    await sale.close()
  })
  const headers = { 'idempotency-key': 'k-1', 'content-type': 'application/json' }
  const call = async (path: string) => {
    const init = { method: 'POST', headers, body: '{"items":[{"sku":"phone","quantity":1}]}' }
    const response = await routes(new Request(`http://shop.test${path}`, init))
    return [response.status, await response.json()]
  }
  expect(await call('/queue')).toMatchObject([200, { status: 'waiting' }])
  expect((await room.stats()).tiers).toMatchObject([{ waiting: 0 }, { waiting: 1 }])
  expect(await call('/reservations')).toMatchObject([409, { code: 'household_required' }])
  expect(errors).toEqual([])
})

test('identify says the tier of the waiting room, and a visitor who becomes a member joins again', async () => {
  const { engine } = await memoryKind().make()
  const secret = 's'.repeat(32)
  const room = new WaitingRoom('tiers', {
    engine,
    deadlineMs: 60_000,
    secret,
    ratePerSecond: 0,
    sale: 'tiers',
  })
  const sale = new FlashSale('tiers', { engine, waitingRoom: room, deadlineMs: 60_000 })
  await sale.create({ stock: { phone: 5 } })
  await room.create({ tiers: ['members', 'public'] })
  const errors: unknown[] = []
  const routes = saleRoutes({
    ...{ sale, room, onError: (error) => errors.push(error) },
    identify: ({ headers }) => {
      const buyer = headers.get('x-buyer') ?? undefined
      const [tier, guest] = ['x-tier', 'x-guest'].map((name) => headers.get(name) ?? undefined)
      return buyer && { buyer, tier, guest }
    },
  })
  onTestFinished(async () => {
    await routes.close()
    await room.close()
    await sale.close()
  })
  const call = async (method: string, headers: Record<string, string>) => {
    const response = await routes(new Request('http://shop.test/queue', { method, headers }))
    return { response, body: await response.json() }
  }
  const join = (buyer: string, tier?: string) =>
    call('POST', { 'x-buyer': buyer, ...(tier !== undefined && { 'x-tier': tier }) })
  await join('ann')
  const guest = await join('bob')
  expect(guest.body).toMatchObject({ status: 'waiting', position: 2 })
  expect((await join('cat', 'members')).body).toMatchObject({ position: 1 })
  const member = await join('bob', 'members')
  expect(member.body).toMatchObject({ position: 2 })
  for (const { response } of [guest, member]) {
    const ticket = { 'stockhold-ticket': response.headers.get('stockhold-ticket')! }
    expect((await call('GET', ticket)).body).toMatchObject({ position: 2 })
  }
  // A guest who logs in as a member has one place, in the tier of members.
  const eve = await join('eve')
  const ticket = { 'stockhold-ticket': eve.response.headers.get('stockhold-ticket')! }
  const login = { ...ticket, 'x-buyer': 'dee', 'x-tier': 'members', 'x-guest': 'eve' }
  for (let i = 0; i < 2; i++) expect((await call('POST', login)).body).toMatchObject({ position: 3 })
  expect((await room.stats()).tiers).toMatchObject([{ waiting: 3 }, { waiting: 1 }])
  // A tier that the room does not have is the shop's mistake, and not the visitor's.
  expect((await join('dan', 'vip')).response.status).toBe(500)
  expect(String(errors.at(-1))).toContain('tier')
})
