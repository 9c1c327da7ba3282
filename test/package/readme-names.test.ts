/** The chapters name what there is: methods, statistics, keys. (Snippets and statements run, so their names are right.) */
import { expect, test } from 'vitest'
import { FlashSale, memoryEngine, WaitingRoom } from '../../src/index.js'
import { handoffKeys, partitionKeys, roomKeys } from '../../src/redis-engine/keys.js'
import { chapter } from './chapters.js'

test('the chapter on the sale lists every method', () => {
  const methods = Object.getOwnPropertyNames(FlashSale.prototype).filter((name) => name !== 'constructor')
  const { prose } = chapter('src/sale/README.md')
  expect(methods.filter((name) => !prose.includes(`\`${name}(`))).toEqual([])
})

test('the chapter on the waiting room lists every statistic', async () => {
  const secret = 'a secret of thirty-two bytes, at least'
  const room = new WaitingRoom('room', { engine: memoryEngine(), secret, ratePerSecond: 1 })
  await room.create()
  const { prose } = chapter('src/waiting-room/README.md')
  expect(prose).toContain(`\`{ ${Object.keys(await room.stats()).join(', ')} }\``)
  await room.close()
})

test('the chapter on the Redis engine lists every key', () => {
  const { prose } = chapter('src/redis-engine/README.md')
  const section = prose.slice(prose.indexOf('## Keys'), prose.indexOf('## Durability'))
  const keys = [
    partitionKeys('prefix', 'sale', 0, 1),
    handoffKeys('prefix', 'sale', 0, 1),
    roomKeys('prefix', 'room'),
  ]
  const names = keys.flat().map((key) => key.split(':').at(-1)!)
  expect(names.filter((name) => !new RegExp(`[:\`]${name}\``).test(section))).toEqual([])
})
