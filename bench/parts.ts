import { part as callers } from './callers.js'
import { part as commands } from './commands.js'
import { part as consumer } from './consumer.js'
import { part as durability } from './durability.js'
import { part as growth } from './growth.js'
import { part as http } from './http.js'
import { part as latency } from './latency.js'
import { part as launchNight } from './launch-night.js'
import { part as memory } from './memory.js'
import { part as oneBuyer } from './one-buyer.js'
import type { Part } from './part.js'
import { part as partitions } from './partitions.js'
import { part as peers } from './peers.js'
import { part as refusals } from './refusals.js'
import { part as reserveConfirm } from './reserve-confirm.js'
import { part as waitingRoom } from './waiting-room.js'

/** In the order in which they run. */
export const parts: readonly Part[] = [
  callers,
  commands,
  peers,
  latency,
  launchNight,
  memory,
  growth,
  oneBuyer,
  durability,
  refusals,
  reserveConfirm,
  waitingRoom,
  partitions,
  consumer,
  http,
]
