/** What a recovery without a ledger may lack. */
export const LOST_STOCK =
  'Compare these totals with yours: each restock, set-total and move since the state that Redis came back with is lost, unless a process that sells has made it.'

/** What an operator does about a waiting room that Redis has lost. */
export const REOPEN =
  'A waiting room cannot be recovered: when its sale sells again, restart the processes one after another. Each creates the room as it starts, and the visitors join again.'
