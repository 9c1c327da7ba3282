import { type ChannelListener, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { onTestFinished } from 'vitest'
import type {
  AdmissionMessage,
  BatchMessage,
  CallMessage,
  ConnectionMessage,
  ConsumerMessage,
  LedgerMessage,
} from '../../src/index.js'

type CallEvent = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error'

/** The messages of the channels until the test ends. */
export class Told {
  /** Of every call, the names of its events in order. */
  readonly events = new Map<CallMessage, CallEvent[]>()
  readonly batches: BatchMessage[] = []
  readonly connections: ConnectionMessage[] = []
  readonly admissions: AdmissionMessage[] = []
  readonly consumers: ConsumerMessage[] = []
  readonly ledgers: LedgerMessage[] = []

  /** @param of Messages of other sales and rooms are ignored: tests share a process. */
  constructor(readonly of: string) {
    const trace = (event: CallEvent) => (message: unknown) => {
      const call = message as CallMessage
      if (call.sale !== of && call.room !== of) return
      this.events.set(call, [...(this.events.get(call) ?? []), event])
    }
    const handlers = {
      ...{ start: trace('start'), end: trace('end'), error: trace('error') },
      ...{ asyncStart: trace('asyncStart'), asyncEnd: trace('asyncEnd') },
    }
    const calls = tracingChannel<unknown, CallMessage>('stockhold:call')
    calls.subscribe(handlers)
    onTestFinished(() => void calls.unsubscribe(handlers))
    this.#keep('batch', this.batches)
    this.#keep('connection', this.connections)
    this.#keep('admission', this.admissions)
    this.#keep('consumer', this.consumers)
    this.#keep('ledger', this.ledgers)
  }

  get calls(): CallMessage[] {
    return [...this.events.keys()]
  }

  /** What it comes to: `command status`, or `command CODE`, with what else is to be told. */
  static line({ command, status, code, replayed, fromMemory }: CallMessage): string {
    return [
      command,
      status ?? code,
      ...(replayed ? ['replayed'] : []),
      ...(fromMemory ? ['memory'] : []),
    ].join(' ')
  }

  #keep<M>(name: string, list: M[]): void {
    const listener: ChannelListener = (message) => {
      const { sale, room } = message as { sale?: string; room?: string }
      if ((sale === undefined && room === undefined) || sale === this.of || room === this.of)
        list.push(message as M)
    }
    subscribe(`stockhold:${name}`, listener)
    onTestFinished(() => void unsubscribe(`stockhold:${name}`, listener))
  }
}

/** The names of the methods of a class, the inherited ones too. */
export function methodsOf(type: { readonly prototype: object }, except: readonly string[]): string[] {
  const names = new Set<string>()
  for (let one = type.prototype; one !== Object.prototype; one = Object.getPrototypeOf(one))
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(one)))
      if (typeof value === 'function' && name !== 'constructor' && !except.includes(name)) names.add(name)
  return [...names].sort()
}
