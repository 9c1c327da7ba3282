import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../lib/servers/machine.js'
import { luaChanges } from './lua-mutator.js'
import { type Mutant, mutantsOf } from './mutant.js'
import { typescriptChanges } from './typescript-mutator.js'

/**
 * The rules of a sale, of a waiting room and of consumers. Code that only carries messages has
 * suites of its own.
 */
const folders = [
  'src/redis-engine/concerns',
  'src/redis-engine/sale/concerns',
  'src/redis-engine/sale/scripts',
  'src/redis-engine/room/concerns',
  'src/redis-engine/room/scripts',
  'src/redis-engine/groups/concerns',
  'src/redis-engine/groups/scripts',
  'src/redis-engine/removal/concerns',
  'src/redis-engine/removal/scripts',
  'src/memory-engine',
  'src/memory-engine/sale',
  'src/memory-engine/room',
  'src/memory-engine/groups',
  'src/memory-engine/removal',
  'src/engine',
  'src/batching',
  'src/sale',
  'src/sale/rebalancing',
  'src/sale/recovery',
  'src/sale/removal',
  'src/waiting-room',
  'src/consumer',
]

/** Of the ledger, the rules that need no database. */
const orders = ['payout-rules', 'step-batcher', 'steps', 'units'].map(
  (name) => `src/postgres/orders/${name}.ts`,
)

export const root = repositoryRoot()

export function readSource(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** Every file that is changed, in one order for all. */
function sourceFiles(): string[] {
  const found = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => /\.(lua|ts)$/.test(name))
      .sort()
      .map((name) => `${folder}/${name}`),
  )
  return ['src/common/chunks.ts', 'src/common/heap.ts', ...orders, ...found]
}

/** Every mutant there is of these files. */
export function catalogue(files: readonly string[] = sourceFiles()): Mutant[] {
  return files.flatMap((file) => {
    const text = readSource(file)
    return mutantsOf(file, text, file.endsWith('.lua') ? luaChanges(text) : typescriptChanges(text))
  })
}
