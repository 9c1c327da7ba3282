import { expect, test } from 'vitest'
import { Reader, Writer } from '../../../src/redis-engine/msgpack.js'

test('whole numbers of every size come back as they were', () => {
  const numbers = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]
  const all = [...numbers, ...numbers.slice(1).map((number) => -number)]
  const writer = new Writer()
  const packed = writer.pack(() => {
    for (const number of all) writer.integer(number)
  })
  const reader = new Reader(packed)
  expect(all.map(() => reader.integer())).toEqual(all)
  expect(reader.done).toBe(true)
})

test('texts of every length come back as they were, also those that are not ASCII', () => {
  const texts = ['', 'a', 'é', 'x'.repeat(31), 'x'.repeat(32), '😀'.repeat(64), 'x'.repeat(70_000), 'a\0b\n']
  const writer = new Writer()
  const packed = writer.pack(() => {
    for (const text of texts) writer.text(text)
  })
  const reader = new Reader(packed)
  expect(texts.map(() => reader.text())).toEqual(texts)
})

test('what a failed call wrote is not sent with the next', () => {
  const writer = new Writer()
  const failing = () =>
    writer.pack(() => {
      writer.text('half')
      throw new Error('half-way')
    })
  expect(failing).toThrow('half-way')
  expect([...writer.pack(() => writer.integer(7))]).toEqual([7])
})
