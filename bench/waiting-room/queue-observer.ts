/** A process of its own that observes the queue: what a position really is, moment by moment. */

import { redisEngine } from '../../src/index.js'
import { serve } from '../load/worker.js'
import { offsetOf, openRoom } from './filled-room.js'

export interface ObserverInput {
  readonly url: string
  readonly prefix: string
  readonly room: string
  readonly pace: { readonly rate: number; readonly burst: number }
  /** The last visitor of the queue, and the ticket. */
  readonly n: number
  readonly ticket: string
}

/** The queue had this offset at some moment between the two times, in epoch ms. */
export interface Observation {
  readonly from: number
  readonly to: number
  readonly offset: number
}

// Observes until the other process disconnects.
serve(async (input: ObserverInput, step: (observation: Observation) => void): Promise<void> => {
  const engine = redisEngine(input.url, { prefix: input.prefix })
  const room = openRoom(engine, input.room, input.pace)
  for (;;) {
    const from = Date.now()
    // `stats` asks Redis whatever this process knows; the poll is answered from that very state.
    await room.stats()
    const answer = await room.poll(input.ticket)
    if (answer.status !== 'waiting')
      throw new Error(`The last visitor of the queue was told ${answer.status}.`)
    step({ from, to: Date.now(), offset: offsetOf(input.n, answer.position) })
  }
})
