import type { Engine, Op, Partition, Rules } from '../../src/engine/engine.js'
import { withNonce } from '../../src/engine/reservation-id.js'
import { PartitionState } from '../../src/memory-engine/sale/partition-state.js'
import { NEVER, type Time } from '../../src/memory-engine/time.js'
import type { ViolationKind } from '../model/violation.js'
import { withPartitions, wrapped } from '../support/wrapped-engine.js'
import type { SaleMachine } from './simulator/sale-machine.js'
import type { InjectedBug } from './simulator/sale-world.js'

/** A bug, and what of it is seen. */
export interface NamedBug {
  readonly name: string
  readonly bug: InjectedBug
  /** What it may be found by, looking into the server. */
  readonly watched: readonly ViolationKind[]
  /** What it may be found by from what the callers hear alone. */
  readonly heard: readonly ViolationKind[]
}

/** The server with something changed in its state's ways. */
function server(change: (state: PartitionState) => void): InjectedBug {
  return {
    machine: (machine) => {
      change(machine.state)
      return machine
    },
  }
}

/** Each batch passes through here on its way into the state machine. */
function before(change: (machine: SaleMachine) => SaleMachine['run']): InjectedBug {
  return {
    machine: (machine) => ({
      get state() {
        return machine.state
      },
      run: change(machine),
    }),
  }
}

let nonces = 0

function another(op: Op<'reserve'>): Op<'reserve'> {
  return { ...op, id: withNonce(op.id, String(++nonces).padStart(8, '0')) }
}

/** Sends the engine's batches through something else. */
function driver(change: (port: Partition) => Partition['run']): InjectedBug {
  return { engine: (engine) => withPartitions(engine, (port) => ({ run: change(port) })) }
}

/** Holds end so much later than they should. */
function lapsing(byMs: number): InjectedBug {
  return server((state) => {
    state.advance = (time) => {
      state.time = time
      for (const entry of state.entries) {
        const { state: is, expiresAt } = entry.reservation
        if (is === 'held' && time.now >= expiresAt + byMs) state.giveBack(entry, 'expired')
      }
    }
  })
}

/** Of sales and of rooms. */
export const callersLeftWaiting = {
  name: 'a call that fails leaves its callers waiting',
  bug: {
    engine: (engine: Engine) =>
      wrapped(engine, {
        clock: { ...engine.clock!, after: () => ({ cancel: () => {}, keepAlive: () => {} }) },
      }),
  },
  watched: ['deadline', 'liveness'],
  heard: ['deadline', 'liveness'],
} as const

export const injectedBugs: readonly NamedBug[] = [
  {
    name: 'the server forgets which requests it has seen',
    bug: before((machine) => {
      const seen = new Set<string>()
      return (command, ops, call) => {
        if (command !== 'reserve') return machine.run(command, ops, call)
        const changed = (ops as Op<'reserve'>[]).map((op) => {
          if (seen.has(op.id)) return another(op)
          seen.add(op.id)
          return op
        })
        return machine.run(command, changed as unknown as typeof ops, call)
      }
    }),
    watched: ['history'],
    heard: ['history'],
  },
  {
    name: 'the server forgets the keys',
    bug: server((state) => {
      state.findByKey = () => undefined
    }),
    watched: ['history', 'liveness'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'the server ignores the deadline',
    bug: before(
      (machine) => (command, ops, call) =>
        machine.run(command, ops, { ...call, deadline: Number.MAX_SAFE_INTEGER }),
    ),
    watched: ['history'],
    heard: ['history'],
  },
  {
    name: 'the server takes any payment for the own one of an order',
    bug: before((machine) => (command, ops, call) => {
      if (command !== 'confirm') return machine.run(command, ops, call)
      const isOrder = (id: string) => machine.state.find(id)?.reservation.state === 'confirmed'
      const changed = (ops as Op<'confirm'>[]).map((op) => (isOrder(op.id) ? { ...op, paymentId: null } : op))
      return machine.run(command, changed as unknown as typeof ops, call)
    }),
    watched: ['history'],
    heard: ['history'],
  },
  {
    name: 'the server does not look whether there is stock',
    bug: server((state) => {
      const { create } = state
      state.create = (...args) => {
        create.apply(state, args)
        state.stock.lacking = () => undefined
      }
    }),
    watched: ['conservation'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'the server does not look at the limit',
    bug: server((state) => {
      const { create } = state
      state.create = (...args) => {
        create.apply(state, args)
        state.stock.overLimit = () => undefined
      }
    }),
    watched: ['limit', 'history'],
    heard: ['history'],
  },
  {
    name: 'the server does not look at the limit of households',
    bug: server((state) => {
      const { create } = state
      state.create = (...args) => {
        create.apply(state, args)
        const { stock } = state
        const { overLimit } = stock
        stock.overLimit = ({ buyer }, ...rest) => overLimit.call(stock, { buyer }, ...rest)
      }
    }),
    watched: ['limit', 'history'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'a transfer does not look at the limit of the receiver',
    bug: before((machine) => (command, ops, call) => {
      const { stock, incarnation } = machine.state
      const isAsked = incarnation !== null && (command === 'transfer' || command === 'arrive')
      if (!isAsked) return machine.run(command, ops, call)
      const { overLimit } = stock
      stock.overLimit = () => undefined
      const reply = machine.run(command, ops, call)
      stock.overLimit = overLimit
      return reply
    }),
    watched: ['limit', 'history'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'a transfer leaves the hold of the sender as it was',
    bug: server((state) => {
      state.change = (entry, change) => {
        if (change.state === 'transferred') return
        PartitionState.prototype.change.call(state, entry, change)
      }
    }),
    watched: ['conservation', 'limit', 'history'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'a reservation that arrives twice is two',
    bug: before((machine) => (command, ops, call) => {
      if (command !== 'arrive') return machine.run(command, ops, call)
      const { state } = machine
      state.find = () => undefined
      const reply = machine.run(command, ops, call)
      state.find = PartitionState.prototype.find
      return reply
    }),
    watched: ['conservation', 'limit'],
    heard: ['liveness'],
  },
  {
    name: 'a reservation that has arrived counts for its sender for ever',
    bug: before(
      (machine) => (command, ops, call) =>
        command === 'settle'
          ? ({ ...machine.run('settle', [], call), answers: ops.map(() => ({ status: 'settled' })) } as never)
          : machine.run(command, ops, call),
    ),
    watched: ['limit', 'liveness', 'conservation'],
    heard: ['liveness', 'history'],
  },
  {
    name: 'holds expire 30 ms too early',
    bug: lapsing(-30),
    watched: ['promise', 'history'],
    heard: ['history'],
  },
  {
    name: 'holds expire 30 ms too late',
    bug: lapsing(30),
    watched: ['history', 'liveness'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'the server loses a reservation it has acknowledged',
    bug: server((state) => {
      const { find } = state
      state.find = (id) => {
        const entry = find.call(state, id)
        // The fourth one, once there are more.
        return entry?.order === 3 && state.entries.length > 5 ? undefined : entry
      }
    }),
    watched: ['promise'],
    heard: ['history'],
  },
  {
    name: 'an amend is carried out, and answers the hold as it was',
    bug: before((machine) => (command, ops, call) => {
      if (command !== 'amend') return machine.run(command, ops, call)
      const was = (ops as Op<'amend'>[]).map(({ id }) => machine.state.find(id)?.reservation)
      const reply = machine.run(command, ops, call)
      if (reply.outcome !== 'done') return reply
      const answers = reply.answers.map((answer, i) =>
        answer.status === 'amended' && 'reservation' in answer ? { ...answer, reservation: was[i]! } : answer,
      )
      return { ...reply, answers } as typeof reply
    }),
    watched: ['history'],
    heard: ['history'],
  },
  {
    name: 'an amend forgets what it takes',
    bug: server((state) => {
      state.amend = (entry, cart, count) => {
        const { reservation } = entry
        const changes = { first: reservation.changes?.first ?? reservation.cart, count }
        entry.reservation = { ...reservation, cart, changes }
      }
    }),
    watched: ['conservation'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'a pause is forgotten',
    bug: server((state) => {
      state.saleState = () => {
        const { paused } = state
        state.paused = false
        const is = PartitionState.prototype.saleState.call(state)
        state.paused = paused
        return is
      }
    }),
    watched: ['history'],
    heard: ['history'],
  },
  {
    name: 'time runs backwards with the clock',
    // What was written and what the caller has seen are not looked at.
    bug: before((machine) => (command, ops, call) => {
      machine.state.time = NEVER
      return machine.run(command, ops, { ...call, minTime: 0 })
    }),
    watched: ['history', 'promise', 'liveness'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'time stands still until a clock that was set back has caught up',
    bug: server((state) => {
      let { now } = state
      Object.defineProperty(state, 'time', {
        get: (): Time => ({ now, ahead: Number.NEGATIVE_INFINITY }),
        set: (time: Time) => {
          now = time.now
        },
      })
    }),
    watched: ['liveness'],
    heard: ['liveness'],
  },
  {
    name: 'the driver sends what is not answered again, under a new id',
    bug: driver((port) => async (command, ops, call) => {
      const first = port.run(command, ops, call)
      if (command !== 'reserve') return first
      const again = (ops as unknown as Op<'reserve'>[]).map(another)
      return first.catch(() => port.run(command, again as unknown as typeof ops, call))
    }),
    watched: ['history', 'liveness'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'the answers of a batch come in the wrong order',
    bug: driver((port) => async (command, ops, call) => {
      const reply = await port.run(command, ops, call)
      return reply.outcome === 'done' ? { ...reply, answers: reply.answers.toReversed() } : reply
    }),
    // A buyer may be told of a line that another one asked for.
    watched: ['history', 'promise', 'supply', 'fault'],
    heard: ['history', 'fault'],
  },
  callersLeftWaiting,
  {
    name: 'what is received twice is counted twice',
    bug: server((state) => {
      state.received.beyond = (_, units) => units
    }),
    watched: ['conservation'],
    // The donor hears of more than it has sent, and freezes.
    heard: ['liveness', 'fault'],
  },
  {
    name: 'what is sent does not leave',
    bug: server((state) => {
      state.send = (to, sku, quantity) => state.sent.add(to, sku, quantity)
    }),
    watched: ['conservation'],
    heard: ['liveness'],
  },
  {
    name: 'what was sent before is forgotten with the next sending',
    bug: server((state) => {
      const { send } = state
      state.send = (to, sku, quantity) => {
        send.call(state, to, sku, quantity)
        state.sent.of = () => [[sku, quantity]]
      }
    }),
    watched: ['conservation', 'liveness', 'supply'],
    heard: ['liveness'],
  },
  {
    name: 'units that come back stay where they were',
    bug: server((state) => {
      const stay = (rules: Rules): Rules => ({
        ...rules,
        skus: rules.skus.map(({ returnsTo: _, ...rule }) => rule),
      })
      Object.defineProperty(state, 'rules', { get: () => stay(state.present.rules) })
    }),
    watched: ['history', 'liveness'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'an update leaves the limits as they were',
    bug: server((state) => {
      state.update = (op) => {
        const limitOf = (sku: number) => state.rules.skus[sku]?.limit
        const skus = op.rules.skus.map((rule, sku) => ({ ...rule, limit: limitOf(sku) ?? rule.limit }))
        PartitionState.prototype.update.call(state, { ...op, rules: { ...op.rules, skus } })
      }
    }),
    watched: ['history'],
    heard: ['history'],
  },
  {
    name: 'an update leaves where units return to as it was',
    bug: server((state) => {
      state.update = (op) => {
        const skus = op.rules.skus.map(({ returnsTo: _, ...rule }, sku) => {
          const before = state.rules.skus[sku]?.returnsTo
          return { ...rule, ...(before !== undefined && { returnsTo: before }) }
        })
        PartitionState.prototype.update.call(state, { ...op, rules: { ...op.rules, skus } })
      }
    }),
    watched: ['history', 'supply'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'an update leaves the times as they were',
    bug: server((state) => {
      state.update = (op) => {
        const { opensAt, closesAt } = state.rules
        PartitionState.prototype.update.call(state, { ...op, rules: { ...op.rules, opensAt, closesAt } })
      }
    }),
    watched: ['history', 'liveness'],
    heard: ['history', 'liveness'],
  },
  {
    name: 'an update that comes twice undoes what was updated since',
    bug: before((machine) => (command, ops, call) => {
      const { revision } = machine.state.present ?? {}
      if (command !== 'update' || revision === undefined) return machine.run(command, ops, call)
      const changed = (ops as Op<'update'>[]).map((op) =>
        op.after === null ? op : { ...op, after: revision, revision: revision + 1 },
      )
      return machine.run(command, changed as unknown as typeof ops, call)
    }),
    watched: ['history'],
    heard: ['history'],
  },
  {
    name: 'a removal does not seal the partitions',
    bug: server((state) => {
      Object.defineProperty(state, 'seal', { get: () => ({ attempt: 0, isSealed: false }), set() {} })
    }),
    watched: ['promise'],
    // The sale goes on until it is erased.
    heard: ['history', 'liveness'],
  },
  {
    name: 'the index forgets what was removed',
    bug: {
      index: (index) => {
        const { run } = index
        Object.assign(index, {
          run: ((command, ops, call, clock) => {
            const reply = run(command, ops, call, clock)
            if (command !== 'find' || reply.outcome !== 'done') return reply
            return { ...reply, answers: ops.map(() => ({ status: 'unknown' })) }
          }) as typeof run,
        })
      },
    },
    watched: ['fault', 'liveness'],
    heard: ['fault', 'liveness'],
  },
  {
    name: 'no call asks the other partitions',
    bug: driver((port) => async (command, ops, call) => {
      const reply = await port.run(command, ops, call)
      if (command !== 'stats' || reply.outcome !== 'done') return reply
      const nothing = { total: 0, available: 0, held: 0, confirmed: 0, inTransit: 0 }
      const answers = reply.answers.map((answer) =>
        'skus' in answer ? { ...answer, skus: answer.skus.map(() => nothing) } : answer,
      )
      return { ...reply, answers }
    }),
    // Of one partition alone nothing is asked, but for the counts themselves.
    watched: ['supply', 'history', 'liveness'],
    heard: ['history', 'liveness'],
  },
]
