import type { Reply } from '../engine/port.js'
import { batchChannel } from './channels.js'
import type { BatchMessage } from './messages.js'
import type { Carried } from './open-calls.js'

/** Where the requests of a session go. */
export type BatchPlace = Pick<BatchMessage, 'sale' | 'room' | 'partition'>

/** Of requests that belong to no sale or room. */
export const NO_PLACE: BatchPlace = { sale: null, room: null, partition: null }

interface Batch {
  readonly place: BatchPlace
  readonly command: string
  readonly items: readonly { readonly carried: Carried | undefined }[]
  readonly sentAt: number
  readonly now: () => number
}

/** Waits for a batch, and tells of it on `stockhold:batch`. Call it if that has subscribers. */
export async function reportBatch<A>(reply: Promise<Reply<A>>, batch: Batch): Promise<Reply<A>> {
  const { place, command, items, sentAt, now } = batch
  const carried = items.map((item) => item.carried)
  const publish = (end: Pick<BatchMessage, 'outcome' | 'serverTime' | 'error'>) =>
    batchChannel.publish({
      ...place,
      command,
      size: items.length,
      waitedMs: Math.max(0, ...carried.map((item) => sentAt - (item?.since ?? sentAt))),
      durationMs: now() - sentAt,
      calls: [...new Set(carried.flatMap((item) => item?.calls ?? []))].map(({ message }) => message),
      ...end,
    })
  try {
    const answered = await reply
    const serverTime = answered.outcome === 'done' ? answered.clock : answered.now
    publish({ outcome: answered.outcome, serverTime })
    return answered
  } catch (error) {
    publish({ outcome: 'failed', serverTime: null, error })
    throw error
  }
}
