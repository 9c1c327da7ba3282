import { expect, test } from 'vitest'
import { random } from '../../../scripts/lib/random.js'
import { type Entrance, entered, onBothEngines } from '../../support/waiting-room.js'

/** The bucket in whole millionths, as it must be. */
class Bucket {
  tokens: number
  constructor(
    public rate: number,
    public burst: number,
  ) {
    this.tokens = burst * 1_000_000
  }

  gain(ms: number): void {
    this.tokens = Math.min(this.burst * 1_000_000, this.tokens + Math.round(ms * this.rate * 1_000))
  }

  /** How many can enter now, of so many. */
  take(most: number): number {
    const taken = Math.min(most, Math.floor(this.tokens / 1_000_000))
    this.tokens -= taken * 1_000_000
    return taken
  }
}

/**
 * Everybody polls after each step; whoever enters goes home. Fails unless exactly as many enter as
 * there are tokens.
 */
async function walk(
  door: Entrance,
  bucket: Bucket,
  crowd: string[],
  steps: readonly number[],
): Promise<void> {
  const others = [door.room, door.handle()]
  for (const [i, step] of [0, ...steps].entries()) {
    if (step > 0) await door.advance(step)
    bucket.gain(step)
    const told = await door.come(crowd, others[i % 2])
    const inside = entered(told)
    expect(inside, `after step ${i} of ${step} ms`).toEqual(crowd.slice(0, bucket.take(crowd.length)))
    crowd.splice(0, inside.length)
  }
}

onBothEngines((open) => {
  test('exactly the rate, whatever the steps of the clock and whichever process is asked', async () => {
    const door = await open({ ratePerSecond: 2.345, burst: 3 })
    const crowd = await door.crowd(60)
    const draw = random(7)
    const steps = Array.from({ length: 40 }, () => [1, 7, 13, 333, 977, 1_000][Math.floor(draw() * 6)]!)
    await walk(door, new Bucket(2.345, 3), crowd, steps)
    expect(crowd.length).toBeLessThan(40)
  })

  test('a thousandth a second is a thousandth a second', async () => {
    const door = await open({ ratePerSecond: 0.001 })
    await door.join('ann', 'bob')
    await door.admitted('ann')
    await door.advance(999_999)
    expect((await door.waiting('bob')).status).toBe('waiting')
    await door.advance(1)
    await door.admitted('bob')
  })

  test('an idle gap fills the bucket to the brim, and no further', async () => {
    const door = await open({ ratePerSecond: 10, burst: 5 })
    const crowd = await door.crowd(20)
    const bucket = new Bucket(10, 5)
    await walk(door, bucket, crowd, [100])
    // Nobody is here for an hour.
    await door.advance(3_600_000)
    bucket.gain(3_600_000)
    expect(await door.room.stats()).toMatchObject({ tokens: 5 })
    expect(entered(await door.come(crowd))).toEqual(crowd.splice(0, bucket.take(20)))
    await walk(door, bucket, crowd, [99, 1, 250])
  })

  test('a rate changed on the way counts from that moment on', async () => {
    const door = await open({ ratePerSecond: 1, burst: 2 })
    const crowd = await door.crowd(60)
    const bucket = new Bucket(1, 2)
    await walk(door, bucket, crowd, [700])
    await door.advance(650)
    bucket.gain(650)
    await door.handle().setRate(20.5, { burst: 10 })
    bucket.rate = 20.5
    bucket.burst = 10
    await walk(door, bucket, crowd, [1, 333, 333, 100])
    await door.advance(500)
    bucket.gain(500)
    await door.room.setRate(1.5, { burst: 1 })
    bucket.rate = 1.5
    bucket.burst = 1
    bucket.gain(0)
    await walk(door, bucket, crowd, [666, 1, 1_000])
  })

  test('rate 0 admits no visitor, however full the bucket is; no token is gained meanwhile', async () => {
    const door = await open({ ratePerSecond: 1, burst: 5 })
    const crowd = await door.crowd(9)
    await door.room.setRate(0)
    for (let i = 0; i < 5; i++) {
      await door.advance(900)
      expect(entered(await door.come(crowd))).toEqual([])
    }
    expect(await door.room.stats()).toMatchObject({ ratePerSecond: 0, burst: 5, tokens: 5, state: 'open' })
    await door.room.setRate(1)
    expect(entered(await door.come(crowd))).toEqual(crowd.slice(0, 5))
    await door.room.setRate(0)
    await door.advance(10_000)
    await door.room.setRate(1)
    expect(entered(await door.come(crowd.slice(5)))).toEqual([])
  })

  test('a room made with rate 0 opens when it gets one', async () => {
    const door = await open({ ratePerSecond: 0, burst: 1 })
    await door.join('ann')
    expect(await door.waiting('ann')).toMatchObject({ position: 1, etaMs: null })
    await door.room.setRate(1)
    await door.admitted('ann')
  })

  test('a poll that is denied costs nothing', async () => {
    const door = await open({ ratePerSecond: 1, burst: 1 })
    const crowd = await door.crowd(6)
    await door.admitted('u1')
    for (let i = 0; i < 30; i++) {
      await door.advance(33)
      expect(entered(await door.come(crowd.slice(1)))).toEqual([])
    }
    await door.advance(10)
    expect(entered(await door.come(crowd.slice(1)))).toEqual(['u2'])
  })

  test('a clock that goes back takes no tokens, and gives them at half its pace', async () => {
    const door = await open({ ratePerSecond: 1, burst: 1 })
    const crowd = await door.crowd(5)
    await door.admitted('u1')
    await door.advance(600)
    await door.come(crowd)
    await door.advance(-500)
    expect(entered(await door.come(crowd.slice(1)))).toEqual([])
    await door.advance(799)
    expect(entered(await door.come(crowd.slice(1)))).toEqual([])
    await door.advance(1)
    expect(entered(await door.come(crowd.slice(1)))).toEqual(['u2'])
  })
})
