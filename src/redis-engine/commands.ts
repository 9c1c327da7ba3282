import { type Library, libraryOf } from './function-library.js'
import { groupPort } from './groups/group-port.js'
import { heartbeatPort } from './heartbeat/heartbeat-port.js'
import { operationsLogPort } from './operations/operations-log-port.js'
import { indexPort } from './removal/index-port.js'
import { removalPort, roomRemovalPort } from './removal/removal-port.js'
import { roomPort } from './room/room-port.js'
import { salePort } from './sale/sale-port.js'
import { withValues } from './script.js'

const known = new Map<string, ReturnType<typeof compileAll>>()

/**
 * All commands, as scripts and as one library.
 *
 * @param clock A Lua expression for the server's time.
 */
export function commandsWith(clock: string) {
  const before = known.get(clock)
  if (before) return before
  const commands = compileAll(clock)
  known.set(clock, commands)
  return commands
}

function compileAll(clock: string) {
  const ports = [
    ...[salePort, groupPort, roomPort, indexPort, removalPort, roomRemovalPort],
    ...[operationsLogPort, heartbeatPort],
  ]
  const functions = ports.map((port) => port.functions)
  const library: Library = libraryOf(functions, (text) => withValues(text, clock))
  return {
    library,
    sale: salePort.compile(clock),
    groups: groupPort.compile(clock),
    room: roomPort.compile(clock),
    operationsLog: operationsLogPort.compile(clock),
    index: indexPort.compile(clock),
    removal: removalPort.compile(clock),
    roomRemoval: roomRemovalPort.compile(clock),
    heartbeat: heartbeatPort.compile(clock),
  }
}
