import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { Redis } from 'ioredis'
import { parseOptions, whole } from '../../src/cli/tool-options.js'
import { controlRoom } from '../../src/control-room.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { startRedis } from '../lib/servers/redis/server.js'
import { Page } from './page.js'

const help = `Measures what viewers of a control room cost, with a Redis of its own, while a sale sells.

  npm run viewers
  npm run viewers -- --viewers 500 --seconds 30

  --viewers N   how many pages are open at the same time, 1 to 1000  (default 200)
  --seconds N   how long each measurement takes, 5 to 600  (default 20)
  -h, --help

The pages listen over HTTP, in the process that sells and serves them. Without a page, with one and with all of them it prints
how many commands a second Redis gets, the CPU of that process, and how old the figures of a page are when the next ones come.`

const tuning = {
  /** The pause between two reservations. ms */
  pauseMs: 20,
}

interface Options {
  readonly viewers: number
  readonly seconds: number
}

await runTool({ command: 'npm run viewers', help, readOptions, run })

function readOptions(args: readonly string[]): Options {
  const { values } = parseOptions(args, { texts: ['viewers', 'seconds'] })
  return {
    viewers: whole(values, 'viewers', 200, 1, 1_000),
    seconds: whole(values, 'seconds', 20, 5, 600),
  }
}

async function run({ viewers, seconds }: Options, { cleanUp, interrupted }: ToolContext): Promise<number> {
  const redis = await startRedis()
  cleanUp(() => redis.stop())
  const client = new Redis(redis.socket)
  const [selling, shown] = [redisEngine(redis.url), redisEngine(redis.url)]
  const sale = new FlashSale('launch', { engine: selling })
  await sale.create({ stock: { phone: 1_000_000 } })
  let buyers = 0
  const timer = setInterval(() => {
    sale.reserve({ buyer: `u-${buyers++}`, items: [{ sku: 'phone', quantity: 1 }] }).catch(() => {})
  }, tuning.pauseMs)
  const room = controlRoom({ engine: shown, authorize: () => ({ role: 'read', name: 'viewer' }) })
  const server = createAdaptorServer({ fetch: room })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const pages: Page[] = []
  try {
    console.log(
      'pages   commands/s of Redis   CPU of the process   age of the figures, ms: p50    p99    max',
    )
    for (const count of [0, 1, viewers]) {
      while (pages.length < count) pages.push(await Page.open(`http://127.0.0.1:${port}/events`))
      console.log(await measure(client, pages, seconds * 1_000))
      if (interrupted.aborted) break
    }
    return 0
  } finally {
    clearInterval(timer)
    await room.close()
    server.close()
    await sale.close()
    await Promise.all([selling.close(), shown.close()])
    client.disconnect()
    await redis.stop()
  }
}

async function measure(client: Redis, pages: readonly Page[], ms: number): Promise<string> {
  const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))![1])
  for (const page of pages) page.ages.length = 0
  const [before, cpu, begunAt] = [await commands(), process.cpuUsage(), performance.now()]
  await sleep(ms)
  const { user, system } = process.cpuUsage(cpu)
  const passedMs = performance.now() - begunAt
  const rate = ((await commands()) - before) / (passedMs / 1_000)
  const ages = pages.flatMap((page) => page.ages).sort((a, b) => a - b)
  const at = (share: number) => ages[Math.ceil(share * ages.length) - 1]?.toFixed(0) ?? '–'
  const share = ((user + system) / 10 / passedMs).toFixed(1)
  return `${pages.length.toString().padStart(5)}   ${rate.toFixed(1).padStart(19)}   ${share.padStart(16)} %   ${at(0.5).padStart(27)} ${at(0.99).padStart(6)} ${at(1).padStart(6)}`
}
