import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { startRedis } from '../../scripts/lib/servers/redis/server.js'
import { FlashSale, redisEngine } from '../../src/index.js'
import { PASSWORD } from '../support/secrets.js'
import { Told } from '../support/telemetry.js'

test('subscribers that throw disturb no call: Node reports them as uncaught', async () => {
  const args = ['scripts/run.mjs', 'test/support/throwing-subscribers.ts']
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toBe('reserved sold_out reserved sold_out INVALID_ARGUMENT true true\n')
})

function open(url: string): FlashSale {
  const engine = redisEngine(url)
  const sale = new FlashSale('told-connection', { engine, deadlineMs: 60_000 })
  onTestFinished(async () => {
    await sale.close()
    await engine.close()
  })
  return sale
}

test('a connection that is made, lost and refused is told, without secrets', async () => {
  const redis = await startRedis({ config: { requirepass: PASSWORD } })
  onTestFinished(() => redis.stop())
  const told = new Told('told-connection')
  const sale = open(redis.url.replace('//', `//:${PASSWORD}@`))
  await sale.create({ stock: { a: 1 } })
  const server = `${redis.host}:${redis.port}`
  expect(told.connections.at(-1)).toEqual({ state: 'ready', server, error: null })
  await redis.kill()
  const failure = (code: string) =>
    expect.objectContaining({
      state: 'failed',
      server,
      error: expect.objectContaining({ cause: expect.objectContaining({ code }) }),
    })
  await expect.poll(() => told.connections).toContainEqual(failure('ECONNRESET'))
  await expect.poll(() => told.connections).toContainEqual(failure('ECONNREFUSED'))
  await redis.restart()
  await expect.poll(() => told.connections.at(-1)).toEqual({ state: 'ready', server, error: null })
  expect(
    JSON.stringify(told.connections.map(({ error }) => [String(error), String(error?.cause)])),
  ).not.toContain(PASSWORD)
})

test('a server that may not be used is told', async () => {
  const redis = await startRedis({ config: { 'maxmemory-policy': 'allkeys-lru' } })
  onTestFinished(() => redis.stop())
  const told = new Told('told-connection')
  await expect(open(redis.url).create({ stock: { a: 1 } })).rejects.toMatchObject({ code: 'UNSAFE_CONFIG' })
  const states = told.connections.map(({ state, error }) => [state, error?.code])
  expect(states).toContainEqual(['unsafe', 'UNSAFE_CONFIG'])
})
