/** The chapter of the control room names every operation, and its arguments. */
import { expect, test } from 'vitest'
import { memoryEngine } from '../../src/index.js'
import { jsonOf, TestRoom } from '../support/control-room.js'
import { chapter } from './chapters.js'

const rows = [
  ...chapter('src/control-room/README.md').text.matchAll(/^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| (.*) \|$/gm),
]
const namesIn = (text: string) => [...text.matchAll(/`([\w-]+)`/g)].map(([, name]) => name!)
const documented = new Map(
  rows.flatMap(([, operations, takes]) => namesIn(operations!).map((name) => [name, takes!] as const)),
)

const answerTo = async (body: object) => {
  const room = new TestRoom(memoryEngine())
  const response = await room.operate({ target: 'sale:launch', reason: 'r', ...body })
  return (await jsonOf(response)).detail as string
}

test('the table of operations has each of them', async () => {
  const detail = await answerTo({ operation: 'none' })
  const names = /must be one of (.*?)\./.exec(detail)![1]!.split(', ')
  for (const name of names) expect([...documented.keys()]).toContain(name)
})

// The rows of other tables are no operations, and the sale itself checks an update.
const others = ['update', 'engine', 'authorize', 'ledger']
test.each([...documented].filter(([name]) => !others.includes(name)))(
  '%s takes what the chapter says: %s',
  async (operation, takes) => {
    const detail = await answerTo({ operation, arguments: { nothing: 1 } })
    expect(detail).toMatch(/^arguments must not have/)
    const allowed = /It may have: (.*)\.$/.exec(detail)![1]!.split(', ').filter(Boolean)
    for (const name of allowed) expect(namesIn(takes)).toContain(name)
  },
)
