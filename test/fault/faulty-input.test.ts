import { expect, onTestFinished, test } from 'vitest'
import { messageEnd } from '../../src/testing/faulty-link.js'
import { faultyRedis } from '../../src/testing.js'

test('where a message ends', () => {
  const whole = [
    '+OK\r\n',
    ':7\r\n',
    '$-1\r\n',
    '*-1\r\n',
    '$0\r\n\r\n',
    '$3\r\na\r\n\r\n',
    '*0\r\n',
    '_\r\n',
    '#t\r\n',
    ',1.5\r\n',
    '*2\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n',
    '%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n',
    '~1\r\n:1\r\n',
    '>2\r\n+x\r\n+y\r\n',
    '=7\r\ntxt:abc\r\n',
    '!5\r\nERR x\r\n',
    '|1\r\n+ttl\r\n:5\r\n$1\r\nv\r\n',
    'PING\r\n',
    '(123456789012345678901234567890\r\n',
  ]
  for (const message of whole) {
    const bytes = Buffer.from(message)
    expect(messageEnd(Buffer.concat([bytes, Buffer.from('+next\r\n')])), message).toBe(bytes.length)
    for (let cut = 0; cut < bytes.length; cut++)
      expect(messageEnd(bytes.subarray(0, cut)), `${cut} of ${JSON.stringify(message)}`).toBe(0)
  }
})

test('the URL keeps user, password and database', async () => {
  const other = await faultyRedis('redis://user:secret@localhost/3')
  onTestFinished(() => other.close())
  expect(other.url).toBe(`redis://user:secret@127.0.0.1:${other.port}/3`)
})

test('bad arguments are refused', async () => {
  await using proxy = await faultyRedis('redis://127.0.0.1:6379')
  const refused = (message: RegExp) =>
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) })
  for (const url of [undefined, 7, '', 'redis://', 'rediss://host', 'http://host', 'redis://a:b:c'])
    await expect(faultyRedis(url as string)).rejects.toEqual(refused(/^url /))
  await expect(faultyRedis('redis://127.0.0.1:6379', { seed: 0.5 })).rejects.toEqual(refused(/^seed /))
  await expect(faultyRedis('redis://127.0.0.1:6379', null as never)).rejects.toEqual(refused(/^options /))
  for (const [call, message] of [
    [() => proxy.dropRequests({ times: 0 }), /^times /],
    [() => proxy.dropReplies({ chance: 0 }), /^chance /],
    [() => proxy.dropReplies({ chance: Number.NaN }), /^chance /],
    [() => proxy.dropReplies({ connection: 'odd' as never }), /^connection /],
    [() => proxy.dropReplies(null as never), /^scope /],
    [() => proxy.cutReplies({ bytes: -1 }), /^bytes /],
    [() => proxy.trickle({ direction: 'both' as never }), /^direction /],
    [() => proxy.trickle({ commands: 'none' as never }), /^commands /],
    [() => proxy.delay({} as never), /^ms /],
    [() => proxy.delay({ ms: 1, jitterMs: 2 ** 31 }), /^jitterMs /],
    [() => proxy.blackHole(undefined as never), /^direction /],
  ] as const)
    expect(call).toThrow(refused(message))
})
