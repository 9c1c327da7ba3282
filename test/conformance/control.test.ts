import { expect, test } from 'vitest'
import { testOfOne } from '../support/several.js'
import { onBothEngines } from '../support/shop.js'

/** 2001-01-01: no earlier time is accepted. */
const FIRST_MOMENT = 978_307_200_000

onBothEngines((open) => {
  test('pause and resume answer the state afterwards, with one event for each change', async () => {
    const shop = await open()
    expect(await shop.sale.pause()).toBe('paused')
    expect(await shop.sale.pause()).toBe('paused')
    expect((await shop.sale.stats()).state).toBe('paused')
    expect(await shop.sale.resume()).toBe('open')
    expect(await shop.sale.resume()).toBe('open')
    expect((await shop.sale.stats()).state).toBe('open')
    expect(await shop.news()).toEqual([{ type: 'paused' }, { type: 'resumed' }])
  })

  test('end is for good: a pause or a resume changes nothing any more', async () => {
    const shop = await open()
    await shop.sale.pause()
    expect(await shop.sale.end()).toBe('ended')
    expect(await shop.sale.end()).toBe('ended')
    expect(await shop.sale.resume()).toBe('ended')
    expect(await shop.sale.pause()).toBe('ended')
    expect(await shop.news()).toEqual([{ type: 'paused' }, { type: 'ended' }])
  })

  test('an open sale that was not paused is not resumed', async () => {
    const shop = await open()
    expect(await shop.sale.resume()).toBe('open')
    expect(await shop.news()).toEqual([])
  })

  test('before opensAt: not_started stays the answer, paused or not; the pause is kept', async () => {
    const clock = await open()
    const shop = await open({ opensAt: clock.now() + 100 })
    expect(await shop.sale.pause()).toBe('not_started')
    await shop.advance(100)
    expect(await shop.sale.pause()).toBe('paused')
    expect(await shop.sale.resume()).toBe('open')
    expect(await shop.news()).toEqual([{ type: 'paused' }, { type: 'resumed' }])
  })

  test('after closesAt: ended; pause and resume change nothing, end still ends', async () => {
    const clock = await open()
    const shop = await open({ closesAt: clock.now() + 100 })
    await shop.advance(100)
    expect(await shop.sale.pause()).toBe('ended')
    expect(await shop.sale.resume()).toBe('ended')
    expect(await shop.news()).toEqual([])
    expect(await shop.sale.end()).toBe('ended')
    expect(await shop.news()).toEqual([{ type: 'ended' }])
  })

  test('closesAt may be the first moment there is: the sale has ended, and was never open', async () => {
    const shop = await open({ closesAt: FIRST_MOMENT })
    expect((await shop.sale.stats()).state).toBe('ended')
    expect(await shop.reserve('u')).toStrictEqual({ status: 'ended' })
    const other = await open({ opensAt: FIRST_MOMENT })
    expect((await other.sale.stats()).state).toBe('open')
  })

  test('many at once from several handles: each change once', async () => {
    const shop = await open()
    const other = shop.handle()
    await Promise.all([shop.sale.pause(), other.pause(), shop.sale.pause(), other.pause()])
    await Promise.all([shop.sale.end(), other.end(), other.end()])
    expect(await shop.news()).toEqual([{ type: 'paused' }, { type: 'ended' }])
  })

  testOfOne('one batch of port commands is carried out in order', async () => {
    const shop = await open()
    const actions = ['pause', 'pause', 'resume', 'pause', 'end', 'resume'] as const
    const { answers } = await shop.done(
      'control',
      actions.map((action) => ({ action })),
    )
    const states = answers.map(({ status }) => status)
    expect(states).toEqual(['paused', 'paused', 'open', 'paused', 'ended', 'ended'])
    expect((await shop.news()).map(({ type }) => type)).toEqual(['paused', 'resumed', 'paused', 'ended'])
  })
})
