/** A program whose subscribers throw, on every channel: it prints what its calls come to. */
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { setImmediate as turn } from 'node:timers/promises'
import { FlashSale, memoryEngine } from '../../src/index.js'

let thrown = 0
const fail = () => {
  thrown++
  throw new Error('a defect of the subscriber')
}
let caught = 0
process.on('uncaughtException', (error) => {
  if (error.message === 'a defect of the subscriber') caught++
})
tracingChannel('stockhold:call').subscribe({
  ...{ start: fail, end: fail, asyncStart: fail, asyncEnd: fail, error: fail },
})
for (const name of ['batch', 'consumer']) channel(`stockhold:${name}`).subscribe(fail)

const sale = new FlashSale('launch', { engine: memoryEngine() })
await sale.create({ stock: { phone: 1 } })
const items = [{ sku: 'phone', quantity: 1 }]
const results = await Promise.all(['u', 'v'].map((buyer) => sale.reserve({ buyer, items })))
const events: string[] = []
const consumer = sale.consume({ group: 'g' }, ({ type }) => void events.push(type))
while ((await consumer.stats()).lag > 0) await turn()
await consumer.close()
const { code } = await sale.confirm('').catch((error) => error)
await turn()
console.log(
  results.map(({ status }) => status).join(' '),
  events.join(' '),
  code,
  thrown > 10,
  thrown === caught,
)
process.exit(0)
