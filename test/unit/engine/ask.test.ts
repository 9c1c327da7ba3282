import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ask, inTime } from '../../../src/engine/ask.js'
import type { HeartbeatPort } from '../../../src/engine/heartbeat.js'
import type { Port } from '../../../src/engine/port.js'
import type { Lifecycle } from '../../../src/engine/removal.js'
import { unavailable } from '../../../src/errors.js'
import { listProcesses } from '../../../src/heartbeat/processes.js'
import { MemoryEngine } from '../../../src/memory-engine/memory-engine.js'
import { saleCourse } from '../../../src/sale/course.js'
import { listRecoveries } from '../../../src/sale/recovery/recoveries.js'
import { TestClock } from '../../support/test-clock.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

interface Questions {
  processes: { op: object; answer: { readonly status: 'processes' } }
}

const never = () => new Promise<never>(() => {})

/** The port of a server that does not answer. */
const silent: Port<never> = { ready: () => undefined, run: never }
/** The port of a server to which there is no connection. */
const cut: Port<never> = { ready: never, run: never, lastError: () => unavailable('ECONNREFUSED', null) }

/** An engine of which all that an operator reads goes to the port. */
class PortEngine extends MemoryEngine {
  override readonly heartbeat: HeartbeatPort
  override readonly lifecycle: Lifecycle

  constructor(port: Port<never>) {
    super(Date.now, () => 0)
    this.heartbeat = port
    this.lifecycle = { index: port, partition: () => port, room: () => port }
  }
}

test.each([
  ['does not answer', silent, 'The server did not answer.'],
  ['is not connected', cut, 'ECONNREFUSED'],
])('what an operator reads of a server that %s fails after two seconds', async (_, port, cause) => {
  const engine = new PortEngine(port)
  const asked = {
    'The list was': engine.sales().next(),
    'The processes were': listProcesses(engine),
    'The recoveries were': listRecoveries(engine),
    'The course was': saleCourse(engine, 'launch'),
  }
  const failed = new Map<string, unknown>()
  for (const [what, one] of Object.entries<Promise<unknown>>(asked))
    one.catch((error: unknown) => failed.set(what, error))
  await vi.advanceTimersByTimeAsync(2_000)
  for (const what of Object.keys(asked))
    expect(failed.get(what)).toMatchObject({
      code: 'UNAVAILABLE',
      message: `${what} not read in time. Nothing was executed.`,
      cause: { message: cause },
    })
})

test('a reading that is in time leaves no timer', async () => {
  const clock = new TestClock()
  const reading = inTime('The list was', silent, async () => 7, clock)
  expect(clock.timers).toBe(1)
  expect(await reading).toBe(7)
  expect(clock.timers).toBe(0)
})

test('a reading that was given up is not sent when the connection is there again', async () => {
  const clock = new TestClock()
  const sent: string[] = []
  let connect!: () => void
  const connected = new Promise<void>((resolve) => {
    connect = resolve
  })
  const away: Port<Questions> = {
    ready: () => connected,
    run: async (command) => {
      sent.push(command)
      return { outcome: 'done', now: 0, clock: 0, sequence: 0, answers: [{ status: 'processes' }] } as never
    },
  }
  const read = () => inTime('The list was', away, (signal) => ask(away, 'processes', {}, signal), clock)
  const early = [read(), read()].map((reading) => reading.catch(({ code }) => code))
  await clock.advance(2_000)
  expect(await Promise.all(early)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
  const late = read()
  connect()
  expect(await late).toMatchObject({ answer: { status: 'processes' } })
  expect(sent).toEqual(['processes'])
})
