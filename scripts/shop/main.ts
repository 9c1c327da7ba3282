/** `npm run shop -- --help` says what it does. */
import pg from 'pg'
import { serveControlRoom } from '../../src/cli/control-room/serve.js'
import { parseOptions, whole } from '../../src/cli/tool-options.js'
import { type Engine, memoryEngine, redisEngine } from '../../src/index.js'
import { type PostgresLedger, postgresLedger } from '../../src/postgres.js'
import { redact } from '../lib/redact.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { withRedis } from '../lib/servers/redis/client.js'
import { openShop } from './shop.js'

const help = `Opens a shop with a waiting room, a checkout and a payment provider that is made up, for a browser.

  npm run shop                         prints the address
  npm run shop -- --stock 5            sold out sooner
  npm run shop -- --crowd 0            no visitors but yours, such as those of npm run load

  --port N      (8080)
  --stock N     units on sale (12)
  --crowd N     visitors who come with each of yours, and stand before it; every second one pays (6)
  --hold N      seconds for which a basket is held (120)
  -h, --help

A second link opens the control room, in which you see the sale, and operate it.

The shop takes the Redis of REDIS_URL, or else one on this machine, or else the embedded engine; and it keeps a ledger
in the PostgreSQL of DATABASE_URL, if that is set. With WEBHOOK_SECRET (whsec_...), payments are signed with that secret,
so that npm run load with the same variable can pay, too. Each start is a new sale. Ctrl-C closes the shop.`

function readOptions(args: readonly string[]) {
  const { values } = parseOptions(args, { texts: ['port', 'stock', 'crowd', 'hold'] })
  return {
    port: whole(values, 'port', 8_080, 0, 65_535),
    stock: whole(values, 'stock', 12, 1, 1_000_000),
    crowd: whole(values, 'crowd', 6, 0, 1_000),
    holdMs: whole(values, 'hold', 120, 5, 86_400) * 1_000,
  }
}

async function findEngine(): Promise<readonly [Engine, string]> {
  // An empty variable is one that is not set.
  const asked = process.env.REDIS_URL || undefined
  const url = asked ?? 'redis://127.0.0.1:6379'
  try {
    await withRedis(url, (client) => client.ping())
    return [redisEngine(url), `Redis at ${redact(url)}`]
  } catch (error) {
    if (asked !== undefined) throw error
    return [memoryEngine(), 'the embedded engine: REDIS_URL is not set, and no Redis is on this machine']
  }
}

async function findLedger(): Promise<readonly [PostgresLedger, string] | undefined> {
  const url = process.env.DATABASE_URL
  if (!url) return undefined
  const pool = new pg.Pool({ connectionString: url })
  // A connection that breaks while no query uses it is replaced with the next query.
  pool.on('error', () => {})
  const ledger = postgresLedger(pool)
  await ledger.migrate()
  return [ledger, `the PostgreSQL of ${redact(url)}`]
}

async function run(options: ReturnType<typeof readOptions>, { cleanUp }: ToolContext): Promise<number> {
  const [engine, store] = await findEngine()
  const [ledger, database] = (await findLedger()) ?? [undefined, 'none: DATABASE_URL is not set']
  const shop = await openShop({ ...options, engine, ledger })
  const authorize = () => ({ role: 'operate', name: 'shop' }) as const
  const usedTwice = () => console.error('The link of the control room was opened a second time, and refused.')
  const control = await serveControlRoom(0, { engine, ledger, authorize }, usedTwice)
  cleanUp(async () => {
    await control.close()
    await shop.close()
    await engine.close()
  })
  const places = `  stock   ${store}\n  ledger  ${database}`
  const room = `The control room, which one browser opens once:\n\n  ${control.url}`
  console.log(`${shop.url}\n\n${places}\n\n${room}\n\nCtrl-C closes the shop.`)
  return new Promise(() => {})
}

await runTool({ command: 'npm run shop', help, readOptions, run })
