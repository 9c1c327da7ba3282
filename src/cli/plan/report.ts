import { count, counted } from '../terminal/format.js'
import type { Paint } from '../terminal/style.js'
import { terminalTable } from '../terminal/table.js'
import { wrap } from '../terminal/wrap.js'
import { confirm, expire, FULL_BATCH, join, processMemory, reserve, server } from './figures.js'
import { about, bits, bytes, share, time } from './format.js'
import type { Plan } from './plan.js'
import { at } from './servers.js'

/** The width where the output has none. */
export const REPORT_WIDTH = 110

type Row = readonly [what: string, plan: string, why: string]

export function reportLines(plan: Plan, width: number, paint: Paint): string[] {
  const rows = [...servers(plan), ...waitingRoom(plan), ...course(plan), ...memory(plan), ...processes(plan)]
  const table = { title: '', columns: ['', 'plan', 'because'], rows }
  return [
    ...wrap(headline(plan), width),
    '',
    ...terminalTable(table, width, paint),
    '',
    ...wrap(verdict(plan), width).map((line) => paint('bold', line)),
    ...notes(plan).flatMap((note) => wrap(note, width)),
  ]
}

function headline({ sale }: Plan): string {
  const { units, arrivals, within, peak, holdMs, paid, payIn, cart } = sale
  const carts = cart === 1 ? '' : `, ${cart} at a time`
  return (
    `${counted(units, 'unit')}${carts} for ${count(arrivals)} people who come within ${time(within)}, ${count(peak)} of them in the busiest ` +
    `second. ${share(paid)} pay, after ${time(payIn)}; a hold expires after ${time(holdMs / 1_000)}.`
  )
}

function servers({ servers, load, resources, batches, processes }: Plan): Row[] {
  const { masters, ofRoom, cores, partitions, decidedBy } = servers
  const each = (cost: typeof reserve) => `${about(at(cost.cpu, FULL_BATCH))} µs`
  const asked =
    `${count(load.reserves)} reservations (${each(reserve)} of its CPU each in full batches), ${count(load.confirms)} payments ` +
    `(${each(confirm)}) and ${count(load.expiries)} expired holds (${each(expire)}) in the busiest second are ${about(cores.sale)} cores`
  const joins = load.joins > 0 ? `; ${count(load.joins)} joins (${each(join)}) are ${about(cores.room)}` : ''
  const room = `; a master gives ${share(resources.core)} of its own`
  const filled =
    decidedBy === 'memory' ? `; but ${about(resources.gib)} GiB of data is what a master may hold` : ''
  return [
    ['Redis masters', `${masters}${ofRoom ? ' + 1' : ''}`, `${asked}${joins}${room}${filled}`],
    [
      'partitions',
      String(partitions),
      partitions === 1
        ? 'one is exact at the lowest cost; more would only make the batches smaller'
        : 'two a master: the sale can move to twice as many while it runs. One master of a cluster takes whole partitions',
    ],
    [
      'wait for Redis',
      `${about(batches.waitMs)} ms`,
      batches.areGrown
        ? `at most, in the busiest second: single calls (${about(at(reserve.cpu, 1))} µs each) would be too many, so batches grow; those of ` +
          `${processes.count} processes queue, ${inEach(batches.reservations)} in each`
        : `in the busiest second: single calls (${about(at(reserve.cpu, 1))} µs each) are no load`,
    ],
  ]
}

const inEach = (batch: number) => (batch === 1 ? 'a reservation' : `${about(batch)} reservations`)

function waitingRoom({ waitingRoom: room, course, load, sale }: Plan): Row[] {
  if (room === null) return [['waiting room', 'none', '--no-room: buyers reserve as they come']]
  const { units, cart } = sale
  return [
    [
      'admission rate',
      `${count(room.ratePerSecond)}/s`,
      `${count(units / cart)} reservations in ${time(units / cart / room.ratePerSecond)}; your checkout must bear it`,
    ],
    ['burst', count(room.burst), "one second's worth, so the room makes about ten calls a second a process"],
    [
      'queue, at most',
      count(course.waiting),
      `of ${count(sale.arrivals)} who come; they poll ${count(load.polls)} times a second, and the processes answer that by themselves`,
    ],
  ]
}

function course({ course, sale }: Plan): Row[] {
  const never = (what: number | null, text: string) => (what === null ? 'never' : text)
  const again =
    sale.paid < 1
      ? `; each ${time(sale.holdMs / 1_000)} ${share(1 - sale.paid)} of what was taken comes back`
      : ''
  return [
    [
      'holds outstanding',
      count(course.held),
      `at most, of ${count(course.reservations)} reservations in all: paid ones end after ${time(sale.payIn)}, the others expire`,
    ],
    [
      'all units taken',
      never(course.firstGone, `after ${time(course.firstGone ?? 0)}`),
      course.firstGone === null ? 'at one time: some are always left' : 'for the first time',
    ],
    [
      'sold out',
      never(course.lastPaid, `after ${time(course.lastPaid ?? 0)}`),
      `every unit paid${course.mostPaid === null ? '' : `, 99 % of them after ${time(course.mostPaid)}`}${again}`,
    ],
  ]
}

function memory({ servers, sale, processes }: Plan): Row[] {
  const { memory, masters, partitions, maxmemory } = servers
  const full = Math.round(at(reserve.memory, FULL_BATCH))
  const alone = Math.round(at(reserve.memory, 1))
  const visitors =
    memory.visitors > 0
      ? `; ${join.memory.perItem} bytes for each visitor in the queue, ${bytes(memory.visitors)}`
      : ''
  const known =
    sale.rate === undefined ? '' : `, and ${processMemory.visitor} bytes for each visitor it has spoken with`
  return [
    [
      'memory of Redis',
      bytes(memory.total),
      `${full} bytes a reservation in full batches, ${alone} in a call of its own, as planned here: record, key, expiry, stream; ` +
        `${Math.round(at(confirm.memory, 1))} a payment, ${bytes(memory.reservations)} in all${visitors}; ${bytes(server.base)} and ` +
        `${counted(partitions, 'partition')} of ${bytes(server.partition)}`,
    ],
    [
      masters === 1 ? 'maxmemory' : 'maxmemory of each',
      `${count(maxmemory / 2 ** 20)} MiB`,
      'twice the data: tables that grow, snapshots and buffers need room',
    ],
    [
      'memory of a process',
      bytes(processes.memory),
      `${bytes(processMemory.base)} for Node and the library, ${bytes(processMemory.remembered)} for the answers it remembers${known}`,
    ],
  ]
}

function processes({ processes, network }: Plan): Row[] {
  const { count: number, library, requests, decidedBy } = processes
  const http = `; ${count(requests)} HTTP requests a second come on top`
  const why = {
    two: `one may crash; the library needs ${about(library)} of one (half of it is planned)${http}`,
    library: `the library fills ${about(library)} of them in the busiest second, and half of each is planned${http}`,
    http: `${count(requests)} HTTP requests in the busiest second, by --process-rate; the library needs ${about(library)} of them`,
  }[decidedBy]
  return [
    ['processes', String(number), why],
    [
      'network',
      bits(network.toRedis),
      `to Redis in the busiest second, ${bits(network.fromRedis)} back; ${about(reserve.received.perItem)} bytes a reservation and ` +
        `${about(reserve.received.perCall)} a call`,
    ],
  ]
}

function verdict({ oneIsEnough, servers }: Plan): string {
  if (oneIsEnough) return 'One Redis is enough: partitions: 1, no cluster.'
  const { masters, ofRoom, partitions } = servers
  if (masters === 1)
    return 'One Redis is enough for the sale: partitions: 1, no cluster. The waiting room needs another one.'
  const room = ofRoom ? ', and a Redis of its own for the waiting room' : ''
  return `One Redis is not enough: a cluster of ${masters} masters, partitions: ${partitions}${room}.`
}

function notes({ servers, course, sale, waitingRoom: room, load }: Plan): string[] {
  const notes: string[] = []
  if (servers.masters > 1) notes.push('Each master needs a replica to survive its machine.')
  if (!servers.roomKeepsUp) {
    notes.push(
      `A waiting room is one core, and ${count(load.joins)} joins in a second take more than its share: let people come over a longer time, or give several sales a room each.`,
    )
  }
  if (course.leftUnits > 0 && room === null && course.firstGone !== null)
    notes.push(
      `${count(course.leftUnits)} units come back when no buyer is there any more: a waiting room keeps visitors in the queue.`,
    )
  else if (course.leftUnits > 0)
    notes.push(
      `${count(course.leftUnits)} units are left: for all of them ${count(Math.ceil(sale.units / sale.cart / sale.paid))} people must come.`,
    )
  return notes
}
