import type { Command } from './command.js'
import { changing } from './commands/change.js'
import { checking } from './commands/check.js'
import { operating } from './commands/control-room.js'
import { examining } from './commands/doctor.js'
import { looking } from './commands/look.js'
import { planning } from './commands/plan.js'
import { repairing } from './commands/repair.js'
import { stock } from './commands/stock.js'
import { watching } from './commands/watch.js'
import { completion } from './completion.js'

const all: readonly Command[] = [
  ...looking,
  ...watching,
  ...operating,
  ...changing,
  ...stock,
  ...repairing,
  ...examining,
  ...planning,
  ...checking,
]

/** All commands: what is parsed, the help, and the completion come from this table. */
export const commands: readonly Command[] = [...all, completion(all)]
