/**
 * An application server with a waiting room, as a process. Its visitors join, and wait or never
 * come back.
 */

import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { joined } from '../../scripts/lib/joined.js'
import { buyerName } from '../../scripts/lib/load/sale.js'
import { type JoinedQueue, type PollResult, redisEngine, type WaitingRoom } from '../../src/index.js'
import { serveTasks } from '../load/task-process.js'
import {
  type AdmissionInput,
  type AdmissionResult,
  type AdmissionTask,
  isNoShow,
  TWO_TABS,
  waitsBy,
} from './admission-visitors.js'
import { openRoom } from './filled-room.js'

/** Joins sent at once. */
const WAVE = 500

serveTasks<AdmissionInput, AdmissionTask, AdmissionResult>((input) => {
  const engine = redisEngine(input.url, { prefix: input.prefix })
  let visitors: Visitors | undefined

  return async (task) => {
    if (task.type === 'wait') await delay(task.until - Date.now())
    await visitors?.stop()
    if (task.type === 'wait') return visitors!.result
    visitors = new Visitors(openRoom(engine, task.room, input.pace), input)
    await visitors.join()
    return visitors.result
  }
})

class Visitors {
  readonly result = {
    joined: { buyers: [] as number[], positions: [] as number[] },
    admitted: { buyers: [] as number[], expires: [] as number[], received: [] as number[] },
    joinedAt: 0,
    error: undefined as string | undefined,
  }
  readonly #room: WaitingRoom
  readonly #input: AdmissionInput
  readonly #stop = new AbortController()

  constructor(room: WaitingRoom, input: AdmissionInput) {
    this.#room = room
    this.#input = input
    setMaxListeners(0, this.#stop.signal)
  }

  async join(): Promise<void> {
    const { buyers, worker, workers } = this.#input
    const mine: number[] = []
    for (let n = 0; n < buyers; n++) if (n % workers === worker || n % TWO_TABS === 0) mine.push(n)
    for (let from = 0; from < mine.length; from += WAVE) {
      const wave = mine.slice(from, from + WAVE)
      const places = await Promise.all(wave.map((n) => joined(this.#room.join(buyerName(n)))))
      for (const [i, place] of places.entries()) this.#joined(wave[i]!, place)
    }
    this.result.joinedAt = Date.now()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await delay(200)
    await this.#room.close()
  }

  #joined(n: number, place: JoinedQueue): void {
    this.result.joined.buyers.push(n)
    this.result.joined.positions.push(place.position)
    if (isNoShow(n, this.#input)) return
    const wait = waitsBy(n) === 'updates' ? this.#updates(n, place) : this.#polls(n, place)
    wait.catch((error) => {
      if (!this.#stop.signal.aborted) this.result.error ??= String(error)
    })
  }

  async #updates(n: number, { ticket }: JoinedQueue): Promise<void> {
    for await (const update of this.#room.updates(ticket, { signal: this.#stop.signal }))
      this.#told(n, update)
  }

  async #polls(n: number, { ticket, pollAfterMs }: JoinedQueue): Promise<void> {
    let after = pollAfterMs
    for (;;) {
      await delay(after, undefined, { ref: false })
      if (this.#stop.signal.aborted) return
      const answer = await this.#room.poll(ticket)
      this.#told(n, answer)
      if (answer.status !== 'waiting') return
      after = answer.pollAfterMs
    }
  }

  #told(n: number, answer: PollResult): void {
    if (answer.status !== 'admitted') return
    const { buyers, expires, received } = this.result.admitted
    buyers.push(n)
    expires.push(answer.expiresAt)
    received.push(Date.now())
  }
}
