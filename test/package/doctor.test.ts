import { beforeEach, expect, test } from 'vitest'
import { FlashSale, redisEngine } from '../../src/index.js'
import { stockhold } from '../support/cli.js'
import { OwnRedis } from '../support/own-redis.js'

const redis = new OwnRedis()
beforeEach(async () => {
  await redis.client.flushall()
  await redis.client.function('FLUSH')
})

const doctor = (...args: string[]) => stockhold(['doctor', ...args], { env: { REDIS_URL: redis.url } })
const findings = async (...args: string[]) => {
  const { out } = await doctor(...args, '--json')
  const { verdict, servers } = JSON.parse(out)
  const [{ findings: list }] = servers
  return { verdict, of: (check: string) => list.find((one: { check: string }) => one.check === check) }
}

/** A library as an engine of another version makes it: all it does here is tell its last use. */
async function loadLibrary(digit: string, usedAt: number): Promise<string> {
  const name = `stockhold_${digit.repeat(20)}`
  const text = `#!lua name=${name}
redis.register_function{ function_name = '${name}_last_use', flags = { 'no-writes' }, callback = function() return ${usedAt} end }`
  await redis.client.function('LOAD', text)
  return name
}

async function libraries(): Promise<string[]> {
  const listed = JSON.stringify(await redis.client.function('LIST'))
  return [...listed.matchAll(/"(stockhold_[\da-f]{20})"/g)].map(([, name]) => name!)
}

test('tells what a Redis for tests lacks, and writes nothing', async () => {
  const { code, out } = await doctor()
  expect(out).toMatch(/^version +ok +(Redis|Valkey) \d/m)
  expect(out).toMatch(/^rights +ok +all commands below \{stockhold:\*/m)
  expect(out).toMatch(/^persistence +warning .*set appendonly yes/m)
  expect(out).toMatch(/verdict: ready, \d warnings\n$/)
  expect(code).toBe(0)
  expect(await redis.client.dbsize()).toBe(0)
})

test('a fault: exit code 1, in words and as JSON', async () => {
  await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru')
  try {
    expect(await doctor()).toMatchObject({
      code: 1,
      out: expect.stringMatching(/not ready, 1 fault, \d warnings\n$/),
    })
    const { verdict, of } = await findings()
    expect(verdict).toBe('not_ready')
    expect(of('eviction')).toEqual({
      ...{ check: 'eviction', state: 'fault', found: 'allkeys-lru' },
      advice: 'it deletes stock when memory runs out: set maxmemory-policy noeviction',
    })
  } finally {
    await redis.client.config('SET', 'maxmemory-policy', 'noeviction')
  }
})

test('the rights of a user: those that are missing are named, below the prefix', async () => {
  const rights = '+@read +@write +eval +evalsha +info +time'
  const user = async (...more: string[]) => {
    await redis.client.acl('SETUSER', 'shop', 'reset', 'on', '>pw', '-@all', ...rights.split(' '), ...more)
    const { out } = await stockhold(['doctor', '--json'], {
      env: { REDIS_URL: redis.url.replace('//', '//shop:pw@') },
    })
    const [{ findings: list }] = JSON.parse(out).servers
    return Object.fromEntries(list.map(({ check, ...finding }: { check: string }) => [check, finding]))
  }
  const enough = await user('~{stockhold:*')
  expect(enough.rights).toMatchObject({ state: 'ok' })
  expect(enough.functions).toMatchObject({ state: 'warning', advice: expect.stringContaining('+fcall') })
  expect((await user('~{stockhold:*', '-xadd', '-hset')).rights).toMatchObject({
    ...{ state: 'fault', found: 'not allowed: hset, xadd' },
  })
  expect((await user('~{other:*')).rights.found).toContain('hget')
  expect((await user('~{stockhold:*', '-eval')).rights).toMatchObject({ found: 'no script may run' })
})

test('libraries that were not used for a day are removed; those in use, and of others, stay', async () => {
  const engine = redisEngine(redis.client)
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  await sale.create({ stock: { a: 1 } })
  await sale.close()
  const own = await libraries()
  const old = await loadLibrary('a', Date.now() - 90_000_000)
  const recent = await loadLibrary('b', Date.now() - 80_000_000)
  const unusedSinceStart = await loadLibrary('c', 0)
  await redis.client.function(
    'LOAD',
    "#!lua name=stockhold_mine\nredis.register_function('mine', function() end)",
  )
  expect((await findings()).of('functions')).toMatchObject({
    ...{ state: 'ok', found: '3 in use, 1 removed that were not used for a day' },
  })
  expect((await libraries()).sort()).toEqual([...own, recent, unusedSinceStart].sort())
  expect(own).not.toContain(old)
  expect(JSON.stringify(await redis.client.function('LIST'))).toContain('stockhold_mine')
  expect((await findings()).of('functions').found).toBe('3 in use')
})

test('with the options of plan, the memory is compared with that plan', async () => {
  await redis.client.config('SET', 'maxmemory', '100mb')
  try {
    expect((await findings()).of('memory')).toMatchObject({ state: 'ok' })
    const { of } = await findings('--units', '1000000')
    expect(of('memory')).toMatchObject({
      state: 'fault',
      found: expect.stringMatching(/the plan needs .*B more$/),
    })
    expect(await doctor('--units', 'many')).toMatchObject({
      code: 2,
      errors: expect.stringContaining('--units must be'),
    })
  } finally {
    await redis.client.config('SET', 'maxmemory', '0')
  }
})

test('plan: for a person, and as one JSON value', async () => {
  const { out, code } = await stockhold(['plan', '--units', '5000'])
  expect(out).toContain('5,000 units for 50,000 people')
  expect(code).toBe(0)
  const json = await stockhold(['plan', '--units', '5000', '--no-room', '--json'])
  expect(JSON.parse(json.out)).toMatchObject({ sale: { units: 5_000 }, waitingRoom: null })
  expect(await stockhold(['plan', '--within', 'soon'])).toMatchObject({
    ...{ code: 2, errors: expect.stringContaining('--within must be a time') },
  })
})
