import { expect, test } from 'vitest'
import { WakeableTimer } from '../../../src/consumer/wakeable-timer.js'
import { settled, TestClock } from '../../support/test-clock.js'

function stage() {
  const clock = new TestClock(100)
  const alarm = new WakeableTimer(clock)
  const woken: number[] = []
  const sleep = (until: number) => void alarm.sleep(until).then(() => woken.push(clock.now()))
  return { clock, alarm, woken, sleep }
}

test('sleeps until its moment, and no ms less', async () => {
  const { clock, sleep, woken } = stage()
  sleep(149.5)
  await clock.advance(49)
  expect(woken).toEqual([])
  await clock.advance(1)
  expect([woken, clock.timers]).toEqual([[150], 0])
})

test('a moment that has passed is now', async () => {
  const { clock, sleep, woken } = stage()
  sleep(99)
  expect(clock.due).toEqual([0])
  await clock.advance(0)
  expect(woken).toEqual([100])
})

test('without a moment it sets no timer, and sleeps until it is woken', async () => {
  const { clock, alarm, sleep, woken } = stage()
  sleep(Number.POSITIVE_INFINITY)
  expect(clock.timers).toBe(0)
  await clock.advance(1e6)
  expect(woken).toEqual([])
  alarm.wake()
  await settled()
  expect(woken).toEqual([1_000_100])
})

test('woken early it takes its timer along, and the next sleep is whole', async () => {
  const { clock, alarm, sleep, woken } = stage()
  sleep(150)
  alarm.wake()
  await settled()
  expect([woken, clock.timers]).toEqual([[100], 0])
  sleep(170)
  await clock.advance(69)
  expect(woken).toEqual([100])
  await clock.advance(1)
  expect(woken).toEqual([100, 170])
})

test('a wake-up while it is awake counts once, however often it comes', async () => {
  const { clock, alarm, sleep, woken } = stage()
  alarm.wake()
  alarm.wake()
  sleep(Number.POSITIVE_INFINITY)
  await settled()
  expect([woken, clock.timers]).toEqual([[100], 0])
  sleep(120)
  await clock.advance(30)
  expect(woken).toEqual([100, 120])
  // Its own time is no call: the next sleep is not cut short.
  sleep(140)
  await settled()
  expect(woken).toEqual([100, 120])
})

test('a call between two sleeps counts for the second, whether the first ended by its time or by a call', async () => {
  const { clock, alarm, sleep, woken } = stage()
  for (const wakeUp of [() => alarm.wake(), () => {}]) {
    sleep(clock.now() + 10)
    wakeUp()
    await clock.advance(10)
    alarm.wake()
    sleep(Number.POSITIVE_INFINITY)
    await settled()
  }
  expect(woken).toEqual([100, 110, 120, 120])
})
