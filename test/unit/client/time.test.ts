/** Countdowns by the server's time, and pages that read the sale now and then. */
import { expect, test } from 'vitest'
import { saleClientOn } from '../../../src/client/sale-client.js'
import { FakeBrowser, json } from '../../support/client/fake-page.js'
import { settled } from '../../support/test-clock.js'

function opened(answer: () => Response = () => json({})) {
  const browser = new FakeBrowser()
  const page = browser.open(answer)
  return { browser, page, client: saleClientOn(page) }
}

test('a countdown ticks at once, with each second of what is left, and at the end', async () => {
  const { browser, client } = opened()
  const ticks: number[] = []
  const counting = client.countdown(2_500, { onTick: (left) => void ticks.push(left) })
  await browser.pass(2_500)
  await counting
  expect(ticks).toEqual([2_500, 2_000, 1_000, 0])
  expect(browser.leftovers).toBe(0)
})

test.each([
  ['is set back', -3_600_000, 9_000],
  ['has slept, so that its ticks stood still', 4_000, 5_000],
])('a countdown is right on a machine that %s', async (_, skew, left) => {
  const { browser, page, client } = opened()
  const ticks: number[] = []
  void client.countdown(10_000, { onTick: (ms) => void ticks.push(ms) })
  page.skew = skew
  await browser.pass(1_000)
  expect(ticks.at(-1)).toBe(left)
})

test('a countdown ticks when the page is shown again, and ends with its signal', async () => {
  const { browser, page, client } = opened()
  const ticks: number[] = []
  const leaving = new AbortController()
  const counting = client.countdown(10_000, { onTick: (ms) => void ticks.push(ms), signal: leaving.signal })
  await browser.pass(500)
  await page.show(true)
  expect(ticks).toEqual([10_000, 9_500])
  leaving.abort('left')
  await expect(counting).rejects.toBe('left')
  expect(browser.leftovers).toBe(0)
})

test('a page reads the sale now and then, not while it is hidden, and no more after the end', async () => {
  let state = 'open'
  const { browser, page, client } = opened(() => json({ now: 1, state, skus: [] }))
  const seen: string[] = []
  const watching = client.watch({ onSale: (sale) => void seen.push(sale.state), everyMs: 1_000 })
  await settled()
  expect(seen).toEqual(['open'])
  await browser.pass(1_250)
  expect(seen).toHaveLength(2)
  await page.show(false)
  await browser.pass(60_000)
  expect(seen).toHaveLength(2)
  state = 'ended'
  await page.show(true)
  await watching
  expect(seen).toEqual(['open', 'open', 'ended'])
  expect(browser.leftovers).toBe(0)
})
