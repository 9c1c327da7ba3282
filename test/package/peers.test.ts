import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BareDecr } from '../../bench/peers/bare-decr.js'
import { LIMIT, type Peer } from '../../bench/peers/peer.js'
import { PostgresFunction } from '../../bench/peers/postgres-function.js'
import { PostgresSkipLocked } from '../../bench/peers/postgres-skip-locked.js'
import { PostgresUpdate } from '../../bench/peers/postgres-update.js'
import { breaches, race } from '../../bench/peers/race.js'
import { Redlock } from '../../bench/peers/redlock.js'
import { Single } from '../../bench/peers/single.js'
import { Stockhold } from '../../bench/peers/stockhold.js'
import { WatchMulti } from '../../bench/peers/watch-multi.js'
import { type PostgresServer, startPostgres } from '../../scripts/lib/servers/postgres/server.js'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'

const UNITS = 50

let redis: RedisServer
let postgres: PostgresServer

beforeAll(async () => {
  redis = await startRedis()
  postgres = await startPostgres({ log: console.log })
})
afterAll(async () => {
  await redis?.stop()
  await postgres?.stop()
})

const honest: Record<string, () => Peer> = {
  stockhold: () => new Stockhold(redis.url, 'stockhold'),
  single: () => new Single(redis.url, 'single', { autoPipelining: false }),
  'single-auto-pipelining': () => new Single(redis.url, 'auto', { autoPipelining: true }),
  watch: () => new WatchMulti(redis.url, 'watch'),
  redlock: () => new Redlock(redis.url, 'redlock'),
  'postgres-update': () => new PostgresUpdate(postgres.url),
  'postgres-update-async': () => new PostgresUpdate(postgres.url, { synchronousCommit: 'off' }),
  'postgres-function': () => new PostgresFunction(postgres.url),
  'postgres-skip-locked': () => new PostgresSkipLocked(postgres.url),
}

async function using<T>(make: () => Peer, work: (peer: Peer) => Promise<T>): Promise<T> {
  const peer = make()
  try {
    return await work(peer)
  } finally {
    await peer.close()
  }
}

describe('the peers of the bench', () => {
  for (const [name, make] of Object.entries(honest)) {
    test(`${name} sells every unit once, however many race for it`, async () => {
      await using(make, async (peer) => {
        expect(peer.name).toBe(name)
        const result = await race(peer, UNITS, LIMIT)
        expect(breaches(peer, result)).toEqual([])
        expect(result).toMatchObject({ promised: UNITS, recorded: UNITS, left: 0 })
      })
    })

    test(`${name} knows a key again and keeps to the limit`, async () => {
      await using(make, async (peer) => {
        await peer.create(UNITS)
        const keys = ['first', 'first', 'second', 'third', 'first']
        const answers: string[] = []
        for (const key of keys) answers.push(await peer.reserve('greedy', key))
        expect(answers).toEqual(['reserved', 'reserved', 'reserved', 'refused', 'reserved'])
        expect(await peer.state()).toEqual({ left: UNITS - LIMIT, recorded: LIMIT })
      })
    })
  }

  test('a bare DECR promises nothing, and loses limit, key and count', async () => {
    await using(
      () => new BareDecr(redis.url, 'decr'),
      async (peer) => {
        const result = await race(peer, UNITS, LIMIT)
        expect(breaches(peer, result)).toEqual([])
        expect(result.overLimit).toBeGreaterThan(0)
        expect(result.takenTwice).toBeGreaterThan(0)
        expect(result.left).toBeLessThan(0)
      },
    )
  })

  test('one that reads, waits and writes is caught', async () => {
    let left = 0
    let recorded = 0
    const careless: Peer = {
      ...{ name: 'careless', label: 'careless', promises: ['stock'], callers: 20, plenty: UNITS },
      create: async (units) => {
        left = units
      },
      reserve: async () => {
        const seen = left
        await new Promise(setImmediate)
        if (seen === 0) return 'refused'
        left = seen - 1
        recorded++
        return 'reserved'
      },
      state: async () => ({ left, recorded }),
      close: async () => {},
    }
    const result = await race(careless, UNITS, LIMIT)
    expect(result.oversold).toBeGreaterThan(0)
    expect(breaches(careless, result)).toEqual([expect.stringContaining('oversold')])
  })
})

describe('startPostgres', () => {
  test('runs with the configuration it was given, and the defaults otherwise', async () => {
    const server = await startPostgres({ config: { synchronous_commit: 'off' } })
    const client = new pg.Client({ connectionString: server.url })
    try {
      await client.connect()
      const settings = `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`
      expect((await client.query(settings)).rows).toEqual([{ fsync: 'on', commit: 'off' }])
    } finally {
      await client.end()
      await server.stop()
    }
    expect(() => process.kill(server.pid, 0)).toThrow('ESRCH')
  })

  test('says what the server said when it does not start', async () => {
    await expect(startPostgres({ config: { no_such_setting: 'on' } })).rejects.toThrow(/no_such_setting/)
  })
})
