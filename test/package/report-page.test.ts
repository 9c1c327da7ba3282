/** The page of the report as a browser shows it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reportPage } from '../../bench/report/html/page.js'
import { EVIL, figure, reportOf } from '../../bench/report/sample.js'
import { useBrowser } from '../support/browser.js'

/** Only a page that never gets there reaches it. ms */
const timeout = 300_000

const report = reportOf([figure('callers.reserve-plain-2000', 4.31, { spread: [4.02, 4.6] })])

describe('the page in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stockhold-report-'))
  const file = join(folder, 'report.html')
  const browser = useBrowser()

  beforeAll(async () => writeFileSync(file, reportPage(report)))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** Opens the page, and collects whatever it complains about or asks a network for. */
  async function open(
    width: number,
    colorScheme: 'light' | 'dark',
  ): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser().newPage({ viewport: { width, height: 800 }, colorScheme })
    page.setDefaultTimeout(timeout)
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('request', (request) => {
      if (request.url() !== pathToFileURL(file).href) complaints.push(request.url())
    })
    await page.goto(pathToFileURL(file).href)
    await page.locator('canvas').nth(1).waitFor()
    return { page, complaints }
  }

  /** How many different colours a chart has: background, grid, text, lines. */
  const coloursOf = (page: Page) =>
    page.evaluate<number[]>(`[...document.querySelectorAll('canvas')].map((canvas) =>
      new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size)`)

  test.each([
    ['a desk', 1100, 'light'],
    ['a desk at night', 1100, 'dark'],
    ['a phone', 360, 'light'],
    ['a phone at night', 360, 'dark'],
  ] as const)('on %s: charts drawn, nothing too wide, no complaint', async (_, width, colorScheme) => {
    const { page, complaints } = await open(width, colorScheme)
    const colours = await coloursOf(page)
    expect(colours).toHaveLength(2)
    for (const count of colours) expect(count).toBeGreaterThan(20)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    const [red] = /\d+/.exec(ground)!
    expect(Number(red) < 128).toBe(colorScheme === 'dark')
    expect(complaints).toEqual([])
    await page.close()
  })

  test('says its numbers and verdicts in text', async () => {
    const { page } = await open(1100, 'light')
    const text = await page.locator('body').textContent()
    for (const expected of [
      'The one invariant checked holds',
      '4.31×',
      '4.02 to 4.60',
      '✓ met',
      'not measured',
    ]) {
      expect(text).toContain(expected)
    }
    for (const expected of ['205,331/s', 'oversold 0', 'oversold 12', 'noeviction', EVIL])
      expect(text).toContain(expected)
    expect(await page.title()).toContain('stockhold bench')
    await page.close()
  })

  test('every chart has its values behind it, and tells its lines apart without colours', async () => {
    const { page } = await open(1100, 'light')
    expect(await page.locator('figure details table').count()).toBe(3)
    expect(await page.locator('figure').first().locator('details tbody tr').count()).toBe(60)
    expect(
      await page.getByRole('img', { name: /^Line chart: Throughput\. seconds from 0 to 59\./ }).count(),
    ).toBe(1)
    const dashes = await page.evaluate<string[]>(
      `[...document.querySelectorAll('figure')[0].querySelectorAll('.legend [stroke-dasharray]')].map((line) => line.getAttribute('stroke-dasharray'))`,
    )
    expect(new Set(dashes).size).toBe(2)
    await page.close()
  })

  test('the pointer reads values off a chart', async () => {
    const { page } = await open(1100, 'light')
    await page.locator('.u-over').first().hover()
    const readouts = page.locator('figure').first().locator('output')
    expect(await readouts.count()).toBe(3)
    await expect.poll(() => readouts.nth(1).textContent(), { timeout }).toMatch(/^[\d,]+$/)
    await page.close()
  })

  test('follows when the night begins, and when the window is made narrow', async () => {
    const { page, complaints } = await open(1100, 'light')
    const image = () => page.evaluate<string>('document.querySelector("canvas").toDataURL()')
    const before = await image()
    await page.emulateMedia({ colorScheme: 'dark' })
    await expect.poll(image, { timeout }).not.toBe(before)
    await page.setViewportSize({ width: 360, height: 800 })
    await expect
      .poll(() => page.evaluate('document.querySelector("canvas").clientWidth'), { timeout })
      .toBeLessThan(360)
    expect(complaints).toEqual([])
    await page.close()
  })
})
