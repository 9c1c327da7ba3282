import type { Command, Given, Option, Surroundings } from '../command.js'
import { DONE } from '../exit-codes.js'
import { measuredBy } from '../plan/figures.js'
import { readOptions } from '../plan/options.js'
import { planOf } from '../plan/plan.js'
import { REPORT_WIDTH, reportLines } from '../plan/report.js'
import { Screen } from '../screen.js'
import { safeJson } from '../terminal/safe.js'

/** The sale that is foreseen, and what it may use; `plan/options.ts` reads them. */
export const PLAN_OPTIONS: readonly Option[] = [
  { name: 'units', value: 'N', help: 'units on sale (default 100000)' },
  { name: 'cart', value: 'N', help: 'units of one reservation (default 1)' },
  { name: 'arrivals', value: 'N', help: 'people who come (default: 10 for each unit)' },
  { name: 'within', value: 'SPAN', help: 'the time in which they come: 90s, 500ms, 3min, 2h (default 60s)' },
  { name: 'peak', value: 'N', help: 'how many come in the busiest second (default: twice the mean)' },
  { name: 'paid', value: 'SHARE', help: 'the share of reservations that are paid (default 0.8)' },
  { name: 'pay-in', value: 'SPAN', help: 'from the reservation to its payment (default 2min)' },
  { name: 'hold-ms', value: 'N', help: 'how long a reservation holds its units (default 600000)' },
  { name: 'sell-in', value: 'SPAN', help: 'the time in which every unit is taken first (default 3min)' },
  { name: 'rate', value: 'N', help: 'people admitted in a second, in place of --sell-in' },
  { name: 'no-room', help: 'no waiting room: buyers reserve as soon as they come' },
  { name: 'core', value: 'SHARE', help: 'of a core of each master, in the busiest second (default 0.5)' },
  { name: 'gib', value: 'N', help: 'memory of a master that data may fill, in GiB (default 8)' },
  { name: 'process-rate', value: 'N', help: 'HTTP requests a second that one process answers, if known' },
]

async function run(given: Given, { output, env }: Surroundings): Promise<number> {
  const { sale, resources, json } = readOptions(given.arguments())
  const plan = planOf(sale, resources)
  const screen = new Screen(output, env)
  if (json) screen.line(safeJson({ ...plan, measuredBy }))
  else
    for (const line of reportLines(plan, Math.min(screen.width, REPORT_WIDTH), screen.paint))
      screen.line(line)
  return DONE
}

export const planning: readonly Command[] = [
  {
    ...{ name: 'plan', section: 'To check', parameters: '', run },
    summary: 'how many masters, partitions and processes a sale needs, its rate and its memory',
    options: [...PLAN_OPTIONS, { name: 'json', help: 'prints one JSON value, also for an error' }],
    examples: ['plan --units 100000 --arrivals 1000000', 'plan --units 5000 --within 10min --json'],
  },
]
