/** The shop of `npm run shop` in Chromium, on both engines, whose clock is the test's. */
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { BrowserContext, Page, Route } from 'playwright-core'
import { describe, expect, type TestContext, test } from 'vitest'
import { openShop, type Shop, type ShopOptions } from '../../scripts/shop/shop.js'
import { useBrowser } from '../support/browser.js'
import { memoryKind, startedKinds, type TimedEngine } from '../support/engines.js'

/** Only a page that never gets there reaches it. ms */
const timeout = 300_000
const HOLD_MS = 600_000

const browser = useBrowser()

// A test waits most of the time, for a browser that waits for its next request.
for (const kind of startedKinds()) describe.concurrent(kind.name, () => suite(() => kind.make()))

/** A shop on an engine whose clock the test moves on. */
class World {
  readonly time: TimedEngine
  readonly shop: Shop
  /** Ends the wait of payments that come late. */
  readonly tooLate: () => void
  readonly #test: TestContext

  private constructor(test: TestContext, time: TimedEngine, shop: Shop, tooLate: () => void) {
    this.#test = test
    this.time = time
    this.shop = shop
    this.tooLate = tooLate
  }

  static async open(
    test: TestContext,
    time: TimedEngine,
    options: Partial<ShopOptions> = {},
  ): Promise<World> {
    let tooLate = () => {}
    const late = () =>
      new Promise<void>((resolve) => {
        tooLate = resolve
      })
    const rules = { stock: 5, crowd: 0, holdMs: HOLD_MS, ratePerSecond: 1_000 }
    // On a busy machine no call fails by its deadline.
    const standard = { ...rules, port: 0, deadlineMs: 60_000, late }
    const shop = await openShop({ engine: time.engine, ...standard, ...options })
    test.onTestFinished(async () => {
      await shop.close()
      await time.engine.close()
    })
    return new World(test, time, shop, () => tooLate())
  }

  /** The server's clock goes on while a page is waited for. */
  async during(wait: Promise<void>): Promise<void> {
    let isOver = false
    const over = wait.finally(() => {
      isOver = true
    })
    while (!isOver) {
      await this.time.advance(100)
      await Promise.race([over, delay(50)])
    }
    await over
  }

  units() {
    return this.shop.sale.stats().then(({ skus }) => {
      const { available, held, confirmed } = skus['mango-me']!
      return { available, held, confirmed }
    })
  }

  async buyer(): Promise<Buyer> {
    const context = await browser().newContext({ viewport: { width: 390, height: 844 } })
    this.#test.onTestFinished(() => context.close())
    context.setDefaultTimeout(timeout)
    const buyer = new Buyer(this, context)
    this.#test.onTestFinished(() => expect(buyer.complaints).toEqual([]))
    await buyer.tab()
    return buyer
  }
}

/** A buyer with a browser, whose tabs complain of nothing. */
class Buyer {
  readonly complaints: string[] = []
  readonly #world: World
  readonly #context: BrowserContext
  page!: Page

  constructor(world: World, context: BrowserContext) {
    this.#world = world
    this.#context = context
  }

  /** Opens the shop in a new tab, which the buyer looks at from then on. */
  async tab(network: (page: Page) => Promise<unknown> = async () => {}): Promise<Page> {
    const page = await this.#context.newPage()
    page.on('pageerror', (error) => this.complaints.push(String(error)))
    page.on('console', (message) => {
      // What the test itself has lost.
      if (message.type() === 'error' && !message.text().includes('net::ERR_FAILED'))
        this.complaints.push(message.text())
    })
    await network(page)
    await page.goto(this.#world.shop.url)
    this.page = page
    return page
  }

  async sees(view: string, page = this.page): Promise<void> {
    await this.#world.during(page.locator(`#panel[data-view=${view}]`).waitFor())
  }

  press(name: string, page = this.page): Promise<void> {
    return page.getByRole('button', { name, exact: true }).click()
  }

  /** From the product to the basket. */
  async takes(): Promise<void> {
    await this.sees('product')
    await this.press('Buy')
    await this.sees('checkout')
  }

  /** At the provider. */
  async pays(how: string): Promise<void> {
    await this.page.getByRole('link', { name: 'Pay' }).click()
    await this.press(how)
  }

  async reads(slot: string, text: string | RegExp): Promise<void> {
    await this.page.locator(`#panel [data-slot=${slot}]`).filter({ hasText: text }).waitFor()
  }
}

function suite(make: () => Promise<TimedEngine>) {
  test('a buyer waits behind others, takes two, pays, and sends the parcel back', async (t) => {
    const world = await World.open(t, await make(), { crowd: 2, stock: 20 })
    const { shop, time } = world
    await shop.room.setRate(0)
    await time.advance(1_000)
    const buyer = await world.buyer()
    await buyer.sees('product')
    await buyer.reads('available', '20')
    await buyer.press('Buy')
    await buyer.sees('waiting')
    await buyer.page.reload()
    await buyer.sees('waiting')
    expect((await shop.room.stats()).waiting).toBeGreaterThan(0)
    await shop.room.setRate(1_000)
    await time.advance(1_000)
    await buyer.sees('checkout')
    await buyer.press('One more')
    await buyer.reads('total', '€ 998')
    await buyer.press('One less')
    await buyer.reads('total', '€ 499')
    await buyer.press('More time')
    await buyer.page.reload()
    await buyer.sees('checkout')
    await buyer.pays('Pay now')
    await buyer.sees('order')
    await buyer.reads('parcel', /^SNAIL-/)
    await buyer.reads('payments', /^taken$/)
    await buyer.page.locator('[data-step=sent][aria-current]').waitFor()
    await buyer.press('Send it back')
    await buyer.sees('message')
    await buyer.reads('payments', 'given back')
  })

  test('a buyer who comes late sees sold out, and then back again', async (t) => {
    const world = await World.open(t, await make(), { stock: 1 })
    const first = await world.buyer()
    await first.takes()
    const late = await world.buyer()
    await late.sees('soldout')
    await late.reads('action', 'Wait in line')
    await first.pays('Pay now')
    await first.sees('order')
    await late.reads('hope', 'Every one has found a home')
    await first.press('Send it back')
    await late.sees('product')
    await late.reads('kicker', 'Back again')
    await late.takes()
    await late.pays('Pay now')
    await late.sees('order')
    expect(await world.units()).toEqual({ available: 0, held: 0, confirmed: 1 })
  })

  test('a buyer who waits in line gets the unit that another puts back', async (t) => {
    const world = await World.open(t, await make(), { stock: 1 })
    const first = await world.buyer()
    await first.takes()
    const late = await world.buyer()
    await late.press('Wait in line')
    await late.sees('waiting')
    await first.press('Put it back')
    await late.sees('checkout')
    expect(await world.units()).toEqual({ available: 0, held: 1, confirmed: 0 })
  })

  test('two tabs of one buyer are one place in line, one basket and one order', async (t) => {
    const world = await World.open(t, await make())
    await world.shop.room.setRate(0)
    await world.time.advance(1_000)
    const buyer = await world.buyer()
    const first = buyer.page
    await buyer.press('Buy')
    await buyer.sees('waiting')
    const second = await buyer.tab()
    await buyer.press('Buy')
    await buyer.sees('waiting')
    expect((await world.shop.room.stats()).waiting).toBe(1)
    await world.shop.room.setRate(1_000)
    await world.time.advance(1_000)
    await buyer.sees('checkout', first)
    await buyer.sees('checkout', second)
    expect(first.url()).toBe(second.url())
    expect(await world.units()).toEqual({ available: 4, held: 1, confirmed: 0 })
    await buyer.pays('Pay now')
    await buyer.sees('order', second)
    await buyer.sees('order', first)
    expect(await world.units()).toEqual({ available: 4, held: 0, confirmed: 1 })
  })

  test('the keyboard is enough, and each view begins at its heading', async (t) => {
    const world = await World.open(t, await make())
    const buyer = await world.buyer()
    const { page } = buyer
    await buyer.sees('product')
    const focused = () => page.evaluate<string>('document.activeElement.textContent')
    for (const expected of ['mango', 'Buy']) {
      await page.keyboard.press('Tab')
      expect(await focused()).toBe(expected)
    }
    await page.keyboard.press('Enter')
    await buyer.sees('checkout')
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H1')
    for (const expected of ['+', 'Pay']) {
      await page.keyboard.press('Tab')
      expect(await focused()).toBe(expected)
    }
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Pay now' }).press('Enter')
    await buyer.sees('order')
  })

  for (const loses of ['request', 'reply'] as const)
    test(`a network that loses the ${loses} of each step once changes nothing`, async (t) => {
      const world = await World.open(t, await make())
      const buyer = await world.buyer()
      const lost = new Set<string>()
      await buyer.tab((page) => page.route('**/*', (route) => lose(route, loses, lost)))
      await buyer.takes()
      await buyer.press('One more')
      await buyer.reads('total', '€ 998')
      await buyer.press('More time')
      await buyer.pays('Pay now')
      await buyer.sees('order')
      await buyer.reads('payments', /^taken$/)
      expect(await world.units()).toEqual({ available: 3, held: 0, confirmed: 2 })
      await buyer.press('Send it back')
      await buyer.reads('payments', 'given back')
      expect(await world.units()).toEqual({ available: 5, held: 0, confirmed: 0 })
      expect([...lost].sort()).toEqual([
        'GET /orders/ID',
        'GET /shop/queue',
        'GET /shop/queue/events',
        'GET /shop/reservations',
        'GET /shop/reservations/ID',
        'GET /shop/sale',
        'PATCH /shop/reservations/ID',
        'POST /orders/ID/return',
        'POST /shop/queue',
        'POST /shop/reservations',
        'POST /shop/reservations/ID/extension',
      ])
    })

  test('a payment that comes late is an order while units are left', async (t) => {
    const world = await World.open(t, await make())
    const buyer = await world.buyer()
    await buyer.takes()
    await buyer.pays('Pay when the time is over')
    await world.time.advance(HOLD_MS)
    await buyer.sees('message')
    await buyer.reads('title', 'Your time is over')
    world.tooLate()
    await buyer.sees('order')
    expect(await world.units()).toEqual({ available: 4, held: 0, confirmed: 1 })
  })

  test('a payment that comes too late is given back', async (t) => {
    const world = await World.open(t, await make(), { stock: 1 })
    const slow = await world.buyer()
    await slow.takes()
    await slow.pays('Pay when the time is over')
    await world.time.advance(HOLD_MS)
    const quick = await world.buyer()
    await quick.takes()
    await quick.pays('Pay now')
    await quick.sees('order')
    world.tooLate()
    await slow.sees('message')
    await slow.reads('payments', 'given back')
    expect(await world.units()).toEqual({ available: 0, held: 0, confirmed: 1 })
  })

  test('of two payments one is given back', async (t) => {
    const world = await World.open(t, await make())
    const buyer = await world.buyer()
    await buyer.takes()
    await buyer.pays('Pay twice')
    await buyer.sees('order')
    await buyer.page.locator('[data-slot=payments]', { hasText: 'given back' }).waitFor()
    await buyer.page.locator('[data-slot=payments]', { hasText: 'taken' }).waitFor()
    expect(await world.units()).toEqual({ available: 4, held: 0, confirmed: 1 })
  })

  test('a basket that is never paid ends, and the buyer takes another', async (t) => {
    const world = await World.open(t, await make(), { stock: 1 })
    const buyer = await world.buyer()
    await buyer.takes()
    await buyer.pays('Do not pay')
    await buyer.sees('checkout')
    await world.time.advance(HOLD_MS)
    await buyer.reads('title', 'Your time is over')
    await buyer.page.getByRole('link', { name: 'To the shop' }).click()
    await buyer.takes()
    expect(await world.units()).toEqual({ available: 0, held: 1, confirmed: 0 })
  })
}

test.for([
  ['a desk', 1280, 'light'],
  ['a desk at night', 1280, 'dark'],
  ['a phone', 390, 'light'],
  ['a phone at night', 320, 'dark'],
] as const)(
  'on %s nothing is too wide, and the colours are those of the system',
  async ([_, width, scheme], t) => {
    const world = await World.open(t, await memoryKind().make())
    const buyer = await world.buyer()
    const { page } = buyer
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme: scheme })
    const isRight = async () => {
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
      const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
      expect(Number(/\d+/.exec(ground)![0]) < 128).toBe(scheme === 'dark')
    }
    await buyer.sees('product')
    await isRight()
    await buyer.takes()
    await isRight()
    await page.getByRole('link', { name: 'Pay' }).click()
    await page.getByRole('button', { name: 'Pay now' }).waitFor()
    await isRight()
    await buyer.press('Pay now')
    await buyer.sees('order')
    await isRight()
  },
)

test('server and script of the page are at most 400 lines', async () => {
  const files = ['shop.ts', 'page/page.ts'].map(
    (name) => new URL(`../../scripts/shop/${name}`, import.meta.url),
  )
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  const lines = texts.reduce((sum, text) => sum + text.trimEnd().split('\n').length, 0)
  expect(lines).toBeLessThanOrEqual(400)
})

/** Loses the first request of each kind, or the reply to it. */
async function lose(route: Route, what: 'request' | 'reply', lost: Set<string>): Promise<void> {
  const request = route.request()
  const { pathname } = new URL(request.url())
  const kind = `${request.method()} ${pathname.replace(/(reservations|orders)\/[\w-]+/, '$1/ID')}`
  const isStep = /^\/(shop|orders)\//.test(pathname)
  if (!isStep || lost.has(kind)) return route.continue()
  lost.add(kind)
  // The reply of an event stream never comes to its end.
  // The server closes connections that were idle: then the request is sent again.
  if (what === 'reply' && !pathname.endsWith('/events')) await route.fetch({ maxRetries: 5 })
  await route.abort()
}
