import { describe, expect, test } from 'vitest'
import { chunksOf } from '../../../src/common/chunks.js'
import lists from '../../../src/redis-engine/concerns/lists.lua'
import { OwnRedis } from '../../support/own-redis.js'

/** Around one piece, and around two. */
const sizes = [0, 1, 3_999, 4_000, 4_001, 8_001]

const numbers = (size: number) => Array.from({ length: size }, (_, i) => i)

describe('redis engine', () => {
  const redis = new OwnRedis()

  /** Runs a script on the list 1, 2, ... of this size. */
  const run = (script: string, size: number) =>
    redis.client.eval(
      `${lists}\nlocal list = {}\nfor i = 1, tonumber(ARGV[1]) do list[i] = 'm' .. i end\n${script}`,
      1,
      'pieces:key',
      size,
    )

  test.each(sizes)(
    '%i values: each is in one piece, in order, and unpack can take each piece',
    async (size) => {
      const script = `
      local seen = {}
      for last, first in next_piece, list, 0 do
        for _, value in ipairs({ unpack(list, first, last) }) do seen[#seen + 1] = value end
      end
      return seen`
      expect(await run(script, size)).toEqual(numbers(size).map((i) => `m${i + 1}`))
    },
  )

  test.each(sizes)('%i values: a piece is full where another follows', async (size) => {
    const script = `
      local lengths = {}
      for last, first in next_piece, list, 0 do lengths[#lengths + 1] = last - first + 1 end
      return lengths`
    const lengths = (await run(script, size)) as number[]
    expect(lengths).toEqual([...chunksOf(numbers(size), 4_000)].map(({ length }) => length))
  })

  test.each(sizes)(
    '%i fields are read as one call would, those that are not there included',
    async (size) => {
      await redis.client.del('pieces:key')
      if (size > 0)
        await redis.client.hset('pieces:key', 'm1', 'first', `m${size}`, 'last', 'm4000', 'middle')
      const script = `
      local found = read_fields(KEYS[1], list)
      for i = 1, #list do found[i] = found[i] or '' end
      return found`
      const expected = numbers(size).map(() => '')
      if (size > 0) expected[0] = 'first'
      if (size >= 4_000) expected[3_999] = 'middle'
      if (size > 0) expected[size - 1] = size === 4_000 ? 'middle' : 'last'
      expect(await run(script, size)).toEqual(expected)
    },
  )

  test.each(sizes)('%i values are packed one after another', async (size) => {
    const script = `
      local packed, offset, values = pack_all(list), 0, {}
      while offset >= 0 and #packed > 0 do
        local found = { cmsgpack.unpack_limit(packed, 1000, offset) }
        offset = found[1]
        for i = 2, #found do values[#values + 1] = found[i] end
      end
      return values`
    expect(await run(script, size)).toEqual(numbers(size).map((i) => `m${i + 1}`))
  })
})

test.each(sizes)('a list of %i in chunks: all of it, in order, full chunks where another follows', (size) => {
  const list = numbers(size)
  const chunks = [...chunksOf(list, 4_000)]
  expect(chunks.flat()).toEqual(list)
  expect(chunks).toHaveLength(Math.ceil(size / 4_000))
  for (const chunk of chunks.slice(0, -1)) expect(chunk).toHaveLength(4_000)
})
