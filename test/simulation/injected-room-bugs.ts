import type { FinalAnswer } from '../../src/engine/engine.js'
import { type RoomAnswer, type RoomOp, type StockReading, tierOf } from '../../src/engine/room.js'
import type { Room } from '../../src/memory-engine/room/room-state.js'
import type { Time } from '../../src/memory-engine/time.js'
import type { ViolationKind } from '../model/violation.js'
import { withPartitions } from '../support/wrapped-engine.js'
import { callersLeftWaiting } from './injected-bugs.js'
import type { RoomMachine } from './simulator/rooms/room-machine.js'
import type { InjectedRoomBug } from './simulator/rooms/room-options.js'

/** A bug, and what of it is seen. */
export interface RoomBug {
  readonly name: string
  readonly bug: InjectedRoomBug
  /** Whether it is a bug of rooms with tiers. */
  readonly tiers?: boolean
  /** What it may be found by, looking into the room. */
  readonly watched: readonly ViolationKind[]
  /**
   * What it may be found by from what visitors are told alone; `undefined` for what they cannot
   * tell.
   */
  readonly heard: readonly ViolationKind[] | undefined
}

/** The room with something changed in its ways, as soon as it is made. */
function room(change: (room: Room) => void): InjectedRoomBug {
  return around((machine) => (command, ops, call) => {
    const isNew = !machine.room
    const reply = machine.run(command, ops, call)
    if (isNew && machine.room) change(machine.room)
    return reply
  })
}

function around(change: (machine: RoomMachine) => RoomMachine['run']): InjectedRoomBug {
  return {
    machine: (machine) => ({
      get room() {
        return machine.room
      },
      run: change(machine),
    }),
  }
}

/** The room answers this whatever it knows. */
function always(name: 'stopped' | 'full' | 'capacity', value: (room: Room) => unknown): InjectedRoomBug {
  return room((made) => Object.defineProperty(made, name, { get: () => value(made) }))
}

export const injectedRoomBugs: readonly RoomBug[] = [
  {
    name: 'the room admits visitors while it is paused',
    bug: always('stopped', (made) => made.tokenBucket.pace.rate === 0),
    watched: ['admission', 'conservation'],
    heard: ['admission'],
  },
  {
    name: 'the room admits visitors before it opens',
    bug: room((made) => {
      made.tended = () => true
    }),
    watched: ['admission', 'conservation'],
    heard: ['admission'],
  },
  {
    name: 'a token is used twice',
    bug: room(({ tokenBucket }) => {
      const { take } = tokenBucket
      let times = 0
      tokenBucket.take = () => {
        if (++times % 2 === 0) take.call(tokenBucket)
      }
    }),
    watched: ['conservation'],
    heard: ['admission'],
  },
  {
    name: 'a turn that is not taken costs its token',
    bug: room(({ tokenBucket }) => {
      tokenBucket.giveBack = () => {}
    }),
    watched: ['conservation'],
    heard: undefined,
  },
  {
    name: 'the stock is not read',
    bug: always('full', () => false),
    watched: ['admission'],
    heard: undefined,
  },
  {
    name: 'any number of passes is outstanding, whatever maxActive says',
    bug: always('full', ({ capacity, outstanding }) => capacity !== null && outstanding.size >= capacity),
    watched: ['admission'],
    heard: undefined,
  },
  {
    name: 'an old reading of the stock is told as a new one',
    bug: around((machine) => {
      let first: StockReading | undefined
      return (command, ops, call) => {
        if (command !== 'tend') return machine.run(command, ops, call)
        const again = (ops as unknown as RoomOp<'tend'>[]).map((op) => {
          first ??= op.stock ?? undefined
          return op.stock && first ? { ...op, stock: { ...first, at: op.stock.at } } : op
        })
        return machine.run(command, again as unknown as typeof ops, call)
      }
    }),
    watched: ['admission'],
    heard: undefined,
  },
  {
    name: 'units on hold are read as available',
    bug: {
      engine: (engine) =>
        withPartitions(engine, (port) => ({
          async run(command, ops, call) {
            const reply = await port.run(command, ops, call)
            if (command !== 'stats' || reply.outcome !== 'done') return reply
            const [{ status, skus }] = reply.answers as readonly [FinalAnswer<'stats'>]
            const more = skus.map((sku) => ({ ...sku, available: sku.available + sku.held, held: 0 }))
            return { ...reply, answers: [{ status, skus: more }] } as unknown as typeof reply
          },
        })),
    },
    watched: ['admission'],
    heard: undefined,
  },
  {
    name: 'the room forgets a place',
    bug: around((machine) => {
      let calls = 0
      return (command, ops, call) => {
        const waiting = machine.room?.presence.visitors.first()
        if (waiting && ++calls === 25) machine.room!.end(waiting, machine.room!.time.now)
        return machine.run(command, ops, call)
      }
    }),
    watched: ['place'],
    heard: ['place'],
  },
  {
    name: 'time stands still until a clock that was set back has caught up',
    bug: room((made) => {
      const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(made), 'time')!
      Object.defineProperty(made, 'time', {
        get: (): Time => ({ now: get!.call(made).now, ahead: Number.NEGATIVE_INFINITY }),
      })
    }),
    watched: ['liveness'],
    heard: ['liveness'],
  },
  {
    name: 'a blocked buyer may join again',
    bug: room(({ blocked }) => {
      blocked.has = () => false
    }),
    watched: ['place'],
    heard: ['place'],
  },
  {
    name: 'a blocked buyer keeps the place',
    bug: around((machine) => (command, ops, call) => {
      const { room: made } = machine
      if (command !== 'block' || !made) return machine.run(command, ops, call)
      const { end } = made
      made.end = () => {}
      const reply = machine.run(command, ops, call)
      made.end = end
      return reply
    }),
    watched: ['place'],
    heard: undefined,
  },
  {
    name: 'a guest who logs in keeps the place as well',
    bug: around((machine) => (command, ops, call) => {
      const before = machine.room
      const guests = command === 'transfer' ? (ops as unknown as RoomOp<'transfer'>[]) : []
      const places = guests.map(({ buyer, visitId }) => before?.findVisit(buyer, visitId))
      const reply = machine.run(command, ops, call)
      for (const [i, { buyer }] of guests.entries())
        if (places[i] && !before!.find(buyer)) {
          before!.join(buyer, 0, reply.now)
        }
      return reply
    }),
    watched: ['place'],
    heard: undefined,
  },
  {
    name: 'a guest who logs in begins at the end',
    bug: room((made) => {
      made.move = (visitor, to, now) => {
        made.end(visitor, now)
        made.join(to, 0, now)
      }
    }),
    watched: ['place'],
    heard: undefined,
  },
  {
    name: 'who joins again gets another place',
    bug: around((machine) => (command, ops, call) => {
      if (command === 'join')
        for (const { buyer } of ops as unknown as RoomOp<'join'>[]) {
          const place = machine.room?.find(buyer)
          if (place?.expiresAt === null) machine.room!.end(place, machine.room!.time.now)
        }
      return machine.run(command, ops, call)
    }),
    watched: ['place'],
    heard: ['place'],
  },
  {
    name: 'the visitor who came last is admitted first',
    bug: room(({ presence: { visitors } }) => {
      const { put } = visitors
      visitors.put = (place, rank) => put.call(visitors, place, 1_000 - rank)
    }),
    watched: ['order', 'liveness', 'conservation'],
    heard: ['order', 'liveness'],
  },
  {
    name: 'a visitor who missed a turn begins again at the end',
    bug: room((made) => {
      const { welcomeBack } = made.presence
      made.presence.welcomeBack = (place, rank) => {
        welcomeBack.call(made.presence, place, rank)
        made.replace(place, made.time.now)
      }
    }),
    watched: ['place'],
    heard: undefined,
  },
  {
    name: 'a visitor who missed a turn counts as away a moment after the next poll',
    bug: room((made) => {
      made.presence.welcomeBack = (place, rank) => made.presence.see(place, rank)
    }),
    watched: ['order'],
    heard: undefined,
  },
  {
    name: 'a visitor who missed a turn is never present again',
    bug: room((made) => {
      made.presence.welcomeBack = () => {}
    }),
    watched: ['order', 'liveness'],
    heard: ['liveness'],
  },
  {
    name: 'the public goes before the members',
    bug: room(({ tiers }) => {
      const inOrder = tiers.inOrder.toReversed()
      Object.defineProperty(tiers, 'inOrder', { get: () => inOrder })
    }),
    tiers: true,
    watched: ['order'],
    heard: undefined,
  },
  {
    name: 'a visitor who becomes a member keeps the public place as well',
    bug: room((made) => {
      made.rise = (visitor, { index }, now) => made.replace(visitor, now, index)
    }),
    tiers: true,
    watched: ['conservation'],
    heard: undefined,
  },
  {
    name: 'a visitor of a higher tier who joins a lower one loses the place',
    bug: room((made) => {
      made.mayRise = (visitor, tier) =>
        visitor.expiresAt === null &&
        !made.outstanding.hasTurn(visitor) &&
        tier.index !== tierOf(visitor.number)
    }),
    tiers: true,
    watched: ['place'],
    heard: undefined,
  },
  {
    name: 'the last pass waits for a visitor who is away',
    bug: room((made) => {
      Object.defineProperty(made, 'waits', { get: () => true })
      const most = () => Math.min(made.capacity ?? 1e9, made.rules.maxActive ?? 1e9)
      Object.defineProperty(made, 'full', { get: () => made.outstanding.size >= most() })
    }),
    watched: ['liveness'],
    heard: undefined,
  },
  {
    name: 'a pass is given to the next visitor who polls',
    bug: around((machine) => (command, ops, call) => {
      const reply = machine.run(command, ops, call)
      if (command !== 'tend' || reply.outcome !== 'done') return reply
      const answers = (reply.answers as RoomAnswer<'tend'>[]).map((answer) => ({
        ...answer,
        visits: answer.visits.toReversed(),
      }))
      return { ...reply, answers } as unknown as typeof reply
    }),
    watched: ['admission'],
    heard: undefined,
  },
  {
    name: 'a new pass is given with every poll',
    bug: around((machine) => (command, ops, call) => {
      const reply = machine.run(command, ops, call)
      if (command !== 'tend' || reply.outcome !== 'done') return reply
      const { passMs } = machine.room!.rules
      const longer = (visit: RoomAnswer<'tend'>['visits'][number]) =>
        visit.status === 'admitted' ? { ...visit, expiresAt: reply.now + passMs } : visit
      const answers = (reply.answers as RoomAnswer<'tend'>[]).map((answer) => ({
        ...answer,
        visits: answer.visits.map(longer),
      }))
      return { ...reply, answers } as unknown as typeof reply
    }),
    watched: ['admission'],
    heard: ['admission'],
  },
  {
    name: 'a room carries out calls after their deadline',
    bug: around((machine) => (command, ops, call) => {
      const late = command === 'tend' && machine.room !== undefined
      return machine.run(command, ops, late ? { ...call, deadline: Number.MAX_SAFE_INTEGER } : call)
    }),
    watched: ['conservation', 'admission'],
    heard: undefined,
  },
  callersLeftWaiting,
]
