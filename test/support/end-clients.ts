import { Redis } from 'ioredis'
import { afterAll } from 'vitest'

/**
 * What a fault interrupts may leave a client behind that looks for its server for ever. The files
 * of a worker share its modules: here each client ends with the file that began it.
 */
const begun = new Set<Redis>()
const { connect } = Redis.prototype

Redis.prototype.connect = function (...args) {
  begun.add(this)
  return connect.apply(this, args)
}

afterAll(() => {
  Redis.prototype.connect = connect
  for (const client of begun) if (client.status !== 'end') client.disconnect()
})
