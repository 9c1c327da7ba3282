import { PassThrough } from 'node:stream'
import type { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { StockholdError } from '../../../src/errors.js'
import { run } from '../../../src/redis-engine/driver.js'
import { failure } from '../../../src/redis-engine/failure.js'
import { Functions } from '../../../src/redis-engine/function-loading.js'
import { runReplicated } from '../../../src/redis-engine/replication.js'
import type { Script } from '../../../src/redis-engine/script.js'

const script: Script = {
  name: 'sale_reserve',
  text: "redis.call('HSET', KEYS[1], 1, 1)",
  sha: 'sha',
  effect: 'writes',
  tells: true,
}

const functions = new Functions({ name: 'library', text: '' }, true)

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' })
}

/**
 * A client whose connection is lost while a script is out: it is sent again by the next one, and
 * refused there.
 */
function resending(refusal: string) {
  const client = {
    options: {},
    stream: new PassThrough(),
    async evalshaBuffer() {
      client.stream = new PassThrough()
      throw replyError(refusal)
    },
    evalBuffer: async () => 'HSET',
    wait: async () => 0,
  }
  return client as unknown as Redis
}

/** What the callers are told: as the engine, which knows the connection by which it was sent. */
async function told(sent: () => Promise<unknown>): Promise<string> {
  return sent().then(
    () => 'answered',
    (error) => failure(error, 'writes', true).code,
  )
}

test.each([
  ['writes', 'it may have been executed. Send the same key, or the same id, again.'],
  ['reads', 'nothing was read. Repeat the call.'],
] as const)(
  'where the connection fails, the caller of a script that %s is told what to do',
  async (effect, advice) => {
    const message = `The connection failed before the answer came: ${advice}`
    expect(failure(new Error('read ECONNRESET'), effect)).toMatchObject({ code: 'UNKNOWN_OUTCOME', message })
    const unsafe = () => Promise.reject(new StockholdError('UNAVAILABLE', 'Too few replicas.'))
    const client = resending('NOSCRIPT No matching script.')
    await expect(
      run(client, functions, { ...script, effect }, ['k'], Buffer.alloc(0), unsafe),
    ).rejects.toMatchObject({
      code: 'UNKNOWN_OUTCOME',
      message: expect.stringContaining(`cannot be used: ${advice}`),
    })
  },
)

describe('a script that the driver has sent again, by another connection, may have been executed the first time', () => {
  const unsafe = () =>
    Promise.reject(new StockholdError('UNAVAILABLE', 'Too few replicas. Nothing was sent.'))
  const replication = { replicas: 1, timeoutMs: 1 }

  test('where the server that is there now does not know it, and cannot be used', async () => {
    const refusal = 'NOSCRIPT No matching script.'
    const [one, other] = [resending(refusal), resending(refusal)]
    expect(await told(() => run(one, functions, script, ['k'], Buffer.alloc(0), unsafe))).toBe(
      'UNKNOWN_OUTCOME',
    )
    const replicated = () =>
      runReplicated(other, functions, script, ['k'], Buffer.alloc(0), replication, unsafe)
    expect(await told(replicated)).toBe('UNKNOWN_OUTCOME')
  })

  test('where the user may not run it there', async () => {
    const refusal = "ERR The user executing the script can't run this command or subcommand"
    const [one, other] = [resending(refusal), resending(refusal)]
    const admit = () => undefined
    expect(await told(() => run(one, functions, script, ['k'], Buffer.alloc(0), admit))).toBe(
      'UNKNOWN_OUTCOME',
    )
    const replicated = () =>
      runReplicated(other, functions, script, ['k'], Buffer.alloc(0), replication, admit)
    expect(await told(replicated)).toBe('UNKNOWN_OUTCOME')
  })
})
