import { demand } from '../../../model/violation.js'
import type { Fault } from '../faults.js'
import { over } from '../over.js'
import type { Simulated, SimulateOptions } from '../simulate.js'
import { Operators } from './operators.js'
import type { InjectedRoomBug } from './room-options.js'
import { RoomWorld } from './room-world.js'
import { Visitors } from './visitors.js'

export interface SimulateRoomOptions extends Omit<SimulateOptions, 'bug' | 'asFound'> {
  readonly bug?: InjectedRoomBug | undefined
  /** Whether the room has tiers. @default false */
  readonly tiers?: boolean
}

/** The faults last so long, in simulated time. */
const LONGEST_MS = 20_000
/** Nothing that was sent is on its way for longer. */
const STRAGGLERS_MS = 5_500
/**
 * Whoever waits then has their turn within so long: no-shows, passes and holds before them have run
 * out by then.
 */
const PATIENCE_MS = 400_000
const HOUR_MS = 3_600_000

/** One run: a room, visitors and faults, all drawn from the seed. First safety, then liveness. */
export async function simulateRoom({
  seed,
  bug,
  watch = true,
  tiers = false,
  trace,
}: SimulateRoomOptions): Promise<Simulated> {
  const injected = new Map<Fault, number>()
  const room = new RoomWorld({ seed, injected, bug, watch, tiers, trace })
  trace?.(`seed ${seed}, ${JSON.stringify(room.plan)}`)
  trace?.(`faults: ${room.world.faults}`)
  try {
    await play(room)
  } catch (error) {
    room.fail(error)
  }
  const { wrong, world, operations, answers } = room
  const cause = wrong?.cause instanceof Error ? `\n${wrong.cause.stack}` : ''
  const head = `After ${world.agenda.now.toFixed(1)} ms. Faults: ${world.faults}.`
  return {
    seed,
    operations,
    answers,
    injected,
    simulatedMs: world.agenda.now,
    undecided: false,
    violation: wrong && {
      kind: wrong.kind,
      report: `${head}\nroom ${JSON.stringify(room.plan)}\n${wrong.message}${cause}`,
    },
  }
}

async function play(room: RoomWorld): Promise<void> {
  const { world, plan } = room
  const { agenda } = world
  const processes = Array.from({ length: plan.processes }, () => room.newProcess())
  const first = processes[0]!
  if (plan.sale) await over(room, room.saleAt(first).create(plan.sale))
  await over(room, room.room(first).create(plan.creation))
  const start = room.serverNow
  const visitors = new Visitors(room)
  const operators = new Operators(room)
  void operators.work()
  world.beginFaults()
  const ended = () => visitors.finished && operators.finished
  await agenda.play(() => room.wrong !== undefined || ended() || agenda.now > LONGEST_MS)
  if (room.wrong) return
  world.stopFaults()
  if (!world.processes.some(({ alive }) => alive)) room.newProcess()
  await over(room, agenda.sleep(STRAGGLERS_MS))
  await agenda.play(() => room.wrong !== undefined || operators.finished)
  await over(room, operators.open())
  visitors.calm = true
  // Who still waits does so for time to go on, however far the clock has been ahead.
  if (world.faults.injected.has('server clock backwards')) world.server.setClock(-HOUR_MS)
  const end = agenda.now + PATIENCE_MS
  await agenda.play(() => room.wrong !== undefined || visitors.finished || agenda.now > end)
  if (room.wrong) return
  const left = visitors.waiting.join(', ')
  demand(visitors.finished, 'liveness', () => `nothing fails any more, and these still wait: ${left}`)
  for (const { name, span } of room.pending)
    demand(agenda.now - span.from < plan.deadlineMs + 1_000, 'deadline', () => `${name} was never settled`)
  room.ledger.conclude(start, isGentle(room))
}

/** Nothing came late, and no clock leapt: whoever polled was seen at the door then. */
function isGentle({ world }: RoomWorld): boolean {
  const { injected } = world.faults
  const harsh: readonly Fault[] = [
    'request late',
    'reply late',
    'process stops for a while',
    'process clock leaps',
    'server clock forwards',
    'server clock backwards',
  ]
  return harsh.every((fault) => !injected.has(fault))
}
