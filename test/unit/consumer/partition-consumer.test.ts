import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import { HOUR, pending, SERVER, followerStage as stage } from '../../support/partition-consumer-stage.js'
import { settled } from '../../support/test-clock.js'

describe('the lease', () => {
  test('is not asked for until the follower is told to, and then at once, without a timer', async () => {
    const { clock, follower, run, since, ledChanged } = stage()
    run()
    await clock.advance(HOUR)
    expect([since(), clock.timers, follower.leads]).toEqual([[], 0, false])
    follower.claim()
    await settled()
    expect(since()).toEqual([
      `${HOUR} claim`,
      `${HOUR} read end`,
      `${HOUR} sweep`,
      `${HOUR} read end`,
      `${HOUR} read 0`,
    ])
    expect([follower.leads, ledChanged()]).toEqual([true, 1])
    follower.claim()
    await settled()
    expect(since()).toEqual([])
  })

  test('is not asked for again where it was not to be had, until the next time it is told to', async () => {
    const { clock, follower, partition, run, since } = stage()
    partition.claim = 'busy'
    run()
    follower.claim()
    await clock.advance(HOUR)
    expect([since(), follower.leads]).toEqual([['0 claim'], false])
    partition.claim = 'claimed'
    follower.claim()
    await settled()
    expect([since()[0], follower.leads]).toEqual([`${HOUR} claim`, true])
  })

  test('is renewed after a third of it, again and again, with nothing else to tell', async () => {
    const { clock, leading, since } = stage({ leaseMs: 9_000 })
    await leading()
    await clock.advance(9_000)
    expect(since().filter((what) => what.includes('acknowledge'))).toEqual([
      ...['3000 acknowledge 0 for 9000', '6000 acknowledge 0 for 9000', '9000 acknowledge 0 for 9000'],
    ])
  })

  test('lets events begin up to its last ms, counted from when it was asked for', async () => {
    const { clock, follower, leading, partition } = stage({ leaseMs: 9_000 })
    await leading()
    partition.before = (what) => (what.includes('acknowledge') ? new Promise(() => {}) : undefined)
    await clock.advance(8_999)
    expect(follower.mayBegin(clock.now())).toBe(true)
    await clock.advance(1)
    expect(follower.mayBegin(clock.now())).toBe(false)
  })

  test.each(['fenced', 'gone'] as const)('is dropped where the engine says %s', async (status) => {
    const { clock, follower, leading, partition, errors, ledChanged } = stage({ leaseMs: 9_000 })
    await leading()
    partition.settle = status
    await clock.advance(3_000)
    expect(follower.leads).toBe(status === 'gone')
    expect(ledChanged()).toBe(status === 'gone' ? 1 : 2)
    expect(errors.map((error) => (error as StockholdError).code)).toEqual(status === 'gone' ? ['CLOSED'] : [])
  })
})

describe('events', () => {
  test('that this handle sees are read within 5 ms, though polls are an hour apart, and told after 100 ms', async () => {
    const { clock, happen, handled, leading, since } = stage()
    await leading()
    await clock.advance(1_000)
    since()
    happen(2)
    await clock.advance(0)
    expect([since(), handled]).toEqual([['1000 read 0'], [1, 2]])
    happen(1)
    await clock.advance(4)
    expect(since()).toEqual([])
    await clock.advance(1)
    expect([since(), handled]).toEqual([['1005 read 2'], [1, 2, 3]])
    await clock.advance(94)
    expect(since().filter((what) => what.includes('acknowledge'))).toEqual([])
    await clock.advance(1)
    expect(since().at(-1)).toBe(`1100 acknowledge 3 for ${HOUR}`)
  })

  test('that nothing tells of are found by a poll, whose pauses grow up to `pollMs`', async () => {
    const { clock, happen, handled, leading, since } = stage({ pollMs: 60 })
    await leading()
    await clock.advance(300)
    expect(since()).toEqual([30, 75, 135, 195, 255].map((ms) => `${ms} read 0`))
    happen(1, false)
    await clock.advance(20)
    expect([handled, since()]).toEqual([[1], ['315 read 0']])
  })

  test('are not read while the follower does not lead', async () => {
    const { clock, happen, run, since } = stage()
    run()
    happen(3)
    await clock.advance(HOUR)
    expect(since()).toEqual([])
  })

  test('whose handler ends later are told 100 ms after that, without a poll', async () => {
    const { clock, happen, hands, leading, since } = stage()
    await leading()
    const held = pending()
    hands.hold = () => held.promise
    happen(1)
    await clock.advance(500)
    since()
    held.end()
    await clock.advance(99)
    expect(since()).toEqual([])
    await clock.advance(1)
    expect(since().at(-1)).toBe(`600 acknowledge 1 for ${HOUR}`)
  })
})

describe('what was done long after the last reading', () => {
  const late = async () => {
    const all = stage({ leaseMs: HOUR })
    const { clock, happen, hands, leading, since } = all
    await leading()
    const held = pending()
    hands.hold = () => held.promise
    happen(1)
    await clock.advance(5_000)
    since()
    return { ...all, held }
  }

  test('is told once the engine is known to be as it was', async () => {
    const { clock, follower, held, since } = await late()
    held.end()
    await clock.advance(100)
    expect(since()).toEqual(['5100 read end', `5100 acknowledge 1 for ${HOUR}`])
    expect(follower.leads).toBe(true)
  })

  test('is not told to an engine that has forgotten some of it: what that knows is learned first', async () => {
    const { clock, partition, held, since, handled } = await late()
    Object.assign(partition, { generation: 2, since: 0 })
    held.end()
    await clock.advance(100)
    const asked = since()
    expect(asked[0]).toBe('5100 read end')
    expect(asked.find((what) => /claim|settle/.test(what))).toBe('5100 claim')
    await clock.advance(1_000)
    // It is news again, and told after that.
    expect(handled).toEqual([1, 1])
    expect(since().filter((what) => what.includes('acknowledge 1'))).toHaveLength(1)
  })
})

describe('while the engine is away', () => {
  const away = new StockholdError('UNAVAILABLE', 'away')

  test('it is tried again after 75, 150, 300 ms and so on, whatever happens meanwhile, and then as before', async () => {
    const { clock, follower, happen, partition, errors, leading, since, handled } = stage()
    await leading()
    partition.fail = () => away
    happen(1)
    await clock.advance(10)
    expect(since()).toEqual(['5 read 0'])
    happen(1)
    follower.refresh()
    follower.relieve()
    await clock.advance(69)
    expect(since()).toEqual([])
    await clock.advance(1)
    expect(since()).toEqual(['80 claim'])
    await clock.advance(150)
    expect(since()).toEqual(['230 claim'])
    partition.fail = undefined
    await clock.advance(300)
    expect(since().slice(0, 2)).toEqual(['530 claim', '530 read 0'])
    since()
    happen(1)
    await clock.advance(5)
    expect(since()).toEqual(['535 read 2'])
    handled.pop()
    expect([handled, errors]).toEqual([
      [1, 2],
      [away, away, away],
    ])
  })

  test('what was not heard is told again', async () => {
    const { clock, happen, partition, leading, since } = stage()
    await leading()
    happen(1)
    await clock.advance(50)
    since()
    partition.fail = (what) => (what.includes('acknowledge') ? away : undefined)
    await clock.advance(55)
    expect(since().at(-1)).toBe(`105 acknowledge 1 for ${HOUR}`)
    partition.fail = undefined
    await clock.advance(75)
    expect(since()).toContain(`180 acknowledge 1 for ${HOUR}`)
    await clock.advance(10_000)
    expect(since().filter((what) => what.includes('acknowledge'))).toEqual([])
  })

  test.each(['ROLLBACK_DETECTED', 'STATE_LOST'] as const)(
    'after %s it begins again with what the engine knows',
    async (code) => {
      const { clock, follower, happen, partition, leading, since, handled } = stage()
      await leading()
      happen(2)
      await clock.advance(200)
      since()
      partition.fail = (what) => (what.startsWith('read') ? new StockholdError(code, 'lost') : undefined)
      happen(1)
      await clock.advance(5)
      expect(follower.leads).toBe(false)
      partition.fail = undefined
      Object.assign(partition, { generation: 2, position: 1 })
      await clock.advance(200)
      expect([follower.leads, handled]).toEqual([true, [1, 2, 2, 3]])
    },
  )
})

describe('what is counted and told', () => {
  test('handled, failed, retried and lost events, of the partition and of the consumer', async () => {
    const { clock, around, follower, happen, hands, leading } = stage()
    await leading()
    let fails = 1
    hands.hold = () => (fails-- > 0 ? Promise.reject(new Error('no')) : undefined)
    happen(1)
    await clock.advance(200)
    happen(2)
    await clock.advance(200)
    const counts = { handled: 3, failed: 1, retried: 1, lost: 0 }
    expect([follower.counts, around.counts]).toEqual([counts, counts])
  })

  test('an event that failed and holds up others is parked, to be tried again at a time of the server', async () => {
    const { clock, happen, hands, parked, leading } = stage({ retryDelayMs: 1_000, maxRetryDelayMs: 1_000 })
    await leading()
    hands.hold = (sequence) => (sequence === 1 ? Promise.reject(new Error('no')) : undefined)
    happen(1)
    await clock.advance(5)
    const failedAt = SERVER + clock.now()
    await clock.advance(100)
    const first = parked.flat()[0]
    // A second, less a quarter.
    expect(first).toMatchObject({ event: { sequence: 1 }, error: 'no', retryAt: failedAt + 750 })
  })
})
