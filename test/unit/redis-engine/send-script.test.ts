import fc from 'fast-check'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { sendScript } from '../../../src/redis-engine/send-script.js'

type Sent = Parameters<Redis['sendCommand']>[0]

/** A client that is never connected, and the commands that it would have sent. */
function recording(keyPrefix: string) {
  const sent: Sent[] = []
  const client = new Redis({ lazyConnect: true, keyPrefix, enableAutoPipelining: true })
  client.sendCommand = (command) => {
    sent.push(command)
    return Promise.resolve()
  }
  return { client, sent }
}

const bytesOf = (command: Sent) => Buffer.from(command.toWritable({} as never) as Buffer)
const bytesByDriver = (command: Sent) => {
  const { toWritable } = Object.getPrototypeOf(command)
  return Buffer.from(toWritable.call(command, {}))
}

test('writes what ioredis itself would write, for the same keys and for others', () => {
  const text = fc.string({ unit: 'binary' }).map((one) => one.toWellFormed())
  const call = fc.record({
    command: fc.constantFrom('evalsha' as const, 'fcall' as const),
    name: fc.string({ unit: 'grapheme-ascii', minLength: 1 }),
    list: fc.nat({ max: 1 }),
    argument: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  })
  const lists = fc.array(fc.array(text, { minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 2 })
  fc.assert(
    fc.property(text, lists, fc.array(call, { maxLength: 8 }), (prefix, keys, calls) => {
      const { client, sent } = recording(prefix)
      for (const { command, name, list, argument } of calls)
        void sendScript(client, command, name, keys[list]!, argument)
      expect(sent.map(bytesOf)).toEqual(sent.map(bytesByDriver))
      expect(sent.map(({ name, args }) => [name, args.at(-1)])).toEqual(
        calls.map(({ command, argument }) => [command, argument]),
      )
    }),
  )
})

test('returns strings as buffers, and rejects like the client itself', async () => {
  const client = new Redis({ lazyConnect: true })
  client.sendCommand = (command) => {
    command.resolve([Buffer.from('done'), 1])
    return command.promise
  }
  const answer = await sendScript(client, 'fcall', 'reserve', ['key'], Buffer.from('argument'))
  expect(answer).toEqual([Buffer.from('done'), 1])
  client.sendCommand = (command) => {
    command.reject(new Error('NOSCRIPT'))
    return command.promise
  }
  const refused = sendScript(client, 'evalsha', 'sha', ['key'], Buffer.from('argument'))
  await expect(refused).rejects.toThrow('NOSCRIPT')
})
