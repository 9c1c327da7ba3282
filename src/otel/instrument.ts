import { type ChannelListener, channel } from 'node:diagnostics_channel'
import {
  type BatchObservableCallback,
  type MeterProvider,
  metrics,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import type { Engine } from '../engine/engine.js'
import { invalid } from '../errors.js'
import { callChannel } from '../telemetry/channels.js'
import type {
  AdmissionMessage,
  BatchMessage,
  CallMessage,
  ConnectionMessage,
  ConsumerMessage,
  LedgerMessage,
} from '../telemetry/messages.js'
import { checkBoolean, checkInteger, checkOptions, type Names } from '../validation.js'
import { ATTRIBUTES } from './attributes.js'
import { CallMetrics } from './call-metrics.js'
import { CallSpans } from './call-spans.js'
import { createInstruments } from './instruments.js'
import { RoomMetrics } from './room-metrics.js'
import { SaleMetrics } from './sale-metrics.js'

/** Options of `instrument`. */
export interface InstrumentOptions {
  /**
   * The engine whose sales are read at each collection: units by SKU, lag and dead letters of each
   * group. One process that has it is enough.
   * @default none: these gauges stay empty
   */
  engine?: Engine | undefined
  /** @default the global provider of `@opentelemetry/api` at the time of the call */
  meterProvider?: MeterProvider | undefined
  /** @default the global provider of `@opentelemetry/api` */
  tracerProvider?: TracerProvider | undefined
  /** Whether spans are made, for each call and for each batch. @default true */
  traces?: boolean | undefined
  /**
   * The most values of each label that has names of yours: sales, rooms, SKUs (of all sales
   * together) and consumer groups (of all sales together). SKUs and groups beyond are added up
   * under `_OTHER`; sales and rooms beyond are left out.
   * @default 100
   */
  maxNames?: number | undefined
}

/** Ends what {@link instrument} has begun. */
export interface Instrumentation extends AsyncDisposable {
  /** From then on nothing is recorded. The providers stay open. */
  close(): Promise<void>
}

const OPTIONS: Names<InstrumentOptions> = {
  ...{ engine: true, meterProvider: true, tracerProvider: true, traces: true, maxNames: true },
}

/**
 * Records metrics and traces of this process by OpenTelemetry, beginning now. Call it after the SDK
 * was registered, or give the providers. The chapter on telemetry lists the metrics.
 *
 * @throws {StockholdError} `INVALID_ARGUMENT`
 */
export function instrument(options: InstrumentOptions = {}): Instrumentation {
  const given = checkOptions(options, 'options', OPTIONS) as InstrumentOptions
  const { engine, meterProvider = metrics, tracerProvider = trace, traces = true, maxNames = 100 } = given
  if (engine !== undefined && typeof engine.sales !== 'function')
    throw invalid('engine', 'must be an engine: redisEngine(...) or memoryEngine()')
  if (typeof meterProvider?.getMeter !== 'function') throw invalid('meterProvider', 'must have getMeter')
  if (typeof tracerProvider?.getTracer !== 'function') throw invalid('tracerProvider', 'must have getTracer')
  const most = checkInteger(maxNames, 'maxNames', 1, 10_000)
  const meter = meterProvider.getMeter('stockhold')
  const spans = checkBoolean(traces, 'traces')
    ? new CallSpans(tracerProvider.getTracer('stockhold'))
    : undefined
  const instruments = createInstruments(meter)
  const calls = new CallMetrics(instruments)
  const rooms = new RoomMetrics(instruments, most)
  const sales = engine && new SaleMetrics(engine, instruments, most)

  const ended = (call: CallMessage) => {
    calls.ended(call)
    spans?.ended(call)
  }
  const ofCalls = {
    start(call: CallMessage) {
      calls.begun(call)
      spans?.begun(call)
    },
    end: (call: CallMessage) => void (call.durationMs !== null && ended(call)),
    asyncStart() {},
    asyncEnd: ended,
    error() {},
  }
  const listeners: Record<string, ChannelListener> = {
    batch(message) {
      calls.batch(message as BatchMessage)
      spans?.batch(message as BatchMessage)
    },
    connection: (message) =>
      instruments.connectionEvents.add(1, { [ATTRIBUTES.outcome]: (message as ConnectionMessage).state }),
    admission: (message) => rooms.admission(message as AdmissionMessage),
    consumer: (message) => calls.consumer(message as ConsumerMessage),
    ledger: (message) => calls.ledger(message as LedgerMessage),
  }
  callChannel.subscribe(ofCalls)
  for (const [name, listen] of Object.entries(listeners)) channel(`stockhold:${name}`).subscribe(listen)

  const { activeCalls, units, lag, parked, deadLetters, waiting, outstanding } = instruments
  const { rateAsked, rateAchieved, missedTurns } = instruments
  const active = calls.observeActive.bind(calls)
  const ofRooms: BatchObservableCallback = (result) => rooms.observe(result)
  const roomGauges = [waiting, outstanding, rateAsked, rateAchieved, missedTurns]
  const ofSales: BatchObservableCallback = (result) => sales?.observe(result)
  const saleGauges = [instruments.sales, units, lag, parked, deadLetters]
  activeCalls.addCallback(active)
  meter.addBatchObservableCallback(ofRooms, roomGauges)
  if (sales) meter.addBatchObservableCallback(ofSales, saleGauges)

  const close = async (): Promise<void> => {
    callChannel.unsubscribe(ofCalls)
    for (const [name, listen] of Object.entries(listeners)) channel(`stockhold:${name}`).unsubscribe(listen)
    activeCalls.removeCallback(active)
    meter.removeBatchObservableCallback(ofRooms, roomGauges)
    meter.removeBatchObservableCallback(ofSales, saleGauges)
    await sales?.close()
  }
  return { close, [Symbol.asyncDispose]: close }
}
