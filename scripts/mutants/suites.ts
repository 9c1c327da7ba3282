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
const apart = [
  ...['scripts', 'handoff-scripts', 'server-config', 'msgpack', 'pieces', 'matrix', 'provision', 'repeat'],
  ...['plan', 'plan-readme', 'fulfilment', 'release-notes'],
].map((name) => `test/unit/${name}.test.ts`)

export type SuiteName =
  | 'lua'
  | 'memory'
  | 'sale'
  | 'supply'
  | 'room lua'
  | 'room memory'
  | 'room'
  | 'handoff lua'
  | 'handoff memory'
  | 'consumer'

/** On Redis, or on the memory engine: the suites over both engines name the engine first. */
const ON_REDIS = /^(?!memory( engine)? )/
const IN_MEMORY = /^(?!redis( engine)? )/

const roomUnits = /^(draw|forecast|keeper|line|pass|room|ticket-table|updates|visitors)/

export function suites(): Record<SuiteName, Suite> {
  const conformance = testsOf('test/conformance')
  const all = testsOf('test/unit').filter((file) => !apart.includes(file))
  const unit = all.filter((file) => !roomUnits.test(basename(file)))
  const properties = (...names: string[]) => names.map((name) => `test/property/${name}.test.ts`)
  const property = properties('examples', 'model', 'port', 'partitions')
  const rooms = [...testsOf('test/conformance/room'), ...properties('room-port')]
  const handles = testsOf('test/conformance/waiting-room')
  const partitioned = testsOf('test/conformance/partitioned')
  const groups = [...testsOf('test/conformance/handoff'), ...properties('partitions')]
  const consumers = testsOf('test/conformance/consumer')
  const wakeUps = testsOf('test/unit/wake-ups')
  const options = ['undefined-options', 'unknown-options'].map((name) => `test/unit/${name}.test.ts`)
  const supplies = testsOf('test/unit/supply')
  const simulated = (name: string) => `test/simulation/${name}.test.ts`
  const structures = (folder: string) => testsOf(`test/property/structures/${folder}`)
  const suite = (name: SuiteName, files: readonly string[], pattern: RegExp) => ({ name, files, pattern })
  return {
    lua: suite(
      'lua',
      [...conformance, ...property, 'test/unit/client.test.ts', 'test/unit/pieces.test.ts'],
      ON_REDIS,
    ),
    memory: suite(
      'memory',
      [...conformance, ...property, ...structures('memory'), 'test/unit/memory-engine.test.ts'],
      IN_MEMORY,
    ),
    sale: suite(
      'sale',
      [
        ...conformance,
        ...partitioned,
        ...[...unit, ...testsOf('test/unit/sale'), ...wakeUps, ...supplies],
        ...properties('batcher', 'model'),
        ...structures('sale'),
        'test/conformance/waiting-room/coupling.test.ts',
        simulated('simulation'),
      ],
      IN_MEMORY,
    ),
    supply: suite(
      'supply',
      [
        ...[...partitioned, ...supplies, ...properties('one-sale', 'rush'), ...structures('sale')],
        ...['test/unit/surveys.test.ts', simulated('simulation')],
      ],
      IN_MEMORY,
    ),
    'room lua': suite('room lua', [...rooms, ...handles], ON_REDIS),
    'room memory': suite('room memory', [...rooms, ...handles, ...structures('room')], IN_MEMORY),
    room: suite(
      'room',
      [
        ...handles,
        ...all.filter((file) => roomUnits.test(basename(file))),
        ...[...testsOf('test/unit/room'), ...wakeUps, ...options, simulated('rooms')],
      ],
      IN_MEMORY,
    ),
    'handoff lua': suite(
      'handoff lua',
      [...groups, ...consumers, 'test/fault/handoff-port.test.ts'],
      ON_REDIS,
    ),
    'handoff memory': suite('handoff memory', [...groups, ...consumers], IN_MEMORY),
    consumer: suite(
      'consumer',
      [...consumers, ...testsOf('test/unit/consumer'), ...wakeUps, ...options, ...properties('consumer')],
      IN_MEMORY,
    ),
  }
}

export function suiteName(file: string): SuiteName {
  const engine = /^src\/(?:redis|memory)-engine\//.test(file)
  const about = file.includes('/room') ? 'room ' : engine && file.includes('/groups/') ? 'handoff ' : ''
  if (file.endsWith('.lua')) return `${about}lua`
  if (engine) return `${about}memory`
  if (file.startsWith('src/consumer/')) return 'consumer'
  if (file.startsWith('src/sale/rebalancing/')) return 'supply'
  return about === 'room ' || file.startsWith('src/waiting-room/') ? 'room' : 'sale'
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
