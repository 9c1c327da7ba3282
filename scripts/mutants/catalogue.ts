import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../servers/machine.js'
import { luaChanges } from './lua-mutator.js'
import { type Mutant, mutantsOf } from './mutant.js'
import { typescriptChanges } from './typescript-mutator.js'

/** Where the rules of a sale, of a waiting room and of whoever follows a sale are carried out; what only carries messages has suites of its own. */
const folders = [
  'src/engine/redis/scripts',
  'src/engine/redis/room/scripts',
  'src/engine/redis/handoff/scripts',
  'src/engine/memory',
  'src/engine/memory/room',
  'src/engine/memory/handoff',
  'src/engine',
  'src/sale',
  'src/sale/supply',
  'src/admission',
  'src/handoff',
]

export const root = repositoryRoot()

export function readSource(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** Every file that is changed, in one order for all. */
export function sourceFiles(): string[] {
  const found = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => /\.(lua|ts)$/.test(name))
      .sort()
      .map((name) => `${folder}/${name}`),
  )
  return ['src/chunks.ts', ...found]
}

/** Every mutant there is of these files. */
export function catalogue(files: readonly string[] = sourceFiles()): Mutant[] {
  return files.flatMap((file) => {
    const text = readSource(file)
    return mutantsOf(file, text, file.endsWith('.lua') ? luaChanges(text) : typescriptChanges(text))
  })
}
