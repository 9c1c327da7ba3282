import { expect, test } from 'vitest'
import { ready } from '../../../src/http/health.js'
import type { SaleReader } from '../../../src/http/sale-view.js'
import { connectedSockets, standStill } from '../../support/stall.js'

test('a process that stood still for longer than a probe waits can sell, if the answer has arrived', async () => {
  const { reader, writer } = await connectedSockets()
  const arrived = new Promise((resolve) => reader.once('data', resolve))
  const open = { state: 'open', skus: [{ available: 1 }] }
  const read = () => arrived.then(() => open)
  const answer = ready({ read } as unknown as SaleReader, false, (error) => expect.fail(String(error)))
  writer.write('an answer')
  standStill(600)
  expect(await answer).toEqual({ status: 200, body: { canSell: true, why: null } })
})
