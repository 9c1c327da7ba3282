import type { FinalAnswer, Op } from '../../engine/engine.js'

/** Sends one command to its partition, bypassing the freeze. `get` follows a transfer. */
export type Recover = <C extends Recovering>(command: C, op: Op<C>) => Promise<FinalAnswer<C>>
type Recovering =
  | 'reserve'
  | 'amend'
  | 'confirm'
  | 'release'
  | 'extend'
  | 'refund'
  | 'restock'
  | 'move'
  | 'setTotal'
  | 'control'
  | 'transfer'
  | 'get'
