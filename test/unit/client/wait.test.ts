/** The wait of a visitor, in a browser that the test plays. */
import { describe, expect, test } from 'vitest'
import { saleClientOn } from '../../../src/client/sale-client.js'
import { FakeBrowser, type FakePage, json, problem } from '../../support/client/fake-page.js'
import { settled } from '../../support/test-clock.js'

const waiting = (position: number, retryAfterMs = 5_000) => ({
  ...{ status: 'waiting', now: 1, position, etaMs: null, retryAfterMs },
})
const admitted = { status: 'admitted', now: 1, expiresAt: 2, expiresInMs: 1 }
const soldOut = { status: 'closed', now: 1, reason: 'sold_out', retryAfterMs: 20_000 }

/** A queue that a test moves on, and the visitors of one browser who wait in it. */
class Queue {
  readonly browser = new FakeBrowser()
  /** What a poll is answered. */
  answer: () => Response = () => json(waiting(9))

  async visit(lacks: Parameters<FakeBrowser['open']>[1] = {}) {
    const page = this.browser.open(() => this.answer(), lacks)
    const heard: number[] = []
    const leaving = new AbortController()
    let end: unknown
    const wait = saleClientOn(page, { url: '/shop' })
      .wait({ onUpdate: ({ position }) => void heard.push(position), signal: leaving.signal })
      .then(
        (told) => {
          end = told.code ?? told.status
        },
        (error) => {
          end = error
        },
      )
    await settled()
    return { page, heard, leaving, wait, end: () => end, stream: () => page.streams.at(-1)! }
  }
}

const polls = (page: FakePage) => page.requests.length

test('a visitor hears of each position by the stream, and polls once for the pass', async () => {
  const queue = new Queue()
  const { page, heard, stream, end, wait } = await queue.visit()
  expect(stream()).toMatchObject({ url: '/shop/queue/events' })
  await stream().say(waiting(2))
  await queue.browser.pass(10_000)
  await stream().say(waiting(1))
  expect(heard).toEqual([2, 1])
  expect(polls(page)).toBe(0)
  queue.answer = () => json(admitted)
  await stream().say(admitted)
  await wait
  expect(end()).toBe('admitted')
  expect(page.requests).toEqual(['GET /shop/queue'])
  expect(queue.browser.leftovers).toBe(0)
})

test('a stream that a proxy holds back is replaced by polls, no earlier than the server asks', async () => {
  const queue = new Queue()
  const { page, heard } = await queue.visit()
  await queue.browser.pass(2_999)
  expect(polls(page)).toBe(0)
  await queue.browser.pass(1)
  expect(heard).toEqual([9])
  await queue.browser.pass(4_999)
  expect(polls(page)).toBe(1)
  await queue.browser.pass(1)
  expect(polls(page)).toBe(2)
})

test('without EventSource the visitor polls from the beginning', async () => {
  const queue = new Queue()
  const { page, heard } = await queue.visit({ events: true })
  await queue.browser.pass(5_000)
  expect(heard).toEqual([9, 9])
  expect(polls(page)).toBe(2)
})

test('while events come, a long silence is worth one poll', async () => {
  const queue = new Queue()
  const { page, stream } = await queue.visit()
  await stream().say(waiting(3))
  await queue.browser.pass(29_999)
  expect(polls(page)).toBe(0)
  await queue.browser.pass(1)
  expect(polls(page)).toBe(1)
})

test('a refused stream: the visitor polls soon, and tries a stream again after a minute', async () => {
  const queue = new Queue()
  const { page, stream } = await queue.visit()
  await stream().say(waiting(3, 1_000))
  await stream().fail(true)
  await queue.browser.pass(5_000)
  expect(polls(page)).toBeGreaterThan(0)
  await queue.browser.pass(54_000)
  expect(page.streams).toHaveLength(1)
  await queue.browser.pass(7_000)
  expect(page.streams).toHaveLength(2)
  const before = polls(page)
  await stream().say(waiting(2))
  await queue.browser.pass(20_000)
  expect(polls(page) - before).toBeLessThanOrEqual(1)
})

test('a stream that the browser opens again by itself is left to it', async () => {
  const queue = new Queue()
  const { page, stream, heard } = await queue.visit()
  await stream().say(waiting(3))
  await stream().fail(false)
  await queue.browser.pass(5_000)
  await stream().say(waiting(2))
  expect(heard).toEqual([3, 2])
  expect(page.streams).toHaveLength(1)
  expect(polls(page)).toBe(0)
})

describe('the wait ends for good', () => {
  const ends: readonly [string, object, Response, string][] = [
    ['everything is sold', soldOut, json(soldOut), 'closed'],
    ['the sale ends', { ...soldOut, reason: 'ended' }, json({ ...soldOut, reason: 'ended' }), 'closed'],
    ['the visitor is removed', { status: 'gone', now: 1 }, problem('TICKET_INVALID', 403), 'TICKET_INVALID'],
  ]
  test.each(ends)('when %s, by an event', async (_, event, answer, told) => {
    const queue = new Queue()
    const { page, stream, end, wait } = await queue.visit()
    queue.answer = () => answer.clone()
    await stream().say(event)
    await wait
    expect(end()).toBe(told)
    const asked = polls(page)
    await queue.browser.pass(3_600_000)
    await page.online()
    expect(polls(page)).toBe(asked)
    expect(queue.browser.leftovers).toBe(0)
  })

  test.each(ends)('when %s, by a poll', async (_, _event, answer, told) => {
    const queue = new Queue()
    queue.answer = () => answer.clone()
    const { page, end, wait } = await queue.visit({ events: true, locks: true })
    await queue.browser.pass(0)
    await wait
    expect(end()).toBe(told)
    await queue.browser.pass(3_600_000)
    expect(polls(page)).toBe(1)
    expect(queue.browser.leftovers).toBe(0)
  })

  test('when the signal aborts', async () => {
    const queue = new Queue()
    const { leaving, stream, end, wait } = await queue.visit()
    await stream().say(waiting(3))
    leaving.abort('left the page')
    await wait
    expect(end()).toBe('left the page')
    expect(stream().readyState).toBe(2)
    expect(queue.browser.leftovers).toBe(0)
  })

  test('before it begins, if the signal is aborted already', async () => {
    const queue = new Queue()
    const page = queue.browser.open(() => queue.answer())
    const signal = AbortSignal.abort('no')
    await expect(saleClientOn(page).wait({ signal })).rejects.toBe('no')
    expect(page.streams).toEqual([])
    expect(queue.browser.leftovers).toBe(0)
  })
})

test('a page that is shown again asks at once what it may have missed, and not more often', async () => {
  const queue = new Queue()
  const { page, stream } = await queue.visit()
  await stream().say(waiting(3))
  await page.show(false)
  await queue.browser.pass(4_000)
  await page.show(true)
  expect(polls(page)).toBe(0)
  await page.show(false)
  await queue.browser.pass(2_000)
  expect(polls(page)).toBe(0)
  await page.show(true)
  expect(polls(page)).toBe(1)
})

test('a poll without a network is sent again, and at once when the network is back', async () => {
  const queue = new Queue()
  queue.answer = () => {
    throw new TypeError('Failed to fetch')
  }
  const { page, heard } = await queue.visit({ events: true })
  await queue.browser.pass(120_000)
  const tries = polls(page)
  expect(tries).toBeGreaterThan(3)
  expect(tries).toBeLessThan(12)
  queue.answer = () => json(waiting(4))
  await page.online()
  expect(heard).toEqual([4])
  expect(polls(page)).toBe(tries + 1)
})

describe('two tabs of one browser', () => {
  test('share one stream, and are admitted together', async () => {
    const queue = new Queue()
    const [first, second] = [await queue.visit(), await queue.visit()]
    await settled()
    expect([first.page.streams.length, second.page.streams.length]).toEqual([1, 0])
    await first.stream().say(waiting(2))
    expect([first.heard, second.heard]).toEqual([[2], [2]])
    queue.answer = () => json(admitted)
    await first.stream().say(admitted)
    await Promise.all([first.wait, second.wait])
    expect([first.end(), second.end()]).toEqual(['admitted', 'admitted'])
    expect(queue.browser.leftovers).toBe(0)
  })

  test('the second takes the stream over when the first is closed', async () => {
    const queue = new Queue()
    const [first, second] = [await queue.visit(), await queue.visit()]
    await first.stream().say(waiting(2))
    first.leaving.abort('closed')
    await first.wait
    await settled()
    expect(second.page.streams).toHaveLength(1)
    await second.stream().say(waiting(1))
    expect(second.heard).toEqual([2, 1])
  })

  test('a tab that gets the stream at the moment it is closed opens none, and passes it on', async () => {
    const queue = new Queue()
    const [first, second, third] = [await queue.visit(), await queue.visit(), await queue.visit()]
    second.leaving.abort('closed')
    first.leaving.abort('closed')
    await Promise.all([first.wait, second.wait])
    await settled()
    expect([second.page.streams.length, third.page.streams.length]).toEqual([0, 1])
    third.leaving.abort('closed')
    await third.wait
    expect(queue.browser.leftovers).toBe(0)
  })

  test('what one polls, the other hears', async () => {
    const queue = new Queue()
    queue.answer = () => json(waiting(9, 1_000))
    const [first, second] = [await queue.visit({ events: true }), await queue.visit()]
    await queue.browser.pass(1_000)
    expect([first.heard, second.heard]).toEqual([[9, 9], [9]])
    expect(polls(second.page)).toBe(0)
  })

  test('a second tab does not wait for a first one that says nothing', async () => {
    const queue = new Queue()
    await queue.visit()
    const second = await queue.visit()
    await queue.browser.pass(3_000)
    expect(second.heard.length).toBeGreaterThan(0)
  })
})
