import type { Observer } from '../network.js'

/** Writes the trace of what happens at the server, and looks at the sale after each step there. */
export function roomObserver(trace: (line: () => string) => void, sample: () => void): Observer {
  return {
    sent: () => {},
    executed: (command, ops, call, reply) => {
      sample()
      trace(() => {
        const late = reply.now > call.deadline ? ', late' : ''
        return `server: ${command} of ${ops.length} at ${reply.now}: ${reply.outcome}${late}`
      })
    },
    answered: () => {},
    note: trace,
  }
}
