import type { Meter } from '@opentelemetry/api'

/** Of durations, in seconds: a call takes half a millisecond to some seconds. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const ITEMS = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** The instruments, by the names under which the chapter lists them. */
export type Instruments = ReturnType<typeof createInstruments>

export function createInstruments(meter: Meter) {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(`stockhold.${name}`, { unit, description })
  const seconds = (name: string, description: string) =>
    meter.createHistogram(`stockhold.${name}`, {
      ...{ unit: 's', description, advice: { explicitBucketBoundaries: SECONDS } },
    })
  const gauge = (name: string, unit: string, description: string) =>
    meter.createObservableGauge(`stockhold.${name}`, { unit, description })
  return {
    calls: counter('calls', '{call}', 'Calls that have ended.'),
    callDuration: seconds('call.duration', 'From a call until its result.'),
    activeCalls: meter.createObservableUpDownCounter('stockhold.call.active', {
      ...{ unit: '{call}', description: 'Calls of this process that are open.' },
    }),
    batchSize: meter.createHistogram('stockhold.batch.size', {
      ...{ unit: '{item}', description: 'Items of a request to the engine.' },
      advice: { explicitBucketBoundaries: ITEMS },
    }),
    batchWait: seconds('batch.wait_time', 'How long the oldest item of a request waited to be sent.'),
    batchDuration: seconds('batch.duration', 'From sending a request to its answer.'),
    connectionEvents: counter('connection.events', '{event}', 'Connections made, lost and refused.'),
    handlerDuration: seconds('consumer.handler.duration', 'How long the handler of a consumer took.'),
    lostEvents: counter('consumer.events.lost', '{event}', 'Events trimmed before a group had them.'),
    ledgerEvents: counter('ledger.events', '{event}', 'Events that a ledger has written.'),
    ledgerDuration: seconds('ledger.write.duration', 'From reading events to the end of a transaction.'),
    ledgerFailures: counter('ledger.failures', '{failure}', 'Failures of a ledger.'),
    readings: counter('sale.readings', '{reading}', 'Readings of the sales for the gauges.'),
    sales: gauge('sale.count', '{sale}', 'Sales by state.'),
    units: gauge('sale.units', '{unit}', 'Units by SKU and state.'),
    lag: gauge('consumer.lag', '{event}', 'Events that a group has not handled.'),
    parked: gauge('consumer.parked', '{event}', 'Events set aside for another try.'),
    deadLetters: gauge('consumer.dead_letters', '{event}', 'Dead letters of a group.'),
    waiting: gauge('room.waiting', '{visitor}', 'Visitors in the queue.'),
    outstanding: gauge('room.outstanding', '{pass}', 'Turns and passes that may be used.'),
    rateAsked: gauge('room.rate.asked', '{visitor}/s', 'Visitors a second that the room may admit.'),
    rateAchieved: gauge('room.rate.achieved', '{visitor}/s', 'Visitors a second that were admitted.'),
    missedTurns: meter.createObservableCounter('stockhold.room.missed_turns', {
      ...{ unit: '{turn}', description: 'Turns that visitors have missed.' },
    }),
  }
}
