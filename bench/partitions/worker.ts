/** An application server as a process: it sells what it is told to, and answers what that took. */
import { Cluster } from 'ioredis'
import { closedLoop } from '../../scripts/lib/load/drive.js'
import { reserveIn } from '../../scripts/lib/load/sale.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { serve } from '../load/worker.js'
import { countCalls, type SentBy } from './call-counter.js'

export interface Servers {
  readonly urls: readonly string[]
  readonly cluster: boolean
  readonly prefix: string
}

/** Buyers of a sale, each of whom wants one unit. */
export interface Task {
  readonly sale: string
  readonly first: number
  readonly count: number
  readonly callers: number
}

export interface Sold {
  readonly accepted: number
  readonly refused: number
  readonly failed: number
  readonly error: string | undefined
  readonly seconds: number
  readonly sent: SentBy
}

/** Works until the other process disconnects. */
serve(async (servers: Servers, answer: (sold: Sold) => void): Promise<never> => {
  const { engine, take } = countCalls(redisEngine(clientOf(servers), { prefix: servers.prefix }))
  let sale: FlashSale | undefined
  return new Promise<never>((_, failed) => {
    process.on('message', (task: Task) => void sell(task).then(answer, failed))
  })

  async function sell({ sale: id, first, count, callers }: Task): Promise<Sold> {
    if (sale?.id !== id) {
      await sale?.close()
      sale = new FlashSale(id, { engine, deadlineMs: 60_000, maxInFlight: 10_000_000 })
    }
    const own = sale
    // The handle learns the rules first, which is no part of a reservation.
    await own.get('-')
    take()
    const { accepted, refused, failed, error, seconds } = await closedLoop({
      callers,
      first,
      limit: { count },
      work: reserveIn(own),
    })
    return {
      accepted,
      refused,
      failed,
      error: error === undefined ? undefined : String(error),
      seconds,
      sent: take(),
    }
  }
})

function clientOf({ urls, cluster }: Servers): Cluster | string {
  if (!cluster) return urls[0]!
  const nodes = urls.map((url) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) }))
  const client = new Cluster(nodes)
  client.on('error', () => {})
  return client
}
