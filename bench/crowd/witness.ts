/** Another process that watches the same line: what a position really is, moment by moment. */

import { redisEngine } from '../../src/index.js'
import { serve } from '../load/worker.js'
import { offsetOf, openRoom, ROOM } from './crowd.js'

export interface WitnessInput {
  readonly url: string
  readonly prefix: string
  readonly pace: { readonly rate: number; readonly burst: number }
  /** A buyer at the end of the line, and the ticket. */
  readonly n: number
  readonly ticket: string
}

/** The offset was this one at some moment between these two, in epoch ms. */
export interface Sighting {
  readonly from: number
  readonly to: number
  readonly offset: number
}

// Until the other side is gone.
serve(async (input: WitnessInput, step: (sighting: Sighting) => void): Promise<void> => {
  const engine = redisEngine(input.url, { prefix: input.prefix })
  const room = openRoom(engine, ROOM, input.pace)
  for (;;) {
    const from = Date.now()
    // Asks the engine, whatever this process knows; the answer of the poll is that very state.
    await room.stats()
    const answer = await room.poll(input.ticket)
    if (answer.status !== 'waiting') throw new Error(`the end of the line was told ${answer.status}`)
    step({ from, to: Date.now(), offset: offsetOf(input.n, answer.position) })
  }
})
