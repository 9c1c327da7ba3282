/** The page of the control room as a browser shows it. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { createAdaptorServer } from '@hono/node-server'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { controlRoom, type Operator } from '../../src/control-room.js'
import type { ServerFigures } from '../../src/engine/servers.js'
import { type Engine, FlashSale, memoryEngine, StockholdError, WaitingRoom } from '../../src/index.js'
import type { MemoryEngine } from '../../src/memory-engine/memory-engine.js'
import { Operations } from '../../src/operations/operations.js'
import type { Recovered } from '../../src/operations/results.js'
import { saleCourse } from '../../src/sale/course.js'
import { contextOf } from '../../src/sale/flash-sale.js'
import { virtualEngine } from '../../src/testing.js'
import { roomCourse } from '../../src/waiting-room/course.js'
import { useBrowser } from '../support/browser.js'
import { figuresOfServer } from '../support/control-room.js'
import { withPorts, wrapped } from '../support/wrapped-engine.js'

/** Only a page that never gets there reaches it. ms */
const timeout = 60_000
const EVIL = `mango"><img src=x onerror="document.title='hacked'">\u202e'--`
const operator: Operator = { role: 'operate', name: 'ann' }

describe('the control room in Chromium', () => {
  const browser = useBrowser()
  const memory = memoryEngine()
  const redis = { isAway: false }
  const engine: Engine = withPorts(
    memory,
    (port) => ({
      ...port,
      ready: () => port.ready(),
      async run(command: never, ops: never, call: never) {
        if (redis.isAway) throw new StockholdError('UNAVAILABLE', 'away')
        return port.run(command, ops, call)
      },
    }),
    true,
  )
  const master = { figures: figuresOfServer() as ServerFigures | undefined }
  const mastered: Engine = {
    ...wrapped(memory, {}),
    servers: () => [{ address: EVIL, figures: async () => master.figures }],
  }
  const sale = new FlashSale('launch', { engine: memory })
  const queue = new WaitingRoom('queue', { engine: memory, secret: 's'.repeat(32), ratePerSecond: 5 })
  const operations = new Operations({ engine: memory })
  const evening = virtualEngine()
  const rooms = {
    operate: controlRoom({ engine, authorize: () => operator }),
    read: controlRoom({ engine, authorize: () => ({ role: 'read', name: EVIL }) }),
    mastered: controlRoom({ engine: mastered, authorize: () => 'read' }),
    evening: controlRoom({ engine: evening.engine, authorize: () => 'read' }),
  }
  let server: Server
  let origin: string
  /** Requests wait for it. */
  let connected: Promise<void> | undefined

  beforeAll(async () => {
    await sale.create({ stock: { [EVIL]: 7, phone: 1_000 }, limitPerBuyer: 2 })
    await queue.create()
    for (let i = 0; i < 12; i++) {
      const held = await sale.reserve({ buyer: `u-${i}`, items: [{ sku: 'phone', quantity: 2 }] })
      if (held.status === 'reserved' && i < 5) await sale.confirm(held.reservation.id)
    }
    await sale.reserve({ buyer: 'u-0', items: [{ sku: 'phone', quantity: 1 }] })
    for (let i = 0; i < 3; i++) await queue.join(`v-${i}`)
    const fetch = async (request: Request) => {
      await connected
      const [, name] = new URL(request.url).pathname.split('/')
      return rooms[name as keyof typeof rooms](request)
    }
    server = createAdaptorServer({ fetch }) as Server
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    await Promise.all([...Object.values(rooms).map((room) => room.close()), operations.close()])
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await sale.close()
    await queue.close()
  })

  /** Opens the page. Whatever it complains about, or asks another host for, fails the test. */
  async function open(
    role: keyof typeof rooms = 'operate',
    width = 1_280,
    colorScheme: 'light' | 'dark' = 'light',
    expected?: RegExp,
  ): Promise<Page> {
    const page = await browser().newPage({ viewport: { width, height: 900 }, colorScheme })
    page.setDefaultTimeout(timeout)
    const complaints: string[] = []
    page.on('console', (message) => {
      if (!expected?.test(message.text())) complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('dialog', (dialog) => complaints.push(dialog.message()))
    page.on('request', (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
        complaints.push(request.url())
    })
    onTestFinished(async () => {
      await page.close()
      expect(complaints).toEqual([])
    })
    await page.goto(`${origin}/${role}/`)
    await page.locator('.card').first().waitFor()
    return page
  }

  /** What stands beside a name in a list of facts. */
  const fact = (page: Page, card: string, name: string) =>
    page.locator(`${card} [data-key="${name}"] dd`).first().textContent()
  const phone = '[data-key="phone"]'

  /** Presses a button of an operation, fills in its dialog, and waits for the outcome. */
  async function operate(
    page: Page,
    target: string,
    label: string,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const card = page.locator(`section[data-key="${target}"]`)
    await card.getByRole('button', { name: label, exact: true }).click()
    const dialog = page.getByRole('dialog')
    for (const [name, value] of Object.entries(fields)) {
      const choice = dialog.locator(`select[name="${name}"]`)
      if ((await choice.count()) === 1) await choice.selectOption(value)
      else if (value === 'checked')
        await dialog
          .getByRole('checkbox')
          .and(dialog.locator(`[name="${name}"]`))
          .check()
      else await dialog.locator(`input[name="${name}"]`).fill(value)
    }
    await dialog.getByRole('button', { name: label, exact: true }).click()
    await dialog.locator('.done, .failed').waitFor()
    const outcome = await dialog.locator('.outcome').textContent()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
    return outcome!
  }

  test('each number is the one of the engine', async () => {
    const page = await open()
    const counts = (await sale.stats()).skus.phone!
    for (const name of ['available', 'held', 'confirmed', 'total'] as const)
      expect(await fact(page, phone, name)).toBe(counts[name].toLocaleString('en-US'))
    const card = 'section[data-key="room:queue"]'
    const stats = await queue.stats()
    expect(await fact(page, card, 'waiting')).toBe(String(stats.waiting))
    expect(await fact(page, card, 'rate asked')).toBe('5/s')
    expect(await fact(page, card, 'admitted')).toBe(String(stats.admitted))
    const answers = page.locator('[data-key="refusals"] tbody tr')
    await expect
      .poll(() => answers.allTextContents(), { timeout })
      .toEqual(['reserved1292.3 %', 'limit exceeded17.7 %'])
    const ofSale = page.locator('section[data-key="sale:launch"] [data-key="answers"] tbody tr')
    expect(await ofSale.allTextContents()).toEqual(await answers.allTextContents())
    const row = page.locator('[data-key="processes"] tbody tr').first()
    await expect.poll(() => row.textContent(), { timeout }).toContain(`:${process.pid}● present`)
    await sale.reserve({ buyer: 'late', items: [{ sku: 'phone', quantity: 1 }] })
    await expect.poll(() => fact(page, phone, 'held'), { timeout }).toBe(String(counts.held + 1))
  })

  test('a hostile name of a SKU is text wherever it stands', async () => {
    const page = await open()
    expect(await page.locator('.sku h3').allTextContents()).toContain(EVIL)
    expect(await page.locator('img').count()).toBe(0)
    await operate(page, 'sale:launch', 'Restock', { sku: EVIL, quantity: '1', reason: EVIL })
    const row = page.locator('[data-key="log"] tbody tr').first()
    await expect.poll(() => row.textContent(), { timeout }).toContain(EVIL)
    expect(await page.title()).toBe('Control room')
    expect(await page.locator('img').count()).toBe(0)
  })

  test('each button of a sale does what it says, with the reason in the log', async () => {
    const page = await open()
    const reason = 'a reason'
    const onSale = (label: string, fields: Record<string, string> = {}) =>
      operate(page, 'sale:launch', label, { reason, ...fields })
    const before = (await sale.stats()).skus.phone!.total
    expect(await onSale('Pause')).toBe('✓ Done.❚❚ paused New reservations are refused until you resume it.')
    expect(await onSale('Restock', { sku: 'phone', quantity: '50' })).toBe(
      '✓ Done.50 units of \u2068phone\u2069 added.',
    )
    expect((await sale.stats()).skus.phone!.total).toBe(before + 50)
    expect(await onSale('Set total', { sku: 'phone', total: '900' })).toBe(
      `✓ Done.The total of \u2068phone\u2069 is set (${900 - before - 50}).`,
    )
    expect((await sale.stats()).skus.phone!.total).toBe(900)
    expect(await onSale('Move units', { from: 'phone', to: EVIL, quantity: '3' })).toBe(
      `✓ Done.3 units moved from \u2068phone\u2069 to \u2068${EVIL}\u2069.`,
    )
    expect((await sale.stats()).skus.phone!.total).toBe(897)
    expect(await onSale('Change rules', { limitPerBuyer: '3' })).toBe(
      '✓ Done.The rules are in force: revision 1.',
    )
    expect((await sale.rules()).limitPerBuyer).toBe(3)
    expect(await onSale('Resume')).toBe('✓ Done.● open Buyers can reserve again.')
    expect((await sale.stats()).state).toBe('open')
    expect(await operate(page, 'sale:launch', 'Audit')).toContain('"ok": true')
    expect(await operate(page, 'sale:launch', 'Refunds due')).toContain('"payments": []')
    expect(await operate(page, 'sale:launch', 'Find', { by: 'buyer', value: 'u-1' })).toContain(
      '"buyer": "u-1"',
    )
    const logged = (await operations.log({ limit: 6 })).map(
      ({ operation, by, reason: why }) => `${operation} ${by} ${why}`,
    )
    expect(logged.reverse()).toEqual(
      ['pause', 'restock', 'set-total', 'move', 'update', 'resume'].map((name) => `${name} ann ${reason}`),
    )
    const rows = page.locator('[data-key="log"] tbody tr')
    await expect
      .poll(() => rows.first().textContent(), { timeout })
      .toContain('resumesale:launch✓ doneanna reason')
  })

  test('each button of a waiting room does what it says', async () => {
    const page = await open()
    const onRoom = (label: string, fields: Record<string, string> = {}) =>
      operate(page, 'room:queue', label, { reason: 'a reason', ...fields })
    expect(await onRoom('Change rate', { perSecond: '7.5', burst: '9' })).toBe(
      '✓ Done.\u2068room:queue\u2069 admits 7.5 a second, and at most 9 at once.',
    )
    expect((await queue.stats()).ratePerSecond).toBe(7.5)
    expect(await onRoom('Block a buyer', { buyer: 'v-0' })).toBe('✓ Done.The buyer is blocked.')
    expect((await queue.join('v-0')).status).toBe('blocked')
    expect(await onRoom('Unblock a buyer', { buyer: 'v-0' })).toBe('✓ Done.The buyer may join again.')
    expect(await onRoom('Pause')).toBe('✓ Done.❚❚ paused No visitor is admitted until you resume it.')
    expect((await queue.stats()).state).toBe('paused')
    expect(await onRoom('Resume')).toBe('✓ Done.The waiting room is not paused any more.')
    expect((await queue.stats()).state).toBe('open')
  })

  test('a sale is ended and removed, each after a warning', async () => {
    const over = new FlashSale('over', { engine: memory })
    await over.create({ stock: { a: 1 } })
    const page = await open()
    await page.locator('section[data-key="sale:over"]').getByRole('button', { name: 'End' }).click()
    expect(await page.getByRole('dialog').textContent()).toContain('This cannot be undone')
    await page.keyboard.press('Escape')
    expect((await over.stats()).state).toBe('open')
    expect(await operate(page, 'sale:over', 'End', { reason: 'done' })).toBe(
      '✓ Done.■ ended It will never sell again.',
    )
    expect(await operate(page, 'sale:over', 'Destroy', { reason: 'done' })).toBe(
      '✓ Done.Nothing is left of it.',
    )
    await page.locator('section[data-key="sale:over"]').waitFor({ state: 'detached' })
    await over.close()
  })

  test('a dialog is not sent without a reason, and says what the engine refuses', async () => {
    const page = await open('operate', 1_280, 'light', /status of 400/)
    await page.getByRole('button', { name: 'Restock' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('[name="sku"]').selectOption('phone')
    await dialog.locator('[name="quantity"]').fill('0')
    const send = dialog.getByRole('button', { name: 'Restock' })
    await send.click()
    expect(await dialog.locator('[name="reason"]:focus:invalid').count()).toBe(1)
    expect(await dialog.locator('.outcome').textContent()).toBe('')
    await dialog.locator('[name="reason"]').fill('a reason')
    await send.click()
    await dialog.locator('.failed').waitFor()
    expect(await dialog.locator('.failed').textContent()).toContain('INVALID_ARGUMENT')
    expect(await send.isEnabled()).toBe(true)
  })

  test('a viewer without rights has no buttons that change anything, and cannot change it by hand', async () => {
    const page = await open('read')
    expect(await page.locator('#viewer').textContent()).toBe(`${EVIL}, may look only`)
    const labels = await page.locator('.card button').allTextContents()
    expect(new Set(labels)).toEqual(new Set(['Find', 'Audit', 'Refunds due']))
    const response = await page.request.post(`${origin}/read/operations`, {
      headers: { 'stockhold-control-room': '1' },
      data: { operation: 'pause', target: 'sale:launch', reason: 'mine' },
    })
    expect(response.status()).toBe(403)
    expect((await sale.stats()).state).toBe('open')
    expect(await operate(page, 'sale:launch', 'Audit')).toContain('"ok": true')
  })

  test('the figures of Redis, with units; an alert says what to do, and without the right a sentence', async () => {
    const replicas = [{ address: EVIL, isOnline: false, lagSeconds: 60, behindBytes: 3 * 2 ** 20 }]
    const memoryOf = { usedMemory: 820 * 2 ** 20, maxMemory: 2 ** 30 }
    master.figures = figuresOfServer({ ...memoryOf, clients: 1_200, replicas, policy: 'allkeys-lru' })
    const page = await open('mastered')
    const panel = page.locator('section[data-key="redis"]')
    const told = async () =>
      Object.fromEntries(
        await Promise.all(
          (await panel.locator('dl > div').all()).map(async (one) => [
            await one.getAttribute('data-key'),
            (await one.locator('dd').allTextContents()).join(' '),
          ]),
        ),
      )
    await expect.poll(told, { timeout }).toEqual({
      'memory used': '820 MB 80.1 % of 1 GB',
      policy: 'allkeys-lru when memory is used up',
      CPU: expect.stringMatching(/^(0 %|–) of one core, over ten seconds$/),
      clients: '1,200 of 10,000',
      replicas: '1',
    })
    expect(await panel.locator('li').allTextContents()).toEqual([
      `▲ ${EVIL} not online, heard of 60 s ago, 3 MB behind`,
    ])
    expect(await panel.locator('h3').textContent()).toBe(`${EVIL} Redis 7.2.4`)
    expect(await page.locator('img').count()).toBe(0)
    const alerts = page.locator('.alert')
    for (const text of [
      'Redis uses 80 % of its maxmemory',
      'deletes stock and orders',
      'Replicas are behind',
    ])
      expect(await alerts.filter({ hasText: text }).locator('ol li').count()).toBeGreaterThan(1)
    master.figures = undefined
    await panel.getByText('may not run INFO').waitFor()
    expect(await panel.locator('dl').count()).toBe(0)
    expect(await alerts.filter({ hasText: 'redis' }).count()).toBe(0)
  })

  test('says that Redis is away, keeps the latest figures, and goes on afterwards', async () => {
    const page = await open()
    const status = page.locator('#status')
    await expect.poll(() => status.textContent(), { timeout }).toContain('Live')
    const available = await fact(page, phone, 'available')
    redis.isAway = true
    onTestFinished(() => {
      redis.isAway = false
    })
    await expect.poll(() => status.textContent(), { timeout }).toContain('Redis has not answered since')
    expect(await fact(page, phone, 'available')).toBe(available)
    redis.isAway = false
    await expect.poll(() => status.textContent(), { timeout }).toContain('Live')
  })

  test.each([
    ['a desk', 1_280, 'light'],
    ['a desk at night', 1_280, 'dark'],
    ['a phone', 390, 'light'],
    ['a phone at night', 390, 'dark'],
  ] as const)(
    'on %s nothing is too wide, and everything is reached by keyboard',
    async (_, width, scheme) => {
      const page = await open('operate', width, scheme)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
      const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
      expect(Number(/\d+/.exec(ground)![0]) < 128).toBe(scheme === 'dark')
      const first = page.locator('.card button').first()
      const label = await first.textContent()
      const focused = first.and(page.locator(':focus'))
      for (let presses = 0; presses < 30; presses++) {
        await page.keyboard.press('Tab')
        if ((await focused.count()) === 1) break
      }
      await page.keyboard.press('Enter')
      await page.getByRole('dialog', { name: new RegExp(`^${label}`) }).waitFor()
      await page.keyboard.press('Escape')
      // Readings go on, and the button keeps the focus.
      const before = await page.locator('#status').textContent()
      await expect.poll(() => page.locator('#status').textContent(), { timeout }).not.toBe(before)
      expect(await focused.count()).toBe(1)
    },
  )

  test('says that the connection is lost, and of when the figures are, until it is back', async () => {
    const page = await open('operate', 1_280, 'light', /ERR_/)
    let connect = () => {}
    connected = new Promise((resolve) => {
      connect = resolve
    })
    server.closeAllConnections()
    await page.getByText(/^▲ Connecting again… The figures are of \d\d:\d\d:\d\d\.$/).waitFor()
    await page.locator('main.stale').waitFor()
    connect()
    await page.getByText(/^● Live/).waitFor()
    await page.locator('main:not(.stale)').waitFor()
  })

  test('the course of the evening is drawn, goes on, and goes with its sale', async () => {
    const { engine: past, advance } = evening
    const soldBefore = new FlashSale('launch', { engine: past })
    const door = new WaitingRoom('door', { engine: past, secret: 's'.repeat(32), ratePerSecond: 1 })
    onTestFinished(() => Promise.all([soldBefore.close(), door.close()]).then(() => {}))
    await soldBefore.create({ stock: { [EVIL]: 500, phone: 700 } })
    await door.create()
    for (let i = 0; i < 60; i++) await door.join(`v-${i}`)
    const sell = async (step: number) => {
      for (let i = 0; i < 5; i++) {
        const items = [{ sku: 'phone', quantity: 3 }]
        const held = await soldBefore.reserve({ buyer: `u-${step}-${i}`, items })
        if (held.status === 'reserved' && i < step % 6) await soldBefore.confirm(held.reservation.id)
      }
      await advance(10_000)
    }

    const page = await open('evening')
    const launch = page.locator('section[data-key="sale:launch"]')
    await launch.getByText('No point yet: the first one comes ten seconds after').waitFor()
    expect(await launch.locator('canvas').count()).toBe(0)
    for (let step = 0; step < 30; step++) await sell(step)

    await page.clock.install()
    await page.reload()
    // A language that Intl refuses hinders no chart.
    expect(await page.evaluate('navigator.language')).toBe('en-US@posix')
    const text = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 1 })
    const latestUnits = async () => {
      const { skus } = (await saleCourse(past, 'launch')).points.at(-1)!
      const sum = (of: 'available' | 'held' | 'confirmed') =>
        Object.values(skus).reduce((units, sku) => units + sku[of], 0)
      return [sum('available'), sum('held'), sum('confirmed')].map(text)
    }
    const legend = launch.locator('.legend strong')
    await expect.poll(() => legend.allTextContents(), { timeout }).toEqual(await latestUnits())
    expect(await launch.locator('canvas').count()).toBe(1)
    const drawing = launch.getByRole('img', { name: 'Units over time of sale:launch' })
    for (const value of await latestUnits()) expect(await drawing.getAttribute('aria-label')).toContain(value)

    await launch.getByText('The points as a table').click()
    const rows = launch.locator('.course tbody tr')
    await expect.poll(() => rows.count(), { timeout }).toBe((await saleCourse(past, 'launch')).points.length)
    expect(await rows.first().locator('td').allTextContents()).toEqual(await latestUnits())
    const queue = page.locator('section[data-key="room:door"]')
    await queue.scrollIntoViewIfNeeded()
    await expect.poll(() => queue.locator('canvas').count(), { timeout }).toBe(2)
    const { waiting, ratePerSecond } = (await roomCourse(past, 'door')).at(-1)!
    expect((await queue.locator('.legend strong').allTextContents()).toSpliced(1, 1)).toEqual(
      [waiting, ratePerSecond].map(text),
    )

    // The pointer reads an earlier point, here the first one.
    await drawing.locator('.u-over').hover({ position: { x: 1, y: 50 } })
    expect(await legend.allTextContents()).toEqual(await rows.last().locator('td').allTextContents())
    await page.mouse.move(0, 0)
    await expect.poll(() => legend.allTextContents(), { timeout }).toEqual(await latestUnits())

    // A narrower window, and later points.
    await page.setViewportSize({ width: 390, height: 900 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    const widthOf = async () => (await launch.locator('canvas').boundingBox())!.width
    await expect.poll(widthOf, { timeout }).toBeLessThan(390)
    await launch.scrollIntoViewIfNeeded()
    await sell(30)
    await page.clock.fastForward(10_000)
    await expect
      .poll(
        async () => {
          await advance(1_000)
          return isDeepStrictEqual(await legend.allTextContents(), await latestUnits())
        },
        { timeout },
      )
      .toBe(true)
    await soldBefore.end()
    const destroyed = soldBefore.destroy({ force: true })
    await expect
      .poll(
        async () => {
          await advance(1_000)
          return [await launch.count(), await page.locator('canvas').count()]
        },
        { timeout },
      )
      .toEqual([0, 2])
    expect((await destroyed).status).toBe('destroyed')
  })

  test('a sale that Redis has lost is an alert with a guide, and one button recovers it', async () => {
    const held = await sale.reserve({ buyer: 'before', items: [{ sku: 'phone', quantity: 1 }] })
    const { held: units, confirmed } = (await sale.stats()).skus.phone!
    const page = await open()
    await expect.poll(() => page.locator('[data-key="processes"] tbody tr').count(), { timeout }).toBe(1)
    ;(memory as MemoryEngine).partitions.clear()
    const alert = page.locator('.alert.critical')
    await alert.waitFor()
    expect(await alert.textContent()).toContain('sale:launch')
    expect(await alert.locator('ol li').first().isVisible()).toBe(true)
    await expect.poll(() => page.locator('#announcements').textContent(), { timeout }).toContain('critical')
    const fields = { from: 'replay', waitFor: '1', reason: 'Redis came back empty' }
    const outcome = await operate(page, 'sale:launch', 'Recover', fields)
    expect(outcome).toContain('✓ Done.● open The sale sells again.')
    expect(outcome).toMatch(/put back\d+reservationsrefused0/)
    await alert.waitFor({ state: 'detached' })
    expect((await sale.stats()).skus.phone).toMatchObject({ held: units, confirmed })
    expect(held.status === 'reserved' && (await sale.get(held.reservation.id))?.state).toBe('held')
  })

  test('a recovery shows which processes have answered, and which are missing, while it runs', async () => {
    let isOpen = true
    let comeBack = () => {}
    const opened = new Promise<void>((resolve) => {
      comeBack = resolve
    })
    // Another process, which does not reach Redis for a while.
    const port = memory.heartbeat!
    const other = wrapped(memory, {
      heartbeat: {
        ...port,
        ready: () => port.ready(),
        run: async (...call) => {
          if (!isOpen) await opened
          return port.run(...call)
        },
      },
    })
    const there = new FlashSale('launch', { engine: other })
    onTestFinished(() => there.close())
    await there.reserve({ buyer: 'there', items: [{ sku: 'phone', quantity: 1 }] })
    const page = await open()
    const processes = page.locator('[data-key="processes"] tbody tr')
    await expect.poll(() => processes.count(), { timeout }).toBe(2)
    isOpen = false
    ;(memory as MemoryEngine).partitions.clear()
    const alert = page.locator('.alert.critical')
    await alert.getByRole('button', { name: 'Recover' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('[name="from"]').selectOption('replay')
    await dialog.locator('[name="reason"]').fill('Redis came back empty')
    expect(await dialog.locator('[name="waitFor"]').inputValue()).toBe('2')
    await dialog.getByRole('button', { name: 'Recover' }).click()
    const told = /Recovery of .*: 1 of 2 processes have answered\. Missing: /
    await dialog.getByText(told).waitFor()
    await page.keyboard.press('Escape')
    await alert.getByText(told).waitFor()
    const rows = alert.locator('.recovery tbody tr')
    expect(await rows.first().textContent()).toMatch(/has not answered yet|is silent/)
    expect(await rows.last().textContent()).toContain('✓ has answered')
    isOpen = true
    comeBack()
    await alert.waitFor({ state: 'detached' })
    const card = page.locator('section[data-key="sale:launch"]')
    await card.getByText(/✓ the sale was resumed\. \d+ reservations were put back, 0 refused/).waitFor()
    expect((await sale.stats()).state).toBe('open')
  })

  describe('a sale that Redis has come back older of, or without', () => {
    const card = 'section[data-key="sale:night"]'
    const reason = 'Redis came back'

    /** A sale of its own, with 8 of 10 units left. */
    async function stage() {
      const night = new FlashSale('night', { engine: memory, deadlineMs: 60_000 })
      onTestFinished(async () => {
        await night.end()
        await night.destroy({ force: true })
        await night.close()
      })
      await night.create({ stock: { [EVIL]: 10 } })
      const reserve = () => night.reserve({ buyer: 'ann', items: [{ sku: EVIL, quantity: 1 }] })
      for (let i = 0; i < 2; i++) expect(await reserve()).toMatchObject({ status: 'reserved' })
      const { incarnation } = contextOf(night).client.partitions
      const freeze = async () => {
        const lastSeen = { generation: 99, sequence: 1, batchId: 'lost' }
        const call = { incarnation: incarnation!, deadline: Number.MAX_SAFE_INTEGER, minTime: 0, lastSeen }
        const reply = await memory.partition('night', 0, 1).run('stats', [{}], call)
        expect(reply.outcome).toBe('rolled_back')
      }
      return { night, reserve, freeze }
    }
    const unitsOf = (available: number) => `SKUTotalAvailable${EVIL}10${available}Compare these totals`

    test('is paused while it is frozen, and is still paused after the recovery', async () => {
      const { reserve, freeze } = await stage()
      const page = await open()
      await freeze()
      await page.locator(card).getByText('✖ frozen').waitFor()
      await page.locator(card).getByRole('button', { name: 'Pause' }).click()
      expect(await page.getByRole('dialog').textContent()).toContain('still paused when a recovery has ended')
      await page.keyboard.press('Escape')
      expect(await operate(page, 'sale:night', 'Pause', { reason })).toBe(
        '✓ Done.❚❚ paused It is still frozen, too: recover it, and then resume it.',
      )
      const outcome = await operate(page, 'sale:night', 'Recover', { from: 'accept', reason })
      expect(outcome).toContain('✓ Done.❚❚ paused It sells nothing, or not in each partition, until')
      expect(outcome).toContain(unitsOf(8))
      expect(await reserve()).toMatchObject({ status: 'paused' })
      expect(await operate(page, 'sale:night', 'Resume', { reason })).toContain('● open Buyers can reserve')
      expect(await reserve()).toMatchObject({ status: 'reserved' })
    })

    test.each([
      ['accept', 'frozen', 8],
      ['replay', 'frozen', 8],
      ['accept', 'lost', 10],
      ['replay', 'lost', 8],
    ] as const)('%s of a %s sale pauses it before it could sell', async (from, state, left) => {
      const { reserve, freeze } = await stage()
      const page = await open()
      if (state === 'frozen') await freeze()
      else expect((memory as MemoryEngine).partitions.delete('0:night')).toBe(true)
      await page.locator(card).getByText(`✖ ${state}`).waitFor()
      const outcome = await operate(page, 'sale:night', 'Recover', {
        ...{ from, waitFor: '1', paused: 'checked', reason },
      })
      expect(outcome).toContain('✓ Done.❚❚ paused It sells nothing until you resume it.')
      expect(outcome).toContain(unitsOf(left))
      expect(await reserve()).toMatchObject({ status: 'paused' })
      expect(await operate(page, 'sale:night', 'Resume', { reason })).toContain('● open Buyers can reserve')
      expect(await reserve()).toMatchObject({ status: 'reserved' })
    })

    test('says who has not answered if it stays frozen, and is recovered by the same dialog', async () => {
      const { freeze } = await stage()
      const page = await open()
      await freeze()
      await page.locator(card).getByRole('button', { name: 'Recover' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.locator('[name="from"]').selectOption('accept')
      await dialog.locator('[name="reason"]').fill(reason)
      const recover = dialog.getByRole('button', { name: 'Recover' })
      const told = { ...frozenAnswer('sale:night'), logged: true }
      await page.route('**/operations', (route) => route.fulfill({ json: told }), { times: 1 })
      await recover.click()
      await dialog.locator('.recovered').waitFor()
      const outcome = await dialog.locator('.outcome').textContent()
      expect(outcome).toContain('✖ The sale is not recovered yet.✖ frozen The sale is still frozen.')
      expect(outcome).toContain(`could not be restoredBuyerReasonReservation${EVIL}sold outr-1`)
      expect(outcome).toMatch(/MissingSeenError.*host:17.*UNAVAILABLE: away/)
      expect(outcome).toContain('✖ Redis has lost waiting rooms too: queue, door. A waiting room cannot be')
      expect(await recover.isEnabled()).toBe(true)
      await page.setViewportSize({ width: 390, height: 844 })
      const cut = (blocks: readonly { scrollWidth: number; clientWidth: number }[]) =>
        blocks.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)
      expect(await dialog.locator('.scroll').evaluateAll(cut)).toEqual([0, 0])
      await recover.click()
      await dialog.locator('.done').waitFor()
      expect(await dialog.locator('.outcome').textContent()).toContain('● open The sale sells again.')
    })
  })
})

/** What the operations answer if a process has not recovered, with everything that can be told. */
function frozenAnswer(target: string): Recovered {
  const reservation = { id: 'r-1', buyer: EVIL, items: [], key: null, createdAt: 0, expiresAt: 0 }
  const missing = { id: 'p', host: 'host', pid: 17, seenAt: 0, isPresent: false, error: 'UNAVAILABLE: away' }
  const processes = { answered: [], missing: [missing], lacking: 1, resumed: false, joined: false }
  return {
    ...{ operation: 'recover', target, logged: false, skus: null, lostRooms: ['queue', 'door'] },
    result: {
      ...{ restored: 1_234, forgotten: 2, state: 'frozen', processes },
      refused: [
        { reservation: { ...reservation, state: 'held' }, reason: 'sold_out' },
        {
          reservation: { ...reservation, id: `1AA${'m'.repeat(16)}`, buyer: 'w'.repeat(80), state: 'held' },
          reason: 'limit_exceeded',
        },
      ],
    },
  }
}
