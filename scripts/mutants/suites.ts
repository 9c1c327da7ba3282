import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { root } from './catalogue.js'

/** The tests that can tell a mutant of some files from the original. */
export interface Suite {
  readonly name: string
  readonly files: readonly string[]
  /** Of their tests only those whose full name this matches. */
  readonly pattern: RegExp
}

const testsOf = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => `${folder}/${name}`)

/** These neither run a script nor a sale, or need servers with a configuration of their own. */
const apart = /(assemble|concerns|lists|msgpack|server-check|-scripts)\.test\.ts$/

export type SuiteName =
  | 'lua'
  | 'memory'
  | 'sale'
  | 'rebalancing'
  | 'room lua'
  | 'room memory'
  | 'room'
  | 'group lua'
  | 'group memory'
  | 'removal lua'
  | 'removal memory'
  | 'removal'
  | 'consumer'
  | 'ledger'

/** On Redis, or on the memory engine: the suites over both engines name the engine first. */
const ON_REDIS = /^(?!memory( engine)? )/
const IN_MEMORY = /^(?!redis( engine)? )/

export function suites(): Record<SuiteName, Suite> {
  const conformance = testsOf('test/conformance')
  const unit = (...names: string[]) => names.flatMap((name) => testsOf(`test/unit/${name}`))
  const engines = unit('engine', 'batching', 'memory-engine', 'redis-engine').filter(
    (file) => !apart.test(file),
  )
  const onRedis = ['client', 'lists'].map((name) => `test/unit/redis-engine/${name}.test.ts`)
  const properties = (...names: string[]) => names.map((name) => `test/property/${name}.test.ts`)
  const property = properties('examples', 'model', 'port', 'partitions')
  const rooms = [...testsOf('test/conformance/room'), ...properties('room-port')]
  const handles = testsOf('test/conformance/waiting-room')
  const partitioned = testsOf('test/conformance/partitioned')
  // What an engine does for these is seen over several partitions alone.
  const several = ['set-total', 'transfer'].map((name) => `test/conformance/partitioned/${name}.test.ts`)
  const groups = [...testsOf('test/conformance/groups'), ...properties('partitions')]
  const removals = testsOf('test/conformance/removal')
  const consumers = testsOf('test/conformance/consumer')
  const wakeUps = unit('wake-ups')
  const options = ['undefined-options', 'unknown-options'].map(
    (name) => `test/unit/validation/${name}.test.ts`,
  )
  const simulated = (name: string) => `test/simulation/${name}.test.ts`
  const structures = (folder: string) => testsOf(`test/property/structures/${folder}`)
  const suite = (name: SuiteName, files: readonly string[], pattern: RegExp) => ({ name, files, pattern })
  return {
    lua: suite('lua', [...conformance, ...several, ...property, ...onRedis], ON_REDIS),
    memory: suite(
      'memory',
      [...conformance, ...several, ...property, ...structures('memory'), ...unit('memory-engine')],
      IN_MEMORY,
    ),
    sale: suite(
      'sale',
      [
        ...conformance,
        ...partitioned,
        ...[...engines, ...unit('validation', 'sale', 'rebalancing'), ...wakeUps],
        ...properties('batcher', 'model'),
        ...structures('sale'),
        'test/conformance/waiting-room/coupling.test.ts',
        simulated('simulation'),
      ],
      IN_MEMORY,
    ),
    rebalancing: suite(
      'rebalancing',
      [
        ...[...partitioned, ...unit('rebalancing'), ...structures('sale')],
        ...[...properties('one-sale', 'rush'), simulated('simulation')],
      ],
      IN_MEMORY,
    ),
    'room lua': suite('room lua', [...rooms, ...handles], ON_REDIS),
    'room memory': suite('room memory', [...rooms, ...handles, ...structures('room')], IN_MEMORY),
    room: suite(
      'room',
      [...handles, ...unit('waiting-room'), ...wakeUps, ...options, simulated('rooms')],
      IN_MEMORY,
    ),
    'group lua': suite('group lua', [...groups, ...consumers, 'test/fault/groups-port.test.ts'], ON_REDIS),
    'group memory': suite('group memory', [...groups, ...consumers], IN_MEMORY),
    'removal lua': suite('removal lua', removals, ON_REDIS),
    'removal memory': suite('removal memory', removals, IN_MEMORY),
    removal: suite('removal', [...removals, ...unit('sale')], IN_MEMORY),
    consumer: suite(
      'consumer',
      [...consumers, ...unit('consumer'), ...wakeUps, ...options, ...properties('consumer')],
      IN_MEMORY,
    ),
    ledger: suite('ledger', unit('postgres'), IN_MEMORY),
  }
}

export function suiteName(file: string): SuiteName {
  const engine = /^src\/(?:redis|memory)-engine\//.test(file)
  const about = kindOf(file, engine)
  if (file.endsWith('.lua')) return `${about}lua`
  if (engine || file === 'src/common/heap.ts') return `${about}memory`
  if (about === 'removal ') return 'removal'
  if (file.startsWith('src/consumer/')) return 'consumer'
  if (file.startsWith('src/postgres/')) return 'ledger'
  if (file.startsWith('src/sale/rebalancing/')) return 'rebalancing'
  return about === 'room ' || file.startsWith('src/waiting-room/') ? 'room' : 'sale'
}

function kindOf(file: string, engine: boolean): 'removal ' | 'room ' | 'group ' | '' {
  if (file.includes('/removal/')) return 'removal '
  if (file.includes('/room')) return 'room '
  return engine && file.includes('/groups/') ? 'group ' : ''
}

/**
 * Cheapest first; what has just found another mutant of this file, or bears its name, goes as if it
 * cost a tenth. The order saves time and decides nothing: what survives has passed them all.
 */
export function inOrder(
  files: readonly string[],
  source: string,
  cost: (file: string) => number,
  killers: readonly string[],
): string[] {
  const own = basename(source).replace(/\.\w+$/, '')
  const rank = (file: string): number => {
    const promising = killers.includes(file) || basename(file) === `${own}.test.ts`
    return promising ? cost(file) / 10 : cost(file)
  }
  return files.toSorted((a, b) => rank(a) - rank(b))
}
