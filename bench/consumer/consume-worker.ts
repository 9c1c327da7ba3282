/**
 * A consumer of a sale's events, as a process. Its handler does next to nothing, so the figures are
 * the library's.
 */
import { Redis } from 'ioredis'
import { type Consumer, FlashSale, redisEngine } from '../../src/index.js'
import { serveTasks } from '../load/task-process.js'
import { readOnlyEvents } from './read-only.js'
import type { Setting } from './reserve-worker.js'
import { epochNow, type Sample, Sampler } from './samples.js'
import { until } from './until.js'

export type ConsumeTask =
  /** Answers once the consumer leads the partition. */
  | { readonly type: 'follow'; readonly sale: string }
  /** Answers once the consumer has handled this number of events and is closed. */
  | { readonly type: 'finish'; readonly events: number }

export interface Consumed {
  readonly samples: readonly Sample[]
  /** In the order in which the handler was called. */
  readonly reserved: readonly string[]
  readonly changed: readonly string[]
  /** Faults: an event handled twice, or a reservation's events out of order. */
  readonly wrong: readonly string[]
  readonly handled: number
  readonly startedAt: number
}

serveTasks<Setting, ConsumeTask, Consumed>(({ url, prefix }) => {
  const client = new Redis(url)
  readOnlyEvents(client)
  const engine = redisEngine(client, { prefix })
  let sale: FlashSale
  let consumer: Consumer
  let sampler: Sampler
  let startedAt: number
  let sequences: number[]
  let types: string[]
  let ids: (string | undefined)[]

  return (task) => (task.type === 'follow' ? follow(task.sale) : finish(task.events))

  async function follow(id: string): Promise<Consumed> {
    sequences = []
    types = []
    ids = []
    sale = new FlashSale(id, { engine, deadlineMs: 60_000 })
    sampler = new Sampler(() => sequences.length)
    startedAt = epochNow()
    consumer = sale.consume({ group: 'bench' }, ({ sequence, type, reservation }) => {
      sequences.push(sequence)
      types.push(type)
      ids.push(reservation?.id)
    })
    await until(async () => (await consumer.stats()).leads === 1)
    return found([])
  }

  async function finish(events: number): Promise<Consumed> {
    await until(() => sequences.length >= events)
    const samples = sampler.stop()
    await consumer.close()
    await sale.close()
    return found(samples)
  }

  function found(samples: readonly Sample[]): Consumed {
    const wrong: string[] = []
    if (new Set(sequences).size !== sequences.length) wrong.push('events were handled twice')
    const latest = new Map<string, number>()
    const reserved: string[] = []
    const changed: string[] = []
    for (const [i, id] of ids.entries()) {
      if (id === undefined) continue
      const before = latest.get(id)
      if ((types[i] === 'reserved') !== (before === undefined) || before! >= sequences[i]!)
        wrong.push(`${types[i]} of ${id} out of order`)
      latest.set(id, sequences[i]!)
      ;(types[i] === 'reserved' ? reserved : changed).push(id)
    }
    return { samples, reserved, changed, wrong: wrong.slice(0, 5), handled: sequences.length, startedAt }
  }
})
