import type { StockCommands } from '../../engine/stock-commands.js'
import type { Definitions } from '../define-port.js'
import { countCommands } from './count-codec.js'
import { type Details, readApplied, writeColumn } from './record-codec.js'
import receive from './scripts/receive.lua'
import restock from './scripts/restock.lua'
import send from './scripts/send.lua'
import transfers from './scripts/transfers.lua'
import { receiveCodec, sendCodec, transfersCodec } from './transfer-codec.js'

/** The scripts of the commands that change the stock without a buyer, and their codecs. */
export const stockCommands: Definitions<StockCommands, Details> = {
  restock: {
    script: restock,
    flags: 'allow-oom',
    encode(ops, to) {
      writeColumn(ops, to, (op) => op.sku)
      writeColumn(ops, to, (op) => op.quantity)
      writeColumn(ops, to, (op) => op.key)
      writeColumn(ops, to, (op) => (op.final ? 1 : 0))
    },
    decode: (ops, from) => readApplied('restock', 'restocked', ops, ({ sku }) => sku, from),
  },
  ...countCommands,
  send: { script: send, flags: 'allow-oom', ...sendCodec },
  receive: { script: receive, flags: 'allow-oom', ...receiveCodec },
  transfers: { script: transfers, ...transfersCodec },
}
