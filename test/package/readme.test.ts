import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../../scripts/lib/servers/postgres/server.js'
import { type RedisCluster, startCluster } from '../../scripts/lib/servers/redis/cluster.js'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'

const run = promisify(execFile)
const root = new URL('../../', import.meta.url).pathname
const folder = `${root}node_modules/.cache/stockhold/readme-${process.pid}`
const readme = await readFile(`${root}README.md`, 'utf8')
const snippets = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!)

/** In place of `stockhold`: every engine is on the one Redis, as those of all processes of a shop are. */
const onRedis = `
  import { redisEngine } from '${root}src/index.ts'
  export * from '${root}src/index.ts'
  export const memoryEngine = () => redisEngine(process.env.REDIS_URL)`

let server: RedisServer
let cluster: RedisCluster
let postgres: PostgresServer

beforeAll(async () => {
  server = await startRedis()
  cluster = await startCluster({ masters: 3, replicas: 0 })
  postgres = await startPostgres()
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}/on-redis.ts`, onRedis)
})
afterAll(async () => {
  await server.stop()
  await cluster.stop()
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})

/** What a snippet must print; by the comments in it, and one call of what it only declares. */
const expectations: { call?: string; prints: string[] }[] = [
  {
    call: `
      const held = await checkout('u-1', 'c-1')
      if (typeof held === 'string') throw new Error(held)
      console.log(held.state, await paymentArrived(held.id, 'p-1'), await paymentArrived(held.id, 'p-1'))
      process.exit(0)`,
    prints: ['held ship it ship it'],
  },
  { prints: ['reserved reserved', 'refund_due'] },
  { prints: ['held until', 'IDEMPOTENCY_CONFLICT false', 'true []'] },
  {
    call: `
      const { ticket } = await join('u-1')
      const told: string[] = []
      const response = { on() {}, writeHead() {}, write: (text: string) => told.push(text), end: () => told.push('end') }
      await events(ticket, response as unknown as ServerResponse)
      const last = JSON.parse(told.at(-2)!.replace('data: ', ''))
      console.log(last.status, told.at(-1), (await poll(ticket)).status, typeof last.pass)
      console.log(await checkout('u-2', 'c-1', last.pass), await checkout('u-1', 'c-1', last.pass))
      // Nothing that comes with a request, nor the end of the process, rejects: nobody may be there to hear it.
      await events('nonsense', response as unknown as ServerResponse)
      console.log(told.splice(-2), await poll('nonsense'))
      await room.setRate(0)
      const waiting = await join('u-3')
      const [revoked, open] = ['u-4', 'u-3'].map(async (buyer) =>
        events((await join(buyer)).ticket, response as unknown as ServerResponse))
      while (told.length < 4) await new Promise((resolve) => setTimeout(resolve, 10))
      await room.revoke('u-4')
      await revoked
      console.log(told.splice(-2))
      await room.close()
      await open
      console.log(told.at(-1))
      await events(waiting.ticket, response as unknown as ServerResponse)
      console.log(told.at(-1))
      process.exit(0)`,
    prints: [
      'admitted end admitted string',
      'invalid reserved',
      `[ 'data: {"status":"gone"}\\n\\n', 'end' ] { status: 'gone' }\n[ 'data: {"status":"gone"}\\n\\n', 'end' ]\nend\nend`,
    ],
  },
  {
    call: `
      await sale.create({ stock: { 'mango-me': 2 } })
      const buy = async (buyer: string) => {
        const held = await sale.reserve({ buyer, items: [{ sku: 'mango-me', quantity: 1 }] })
        if (held.status !== 'reserved') throw new Error(held.status)
        return held.reservation.id
      }
      const [first, second] = [await buy('u-1'), await buy('u-2')]
      await sale.confirm(first, { paymentId: 'p-1' })
      await sale.release(second)
      await sale.confirm(second, { paymentId: 'p-2' })
      while ((await consumer.stats()).lag > 0) await new Promise((resolve) => setTimeout(resolve, 20))
      console.log([...shipments.keys()].join() === first)
      await stop()
      process.exit(0)`,
    prints: ['give back p-2 released\ntrue'],
  },
  {
    call: `
      const refunds: string[] = []
      const provider = { createSession: async () => 'session', refund: async (id: string) => void refunds.push(id) }
      Object.assign(globalThis, provider)
      const held = await sale.reserve({ buyer: 'u-1', items: [{ sku: 'mango-me', quantity: 1 }] })
      if (held.status !== 'reserved') throw new Error(held.status)
      const { id } = held.reservation
      console.log(await pay(id), await paid(id, 'p-1'), await paid(id, 'p-1'), await paid(id, 'p-2'), refunds)`,
    prints: ["session ship ship refund [ 'p-2' ]"],
  },
  {
    call: `
      await engine.close()
      process.exit(0)`,
    prints: ['true 0 0'],
  },
  { prints: ["durability 'aof' needs an append-only file: set appendonly to yes"] },
  {
    call: `
      import { Redis } from 'ioredis'
      const client = new Redis(process.env.REDIS_URL!)
      const buy = (buyer: string) => sale.reserve({ buyer, items: [{ sku: 'mango-me', quantity: 1 }], key: 'k' })
      const codeOf = (error: unknown) => (error as { code: string }).code
      await buy('u-1')
      const keys = (await client.keys('{stockhold:mango-me-recovery:0}:*')).sort()
      /** Puts the sale back to before it sold to this buyer. */
      const forget = async (buyer: string) => {
        const older = await Promise.all(keys.map((key) => client.dumpBuffer(key)))
        await buy(buyer)
        await Promise.all(keys.map((key, i) => client.restore(key, 0, older[i]!, 'REPLACE')))
        console.log(await buy('u-9').catch(codeOf))
      }
      const held = async () => (await sale.stats()).skus['mango-me']!.held
      await forget('u-2')
      await new FlashSale('mango-me-recovery', { engine }).recover({ from: 'accept' })
      console.log(await held())
      await forget('u-2')
      await recover('replay', false)
      console.log(await buy('u-9').catch(codeOf))
      await recover('replay', true)
      console.log(await held())
      await client.del(keys)
      console.log(await buy('u-9').catch(codeOf))
      await recover('replay', true)
      console.log((await buy('u-9') as { status: string }).status)
      process.exit(0)`,
    prints: [
      'ROLLBACK_DETECTED\n1\nROLLBACK_DETECTED\n',
      '2 as acknowledged',
      'tell u-2: replaced\nROLLBACK_DETECTED\n',
      'STATE_LOST\n',
      'reserved',
    ],
  },
  {
    call: `
      import { Redis } from 'ioredis'
      const client = new Redis(process.env.REDIS_URL!)
      await ledger.migrate()
      const before = new FlashSale('rebuilt', { engine })
      await before.create({ stock: { 'mango-me': 3 } })
      const follower = await ledger.follow(before)
      await before.reserve({ buyer: 'u-1', items: [{ sku: 'mango-me', quantity: 2 }] })
      await ledger.reconcile(before)
      await follower.close()
      await client.del(await client.keys('{stockhold:rebuilt:*'))
      console.log(await recover('rebuilt'), (await new FlashSale('rebuilt', { engine }).stats()).skus['mango-me'])
      process.exit(0)`,
    prints: ['{ restored: 1, ok: true } { total: 3, available: 1, held: 2, confirmed: 0, inTransit: 0 }'],
  },
  { prints: ['reserved limit_exceeded', 'available: 998, held: 2'] },
  { prints: ['100 stories', 'nothing oversold'] },
  { prints: ['UNKNOWN_OUTCOME reserved'] },
]

async function bundle(name: string, code: string, stockhold: string): Promise<string> {
  await writeFile(`${folder}/${name}.ts`, code)
  await build({
    entryPoints: [`${folder}/${name}.ts`],
    outfile: `${folder}/${name}.mjs`,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['ioredis', 'fast-check', 'fast-jwt', 'p-limit', 'pg'],
    alias: {
      'stockhold/postgres': `${root}src/postgres.ts`,
      'stockhold/testing': `${root}src/testing.ts`,
      stockhold,
    },
    loader: { '.lua': 'text' },
    logLevel: 'error',
  })
  return `${folder}/${name}.mjs`
}

function start(file: string) {
  const nodes = cluster.nodes.map(({ address }) => address).join()
  const urls = { REDIS_URL: server.url, REDIS_CLUSTER: nodes, DATABASE_URL: postgres.url }
  const env = { ...process.env, ...urls, PASS_SECRET: 'a secret of thirty-two bytes, at least' }
  return run(process.execPath, [file], { env })
}

describe('README', () => {
  test('every snippet is known here', () => {
    expect(snippets).toHaveLength(expectations.length)
  })

  for (const [index, snippet] of snippets.entries()) {
    const name = `snippet ${index + 1}`

    test(`${name} runs and prints what it says`, async () => {
      const { call = '', prints } = expectations[index]!
      const { stdout } = await start(await bundle(`snippet-${index}`, snippet + call, `${root}src/index.ts`))
      for (const line of prints) expect(stdout).toContain(line)
    })

    test(`${name} can be loaded by two processes of one shop, and again after a restart`, async () => {
      const code = `${snippet.replace('runs: 100', 'runs: 5')}\nprocess.exit(0)`
      const file = await bundle(`shop-${index}`, code, `${folder}/on-redis.ts`)
      await Promise.all([start(file), start(file)])
      await start(file)
    })
  }

  test('the snippets pass the type checker against the public types', async () => {
    const options = {
      extends: `${root}tsconfig.json`,
      compilerOptions: {
        paths: {
          stockhold: [`${root}src/index.ts`],
          'stockhold/postgres': [`${root}src/postgres.ts`],
          'stockhold/testing': [`${root}src/testing.ts`],
        },
      },
      files: [...snippets.map((_, index) => `snippet-${index}.ts`), `${root}src/lua.d.ts`],
      include: [],
    }
    await writeFile(`${folder}/tsconfig.json`, JSON.stringify(options))
    await run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', folder]).catch((error) => {
      throw new Error(error.stdout)
    })
  })

  test('every script it names exists', async () => {
    const { scripts } = JSON.parse(await readFile(`${root}package.json`, 'utf8'))
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!)
    expect(named.length).toBeGreaterThan(0)
    for (const name of named) expect(scripts).toHaveProperty([name])
  })
})
