import type { Cluster, Redis } from 'ioredis'
import type { Command, Given, Surroundings } from '../command.js'
import { addressOf, checkPrefix, placeOf, reach } from '../connection.js'
import { compareClocks, examine, type Finding } from '../doctor/examine.js'
import { probe } from '../doctor/probe.js'
import { DONE, NO } from '../exit-codes.js'
import { READING } from '../options.js'
import { readOptions } from '../plan/options.js'
import { planOf } from '../plan/plan.js'
import { Screen } from '../screen.js'
import { safe, safeJson } from '../terminal/safe.js'
import { PLAN_OPTIONS } from './plan.js'

interface Examined {
  readonly server: string
  readonly findings: readonly Finding[]
}

async function run(given: Given, { output, env }: Surroundings): Promise<number> {
  const prefix = checkPrefix(given.text('prefix') ?? 'stockhold')
  const needed = neededBytes(given)
  const place = await placeOf(given, env)
  const client = await reach(place)
  try {
    const servers = place.cluster
      ? (client as Cluster)
          .nodes('master')
          .map((node) => [node, `${node.options.host}:${node.options.port}`] as const)
      : [[client as Redis, place.urls.map(addressOf).join(', ')] as const]
    const probes = await Promise.all(servers.map(([server, address]) => probe(server, address, prefix)))
    const examined: Examined[] = probes.map((one) => ({
      server: one.address,
      findings: examine(one, prefix, needed),
    }))
    const clocks = compareClocks(probes)
    if (clocks) examined.push({ server: 'all masters', findings: [{ check: 'clock', ...clocks }] })
    const states = examined.flatMap(({ findings }) => findings.map(({ state }) => state))
    const faults = states.filter((state) => state === 'fault').length
    const warnings = states.filter((state) => state === 'warning').length
    const verdict = faults > 0 ? 'not_ready' : warnings > 0 ? 'ready_with_warnings' : 'ready'
    const screen = new Screen(output, env)
    if (given.flag('json')) screen.line(safeJson({ verdict, servers: examined }))
    else print(screen, examined, faults, warnings)
    return faults > 0 ? NO : DONE
  } finally {
    client.disconnect()
  }
}

/** The bytes that the fullest master needs for the sale of the plan, if one is given. */
function neededBytes(given: Given): number | undefined {
  const names = PLAN_OPTIONS.map(({ name }) => name)
  const planned = given.arguments().filter((text) => names.includes(/^--([\w-]+)/.exec(text)![1]!))
  if (planned.length === 0) return undefined
  const { sale, resources } = readOptions(planned)
  return planOf(sale, resources).servers.maxmemory
}

const COLOURS = { ok: 'green', warning: 'yellow', fault: 'red' } as const

function print(screen: Screen, examined: readonly Examined[], faults: number, warnings: number): void {
  for (const { server, findings } of examined) {
    screen.line(screen.paint('bold', safe(server)))
    screen.table(
      ['check', 'verdict', 'found', 'what to do'],
      findings.map(({ check, state, found, advice }) => [check, state, safe(found), safe(advice ?? '')]),
      (cell, column) => {
        const colour = COLOURS[cell.trim() as keyof typeof COLOURS]
        return column === 1 && colour ? screen.paint(colour, cell) : cell
      },
    )
    screen.line('')
  }
  const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`
  const found = [
    ...(faults > 0 ? [counted(faults, 'fault')] : []),
    ...(warnings > 0 ? [counted(warnings, 'warning')] : []),
  ].join(', ')
  if (faults > 0) screen.line(`verdict: ${screen.paint('red', 'not ready')}, ${found}`)
  else screen.line(`verdict: ${screen.paint('green', 'ready')}${found === '' ? '' : `, ${found}`}`)
}

export const examining: readonly Command[] = [
  {
    ...{ name: 'doctor', section: 'To check', parameters: '', run },
    summary: 'checks a Redis before the night, and says what to do',
    details:
      'Of each master: version, eviction, persistence, memory, rights, latency, clock, clients, replicas. With the options of plan it compares the memory with that plan. It writes no key. It removes the function libraries of other versions of stockhold that no process has used for a day, and says how many.',
    options: [...READING, ...PLAN_OPTIONS],
    examples: ['doctor --redis redis://127.0.0.1:6379', 'doctor --units 100000 --arrivals 1000000'],
  },
]
